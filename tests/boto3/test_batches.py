"""Batches: ten at a time, failing entry by entry."""

from world import QueueTest


def entries(*bodies, **more):
    return [{"Id": f"e{at}", "MessageBody": body, **more} for at, body in enumerate(bodies)]


class Batches(QueueTest):
    def send_batch(self, batch):
        return self.sqs.send_message_batch(QueueUrl=self.queue, Entries=batch)

    def test_a_batch_makes_the_round(self):
        attributes = {"name": {"DataType": "String", "StringValue": "value"}}
        sent = self.send_batch(entries(*"abcdefghij", MessageAttributes=attributes, MessageGroupId="g"))
        self.assertEqual([entry["Id"] for entry in sent["Successful"]], [f"e{at}" for at in range(10)])
        self.assertNotIn("Failed", sent)
        messages = self.receive(MessageAttributeNames=["All"])
        self.assertEqual([message["Body"] for message in messages], list("abcdefghij"))
        handles = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)]
        deleted = self.sqs.delete_message_batch(QueueUrl=self.queue, Entries=handles)
        self.assertEqual(len(deleted["Successful"]), 10)
        self.assertEqual(self.attribute("ApproximateNumberOfMessagesNotVisible"), "0")

    def test_a_wrong_entry_fails_alone(self):
        batch = entries("good", "bad \u0001", "good too")
        sent = self.send_batch(batch)
        self.assertEqual([entry["Id"] for entry in sent["Successful"]], ["e0", "e2"])
        (failed,) = sent["Failed"]
        self.assertEqual((failed["Id"], failed["SenderFault"]), ("e1", True))
        self.assertEqual(failed["Code"], "InvalidMessageContents")
        messages = self.receive()
        self.assertEqual([message["Body"] for message in messages], ["good", "good too"])

        handles = [{"Id": "right", "ReceiptHandle": messages[0]["ReceiptHandle"]}, {"Id": "wrong", "ReceiptHandle": "x"}]
        deleted = self.sqs.delete_message_batch(QueueUrl=self.queue, Entries=handles)
        self.assertEqual([entry["Id"] for entry in deleted["Successful"]], ["right"])
        self.assertEqual([(e["Id"], e["Code"]) for e in deleted["Failed"]], [("wrong", "ReceiptHandleIsInvalid")])

        changes = [
            {"Id": "right", "ReceiptHandle": messages[1]["ReceiptHandle"], "VisibilityTimeout": 0},
            {"Id": "long", "ReceiptHandle": messages[1]["ReceiptHandle"], "VisibilityTimeout": 43_201},
            {"Id": "wrong", "ReceiptHandle": "x", "VisibilityTimeout": 0},
        ]
        changed = self.sqs.change_message_visibility_batch(QueueUrl=self.queue, Entries=changes)
        self.assertEqual([entry["Id"] for entry in changed["Successful"]], ["right"])
        self.assertEqual({entry["Id"] for entry in changed["Failed"]}, {"long", "wrong"})
        self.assertEqual([message["Body"] for message in self.receive()], ["good too"])

    def test_rules_of_the_whole_batch_fail_the_call(self):
        prefix = "AWS.SimpleQueueService."
        self.refused(prefix + "EmptyBatchRequest", self.send_batch, [])
        self.refused(prefix + "TooManyEntriesInBatchRequest", self.send_batch, entries(*"abcdefghijk"))
        twice = [{"Id": "same", "MessageBody": "a"}] * 2
        self.refused(prefix + "BatchEntryIdsNotDistinct", self.send_batch, twice)
        self.refused(prefix + "InvalidBatchEntryId", self.send_batch, [{"Id": "a b", "MessageBody": "a"}])
        self.refused(prefix + "BatchRequestTooLong", self.send_batch, entries("x" * 600_000, "y" * 600_000))
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "0")
        with self.assertRaises(self.sqs.exceptions.TooManyEntriesInBatchRequest):
            self.send_batch(entries(*"abcdefghijk"))
