"""Messages: sent, received, deleted. boto3 itself checks the MD5 of each body and of the attributes."""

import hashlib
import threading
import time

from world import QueueTest, client


class SendAndReceive(QueueTest):
    def test_a_message_makes_the_round(self):
        body = 'text with "quotes", \u00e9, \U0001f6a2, tabs\tand\nlines'
        sent = self.send(body)
        self.assertEqual(sent["MD5OfMessageBody"], hashlib.md5(body.encode()).hexdigest())
        (message,) = self.receive()
        self.assertEqual((message["Body"], message["MessageId"]), (body, sent["MessageId"]))
        self.assertNotIn("Attributes", message)
        self.assertNotIn("MessageAttributes", message)
        self.assertEqual(self.receive(), [])
        self.delete(message)
        self.delete(message)
        self.assertEqual(self.attribute("ApproximateNumberOfMessagesNotVisible"), "0")

    def test_message_attributes_come_back_with_their_md5(self):
        attributes = {
            "string": {"DataType": "String", "StringValue": "va\u00e9lue"},
            "number": {"DataType": "Number", "StringValue": "12.50"},
            "binary": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
            "custom": {"DataType": "String.json", "StringValue": "{}"},
        }
        # boto3 raises if the server's MD5 of the attributes is not its own.
        self.assertIn("MD5OfMessageAttributes", self.send("a", MessageAttributes=attributes))
        (message,) = self.receive(MessageAttributeNames=["All"], VisibilityTimeout=0)
        self.assertEqual(message["MessageAttributes"], attributes)
        # boto3 checks the MD5 of what comes, which is not that of what was sent.
        named = {"MessageAttributeNames": ["str.*", "string", "number"], "VisibilityTimeout": 0}
        (message,) = self.receive(WaitTimeSeconds=1, **named)
        self.assertEqual(set(message["MessageAttributes"]), {"number", "string"})
        (message,) = self.receive(WaitTimeSeconds=1)
        self.assertNotIn("MessageAttributes", message)

    def test_wrong_message_attributes_are_refused(self):
        string = {"DataType": "String", "StringValue": "a"}
        for attributes in [
            {f"name{at}": string for at in range(11)},
            {"AWS.mine": string},
            {"dots..twice": string},
            {"empty": {"DataType": "String", "StringValue": ""}},
            {"number": {"DataType": "Number", "StringValue": "twelve"}},
            {"type": {"DataType": "Float", "StringValue": "1"}},
        ]:
            with self.subTest(attributes=list(attributes)):
                self.refused("InvalidParameterValue", self.send, "a", MessageAttributes=attributes)
        self.assertEqual(self.receive(), [])

    def test_system_attributes_are_told_when_asked_for(self):
        self.send("a", MessageGroupId="tenant-7")
        before = int(time.time() * 1000)
        (message,) = self.receive(MessageSystemAttributeNames=["All"], VisibilityTimeout=0)
        told = message["Attributes"]
        self.assertEqual((told["ApproximateReceiveCount"], told["MessageGroupId"]), ("1", "tenant-7"))
        for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"]:
            self.assertLess(abs(int(told[name]) - before), 10_000, name)
        (message,) = self.receive(AttributeNames=["ApproximateReceiveCount"], WaitTimeSeconds=1)
        self.assertEqual(message["Attributes"], {"ApproximateReceiveCount": "2"})

    def test_the_trace_of_a_request_goes_with_its_message(self):
        trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"

        def follow(request, **_):
            request.headers["X-Amzn-Trace-Id"] = trace

        self.sqs.meta.events.register("before-send.sqs.SendMessage", follow)
        self.send("a")
        (message,) = self.receive(AttributeNames=["AWSTraceHeader"])
        self.assertEqual(message["Attributes"], {"AWSTraceHeader": trace})

    def test_bodies_that_are_not_allowed_are_refused(self):
        self.refused("InvalidMessageContents", self.send, "bell \u0007")
        self.refused("InvalidParameterValue", self.send, "x" * (1024 * 1024 + 1))
        self.refused("InvalidParameterValue", self.send, "a", MessageGroupId="with space")
        self.refused("InvalidParameterValue", self.send, "a", DelaySeconds=901)
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "0")

    def test_a_delayed_message_waits(self):
        self.send("later", DelaySeconds=1)
        self.assertEqual(self.attribute("ApproximateNumberOfMessagesDelayed"), "1")
        self.assertEqual(self.receive(), [])
        (message,) = self.receive(WaitTimeSeconds=5)
        self.assertEqual(message["Body"], "later")

    def test_receive_refuses_numbers_out_of_range(self):
        for wrong in [
            {"MaxNumberOfMessages": 0},
            {"MaxNumberOfMessages": 11},
            {"WaitTimeSeconds": 21},
            {"VisibilityTimeout": 43_201},
        ]:
            with self.subTest(wrong=wrong):
                self.refused("InvalidParameterValue", self.receive, **wrong)


class LongPolling(QueueTest):
    def test_a_waiting_receive_wakes_at_once(self):
        came = []

        def wait():
            (message,) = client().receive_message(QueueUrl=self.queue, WaitTimeSeconds=20)["Messages"]
            came.append((message["Body"], time.monotonic()))

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.7)
        sent = time.monotonic()
        self.send("news")
        waiting.join(timeout=25)
        ((body, at),) = came
        self.assertEqual(body, "news")
        self.assertLess(at - sent, 0.5)

    def test_an_empty_receive_waits_as_long_as_asked(self):
        start = time.monotonic()
        self.assertEqual(self.receive(WaitTimeSeconds=1), [])
        self.assertTrue(0.9 < time.monotonic() - start < 3)


class Visibility(QueueTest):
    attributes = {"VisibilityTimeout": "60"}

    def change(self, message, seconds):
        self.sqs.change_message_visibility(
            QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def test_zero_gives_it_back_and_a_lease_ends(self):
        self.send("a")
        (first,) = self.receive()
        self.change(first, 0)
        (second,) = self.receive(VisibilityTimeout=1)
        self.assertNotEqual(first["ReceiptHandle"], second["ReceiptHandle"])
        (third,) = self.receive(WaitTimeSeconds=5)
        self.assertEqual(third["MessageId"], second["MessageId"])

    def test_an_extended_lease_holds(self):
        self.send("a")
        (message,) = self.receive(VisibilityTimeout=1)
        self.change(message, 30)
        self.assertEqual(self.receive(WaitTimeSeconds=2), [])
        self.delete(message)

    def test_the_whole_lease_is_at_most_twelve_hours(self):
        self.send("a")
        (message,) = self.receive(VisibilityTimeout=10)
        time.sleep(1.1)
        self.refused("InvalidParameterValue", self.change, message, 43_200)
        self.change(message, 43_000)

    def test_a_deleted_message_cannot_be_changed(self):
        self.send("a")
        (message,) = self.receive()
        self.delete(message)
        with self.assertRaises(self.sqs.exceptions.ClientError) as raised:
            self.change(message, 10)
        self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)

    def test_handles_that_are_none_are_refused(self):
        self.send("a")
        (message,) = self.receive()
        other = self.sqs.create_queue(QueueName=self.name + "-other")["QueueUrl"]
        with self.assertRaises(self.sqs.exceptions.ReceiptHandleIsInvalid):
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle="not a handle")
        with self.assertRaises(self.sqs.exceptions.ReceiptHandleIsInvalid):
            self.sqs.delete_message(QueueUrl=other, ReceiptHandle=message["ReceiptHandle"])
        with self.assertRaises(self.sqs.exceptions.ReceiptHandleIsInvalid):
            self.change({"ReceiptHandle": "not a handle"}, 1)
        self.assertEqual(self.attribute("ApproximateNumberOfMessagesNotVisible"), "1")
