// What the scripts share: clients of the server that the environment names, queues of their own, waiting with an end.

import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient, SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

// An unexpected 5xx shall be seen, not retried away.
export const client = (settings = {}) => new SQSClient({ maxAttempts: 1, ...settings });

export async function newQueue(sqs, Attributes = {}) {
  const QueueName = `test-${randomUUID()}`;
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl;
}

/** How many jobs are waiting, in flight and delayed. */
export async function counts(sqs, QueueUrl) {
  const AttributeNames = ["", "NotVisible", "Delayed"].map((kind) => `ApproximateNumberOfMessages${kind}`);
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return AttributeNames.map((name) => Number(Attributes[name]));
}

/** Sends the numbers from 0 on as bodies, ten a call. */
export async function sendNumbers(sqs, QueueUrl, count) {
  for (let from = 0; from < count; from += 10) {
    const Entries = Array.from({ length: Math.min(10, count - from) }, (_, at) => ({
      Id: `${at}`,
      MessageBody: `${from + at}`,
    }));
    const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (sent.Failed?.length) throw new Error(JSON.stringify(sent.Failed));
  }
}

export const numbers = (count) => Array.from({ length: count }, (_, at) => at);

export async function until(what, is, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s for this: ${what}`);
    await sleep(20);
  }
}
