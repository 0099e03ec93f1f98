// sqs-consumer: workers with batches, heartbeats, retries and time-outs.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Consumer } from "sqs-consumer";
import { client, counts, newQueue, numbers, sendNumbers, until } from "./world.mjs";

const sqs = client();
after(() => sqs.destroy());

/** Starts consumers, waits until something is true, stops them all; fails if they met errors that were not expected. */
async function working(consumers, what, is, expected = () => false) {
  const errors = [];
  for (const consumer of consumers) {
    for (const kind of ["error", "timeout_error", "processing_error"]) {
      consumer.on(kind, (error) => expected(error) || errors.push(error));
    }
    consumer.start();
  }
  try {
    await until(what, () => errors.length || is());
  } finally {
    await Promise.all(
      consumers.map((consumer) => new Promise((stopped) => consumer.once("stopped", stopped).stop({ abort: true }))),
    );
  }
  assert.deepEqual(errors, []);
}

const isEmpty = async (queue) => (await counts(sqs, queue)).every((count) => count === 0);

test("three workers share a queue by batches", async () => {
  const queueUrl = await newQueue(sqs);
  const handled = [];
  const worker = () =>
    Consumer.create({
      queueUrl,
      sqs,
      batchSize: 10,
      waitTimeSeconds: 5,
      handleMessageBatch: async (jobs) => {
        handled.push(...jobs.map((job) => Number(job.Body)));
        return jobs;
      },
    });
  const sending = sendNumbers(sqs, queueUrl, 300);
  await working([worker(), worker(), worker()], "300 jobs to be done", async () => handled.length >= 300 && isEmpty(queueUrl));
  await sending;
  assert.deepEqual(handled.toSorted((a, b) => a - b), numbers(300));
});

test("a heartbeat keeps slow work with its worker, and its end lets it go on", async () => {
  const queueUrl = await newQueue(sqs);
  const handled = [];
  const worker = () =>
    Consumer.create({
      queueUrl,
      sqs,
      batchSize: 2,
      waitTimeSeconds: 1,
      visibilityTimeout: 2,
      heartbeatInterval: 1,
      handleMessageBatch: async (jobs) => {
        await sleep(5000);
        handled.push(...jobs.map((job) => Number(job.Body)));
        return jobs;
      },
    });
  await sendNumbers(sqs, queueUrl, 3);
  await working([worker(), worker()], "3 jobs to be done", async () => handled.length >= 3 && isEmpty(queueUrl));
  assert.deepEqual(handled.toSorted(), numbers(3));
});

test("what a handler throws at comes back at once, and counts", async () => {
  const queueUrl = await newQueue(sqs, { VisibilityTimeout: "600" });
  const tries = [];
  const worker = Consumer.create({
    queueUrl,
    sqs,
    waitTimeSeconds: 5,
    terminateVisibilityTimeout: true,
    messageSystemAttributeNames: ["ApproximateReceiveCount"],
    handleMessage: async (job) => {
      tries.push(job.Attributes.ApproximateReceiveCount);
      if (tries.length < 3) throw new Error("not today");
      return job;
    },
  });
  await sendNumbers(sqs, queueUrl, 1);
  const expected = (error) => error.message.includes("not today");
  await working([worker], "the third try", async () => tries.length >= 3 && isEmpty(queueUrl), expected);
  assert.deepEqual(tries, ["1", "2", "3"]);
});

test("a handler that takes too long has its job taken away, and another does it", async () => {
  const queueUrl = await newQueue(sqs);
  let tries = 0;
  const worker = Consumer.create({
    queueUrl,
    sqs,
    waitTimeSeconds: 1,
    visibilityTimeout: 2,
    handleMessageTimeout: 500,
    handleMessage: async (job) => {
      tries += 1;
      if (tries === 1) await sleep(1500);
      return job;
    },
  });
  await sendNumbers(sqs, queueUrl, 1);
  const expected = (error) => error.name === "TimeoutError";
  await working([worker], "the second try", async () => tries >= 2 && isEmpty(queueUrl), expected);
  assert.equal(tries, 2);
});

test("a worker that stops while it waits takes nothing with it", async () => {
  const queueUrl = await newQueue(sqs, { VisibilityTimeout: "600" });
  const idle = Consumer.create({ queueUrl, sqs, waitTimeSeconds: 20, handleMessage: async () => assert.fail("it stopped") });
  idle.start();
  await sleep(500);
  const start = Date.now();
  await new Promise((stopped) => idle.once("stopped", stopped).stop({ abort: true }));
  assert.ok(Date.now() - start < 2000, `stopping took ${Date.now() - start} ms`);
  await sleep(100);
  await sendNumbers(sqs, queueUrl, 1);
  const handled = [];
  const next = Consumer.create({
    queueUrl,
    sqs,
    waitTimeSeconds: 5,
    handleMessage: async (job) => {
      handled.push(job.Body);
      return job;
    },
  });
  await working([next], "the next worker to do it", async () => handled.length > 0 && isEmpty(queueUrl));
  assert.deepEqual(handled, ["0"]);
});
