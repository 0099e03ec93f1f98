"""FIFO queues: order, lock, de-duplication, attempts."""

import threading
import time
import uuid

from world import QueueTest, client


class FifoTest(QueueTest):
    """Each test has an empty FIFO queue."""

    attributes = {"ContentBasedDeduplication": "true"}

    def setUp(self):
        self.sqs = client()
        self.name = f"test-{uuid.uuid4().hex}.fifo"
        attributes = {"FifoQueue": "true", **self.attributes}
        self.queue = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]

    def put(self, body, group="g", **more):
        return self.send(body, MessageGroupId=group, **more)

    def bodies(self, **more):
        return [message["Body"] for message in self.receive(**more)]

    def change(self, message, seconds):
        self.sqs.change_message_visibility(
            QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


class OrderAndLock(FifoTest):
    def test_a_group_comes_in_order_and_is_locked_while_one_of_it_is_out(self):
        for body in ["a1", "a2", "a3"]:
            self.put(body, "a")
        self.put("b1", "b")
        (first,) = self.receive(MaxNumberOfMessages=1)
        self.assertEqual(first["Body"], "a1")
        self.assertEqual(self.bodies(), ["b1"])
        self.assertEqual(self.bodies(), [])
        self.delete(first)
        self.assertEqual(self.bodies(), ["a2", "a3"])

    def test_what_comes_back_takes_its_old_place(self):
        for body in ["1", "2", "3", "4"]:
            self.put(body)
        one, two, three = self.receive(MaxNumberOfMessages=3)
        self.change(three, 0)
        self.delete(two)
        self.change(one, 0)
        self.assertEqual(self.bodies(), ["1", "3", "4"])

    def test_a_batch_of_one_group_that_is_deleted_in_part_stays_locked(self):
        for body in ["1", "2", "3"]:
            self.put(body)
        one, two = self.receive(MaxNumberOfMessages=2)
        self.delete(one)
        self.assertEqual(self.bodies(), [])
        self.delete(two)
        self.assertEqual(self.bodies(), ["3"])

    def test_a_waiting_receive_wakes_when_the_group_is_free(self):
        self.put("1")
        self.put("2")
        (first,) = self.receive(MaxNumberOfMessages=1)
        came = []

        def wait():
            waiter = client()
            answer = waiter.receive_message(QueueUrl=self.queue, WaitTimeSeconds=10)
            came.append((answer["Messages"][0]["Body"], time.monotonic()))
            waiter.close()

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        freed = time.monotonic()
        self.delete(first)
        waiting.join(timeout=15)
        ((body, at),) = came
        self.assertEqual(body, "2")
        self.assertLess(at - freed, 1)

    def test_a_handle_whose_time_has_ended_is_refused(self):
        self.put("1")
        (message,) = self.receive(VisibilityTimeout=1)
        time.sleep(1.2)
        error = self.refused("InvalidParameterValue", self.delete, message)
        self.assertIn("The receipt handle has expired", str(error))
        self.refused("InvalidParameterValue", self.change, message, 10)
        (again,) = self.receive()
        self.delete(again)
        self.delete(again)

    def test_the_delay_of_the_queue_holds_and_a_message_has_none_of_its_own(self):
        self.refused("InvalidParameterValue", self.put, "x", DelaySeconds=1)
        self.put("now", DelaySeconds=0)
        self.assertEqual(self.bodies(), ["now"])
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"DelaySeconds": "1"})
        self.put("later", "other")
        self.assertEqual(self.bodies(), [])
        self.assertEqual(self.bodies(WaitTimeSeconds=5), ["later"])


class Deduplication(FifoTest):
    def test_the_same_text_is_not_added_again_whatever_becomes_of_it(self):
        first = self.put("text", "a")
        again = self.put("text", "b", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}})
        self.assertEqual(
            (again["MessageId"], again["SequenceNumber"]), (first["MessageId"], first["SequenceNumber"])
        )
        (message,) = self.receive()
        self.delete(message)
        self.put("text", "c")
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "0")

    def test_the_senders_id_goes_before_the_text(self):
        self.put("one", MessageDeduplicationId="id")
        self.put("two", MessageDeduplicationId="id")
        self.put("one", MessageDeduplicationId="other")
        self.assertEqual(self.bodies(), ["one", "one"])

    def test_a_purge_forgets(self):
        self.put("text")
        self.sqs.purge_queue(QueueUrl=self.queue)
        self.put("text")
        self.assertEqual(self.bodies(), ["text"])

    def test_a_batch_is_told_what_was_sent_before(self):
        entries = [
            {"Id": "a", "MessageBody": "x", "MessageGroupId": "g"},
            {"Id": "b", "MessageBody": "x", "MessageGroupId": "g"},
        ]
        told = self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)
        first, second = told["Successful"]
        self.assertEqual(first["MessageId"], second["MessageId"])
        self.assertNotIn("Failed", told)
        self.assertEqual(self.bodies(), ["x"])

    def test_a_batch_with_an_entry_without_a_group_is_refused(self):
        entries = [{"Id": "a", "MessageBody": "x", "MessageGroupId": "g"}, {"Id": "b", "MessageBody": "y"}]
        send = self.sqs.send_message_batch
        self.refused("InvalidParameterValue", send, QueueUrl=self.queue, Entries=entries)
        self.assertEqual(self.bodies(), [])


class Scopes(FifoTest):
    attributes = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}

    def test_an_id_may_be_the_groups_own(self):
        for group in ["a", "b", "a"]:
            self.put(group, group, MessageDeduplicationId="id")
        self.assertEqual(sorted(self.bodies()), ["a", "b"])

    def test_without_an_id_and_without_going_by_content_it_is_refused(self):
        error = self.refused("InvalidParameterValue", self.put, "x")
        self.assertIn("ContentBasedDeduplication", str(error))
        self.refused("MissingParameter", self.send, "x", MessageDeduplicationId="id")
        self.refused("InvalidParameterValue", self.put, "x", MessageDeduplicationId="with space")

    def test_attributes_are_told_and_a_limit_per_group_needs_ids_per_group(self):
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        self.assertEqual(told["FifoQueue"], "true")
        self.assertEqual(told["DeduplicationScope"], "messageGroup")
        self.assertEqual(told["FifoThroughputLimit"], "perMessageGroupId")
        self.assertEqual(told["ContentBasedDeduplication"], "false")
        with self.assertRaises(self.sqs.exceptions.ClientError):
            self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"DeduplicationScope": "queue"})


class Told(FifoTest):
    def test_receivers_see_group_id_and_number(self):
        sent = [self.put(body, "g", MessageDeduplicationId=f"id-{body}") for body in "ab"]
        numbers = [one["SequenceNumber"] for one in sent]
        self.assertTrue(all(len(number) == 20 for number in numbers))
        self.assertLess(*numbers)
        first, second = self.receive(AttributeNames=["All"])
        self.assertEqual([one["Attributes"]["SequenceNumber"] for one in (first, second)], numbers)
        self.assertEqual(first["Attributes"]["MessageDeduplicationId"], "id-a")
        self.assertEqual(first["Attributes"]["MessageGroupId"], "g")

    def test_names_and_kinds_go_together(self):
        create = self.sqs.create_queue
        self.refused("InvalidParameterValue", create, QueueName="x", Attributes={"FifoQueue": "true"})
        self.refused("InvalidParameterValue", create, QueueName=f"{uuid.uuid4().hex}.fifo")


class Attempts(FifoTest):
    def test_an_attempt_gets_the_same_messages(self):
        for body in ["1", "2", "3"]:
            self.put(body)
        first = self.receive(MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
        again = self.receive(MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
        self.assertEqual(
            [(one["Body"], one["MessageId"]) for one in again],
            [(one["Body"], one["MessageId"]) for one in first],
        )
        self.assertEqual(self.receive(ReceiveRequestAttemptId="other"), [])
        self.change(again[0], 100)
        self.assertEqual(self.receive(ReceiveRequestAttemptId="try"), [])
        self.refused("InvalidParameterValue", self.receive, ReceiveRequestAttemptId="with space")
