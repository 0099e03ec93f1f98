// The AWS SDK for JavaScript v3 by itself.

import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  QueueDoesNotExist,
  ReceiptHandleIsInvalid,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  TooManyEntriesInBatchRequest,
} from "@aws-sdk/client-sqs";
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { client, counts, newQueue, numbers, sendNumbers, until } from "./world.mjs";

const sqs = client();
after(() => sqs.destroy());

const receive = async (QueueUrl, settings = {}, options = {}) => {
  const request = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0, ...settings };
  return (await sqs.send(new ReceiveMessageCommand(request), options)).Messages ?? [];
};

test("a job makes the round with all that it carries", async () => {
  const QueueUrl = await newQueue(sqs);
  const MessageBody = "ünïcode \u{1f680} \"quoted\" <&> \t\n";
  const MessageAttributes = {
    colour: { DataType: "String", StringValue: "grün" },
    size: { DataType: "Number.int", StringValue: "17" },
    raw: { DataType: "Binary", BinaryValue: new Uint8Array([0, 1, 2, 255]) },
  };
  // The SDK compares the digests by itself.
  const sent = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes, MessageGroupId: "a" }));
  const [job] = await receive(QueueUrl, { MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] });
  assert.equal(job.Body, MessageBody);
  assert.equal(job.MessageId, sent.MessageId);
  assert.deepEqual([...job.MessageAttributes.raw.BinaryValue], [0, 1, 2, 255]);
  assert.equal(job.MessageAttributes.colour.StringValue, "grün");
  assert.equal(job.MessageAttributes.size.DataType, "Number.int");
  assert.equal(job.Attributes.MessageGroupId, "a");
  assert.equal(job.Attributes.ApproximateReceiveCount, "1");
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: job.ReceiptHandle }));
  assert.deepEqual(await counts(sqs, QueueUrl), [0, 0, 0]);
  assert.equal((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages, undefined);
});

test("a batch fails entry by entry", async () => {
  const QueueUrl = await newQueue(sqs);
  const Entries = ["good", "bad \u0001", "good too"].map((MessageBody, at) => ({ Id: `${at}`, MessageBody }));
  const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  assert.deepEqual(sent.Successful.map((entry) => entry.Id), ["0", "2"]);
  assert.deepEqual(sent.Failed.map(({ Id, Code, SenderFault }) => [Id, Code, SenderFault]), [
    ["1", "InvalidMessageContents", true],
  ]);
  const jobs = await receive(QueueUrl);
  const handles = jobs.map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle }));
  const back = handles.map((handle) => ({ ...handle, VisibilityTimeout: 0 }));
  const changed = await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: back }));
  assert.equal(changed.Successful.length, 2);
  const again = (await receive(QueueUrl)).map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle }));
  const entries = [...again, { Id: "wrong", ReceiptHandle: "x" }];
  const deleted = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: entries }));
  assert.equal(deleted.Successful.length, 2);
  assert.deepEqual(deleted.Failed.map((entry) => [entry.Id, entry.Code]), [["wrong", "ReceiptHandleIsInvalid"]]);
  assert.deepEqual(await counts(sqs, QueueUrl), [0, 0, 0]);
});

test("errors have their classes, codes and statuses", async () => {
  const QueueUrl = await newQueue(sqs);
  const refused = async (command, expected) => {
    const error = await sqs.send(command).then(
      () => assert.fail("it was not refused"),
      (error) => error,
    );
    if (typeof expected === "function") assert.ok(error instanceof expected, `${error.name} is no ${expected.name}`);
    else assert.equal(error.name, expected);
    assert.equal(error.$fault, "client");
    assert.ok(error.$metadata.requestId, "it has a request id");
    return error.$metadata.httpStatusCode;
  };
  assert.equal(await refused(new GetQueueUrlCommand({ QueueName: "nobody" }), QueueDoesNotExist), 400);
  const unknown = QueueUrl.replace(/[^/]*$/, "nobody");
  assert.equal(await refused(new SendMessageCommand({ QueueUrl: unknown, MessageBody: "a" }), QueueDoesNotExist), 400);
  assert.equal(await refused(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: "x" }), ReceiptHandleIsInvalid), 404);
  const Entries = numbers(11).map((at) => ({ Id: `${at}`, MessageBody: "a" }));
  assert.equal(await refused(new SendMessageBatchCommand({ QueueUrl, Entries }), TooManyEntriesInBatchRequest), 400);
  for (const [settings, name, code] of [
    [{ credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "guessed" } }, "SignatureDoesNotMatch", 403],
    [{ credentials: { accessKeyId: "AKIANOBODY", secretAccessKey: "x" } }, "InvalidClientTokenId", 403],
  ]) {
    const stranger = client(settings);
    await assert.rejects(stranger.send(new PurgeQueueCommand({ QueueUrl })), (error) => {
      assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, code]);
      return true;
    });
    stranger.destroy();
  }
});

test("a long poll wakes for a job, and one that was given up takes none", async () => {
  const QueueUrl = await newQueue(sqs, { ReceiveMessageWaitTimeSeconds: "20" });
  const waiting = receive(QueueUrl, { WaitTimeSeconds: undefined });
  await new Promise((done) => setTimeout(done, 300));
  const start = Date.now();
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "a" }));
  assert.deepEqual((await waiting).map((job) => job.Body), ["a"]);
  assert.ok(Date.now() - start < 2000, `it took ${Date.now() - start} ms`);

  const giveUp = new AbortController();
  const given = receive(QueueUrl, {}, {});
  assert.deepEqual(await given, []);
  const abandoned = receive(QueueUrl, { WaitTimeSeconds: 20 }, { abortSignal: giveUp.signal });
  setTimeout(() => giveUp.abort(), 300);
  await assert.rejects(abandoned, { name: "AbortError" });
  await new Promise((done) => setTimeout(done, 100));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "b" }));
  assert.deepEqual((await receive(QueueUrl, { WaitTimeSeconds: 5 })).map((job) => job.Body), ["b"]);
});

test("many senders and workers at once lose and double nothing", async () => {
  const QueueUrl = await newQueue(sqs);
  const [count, done] = [500, new Map()];
  const work = async () => {
    while (done.size < count) {
      const jobs = await receive(QueueUrl, { WaitTimeSeconds: 1 });
      for (const job of jobs) done.set(job.Body, (done.get(job.Body) ?? 0) + 1);
      const Entries = jobs.map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle }));
      if (jobs.length) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  };
  await Promise.all([sendNumbers(sqs, QueueUrl, count), ...numbers(8).map(work)]);
  assert.deepEqual([...done.values()].filter((times) => times !== 1), []);
  assert.deepEqual(await counts(sqs, QueueUrl), [0, 0, 0]);
});

test("a purge and a deletion are seen at once", async () => {
  const QueueUrl = await newQueue(sqs);
  await sendNumbers(sqs, QueueUrl, 20);
  await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  assert.deepEqual(await counts(sqs, QueueUrl), [0, 0, 0]);
  await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  await assert.rejects(receive(QueueUrl), QueueDoesNotExist);
  await until("the name to be free", () => newQueue(sqs));
});
