"""Dead letters: where they go, who may send them, and how they come back."""

import json
import threading
import time
import unittest
import uuid

from world import SPEAKS_QUERY, QueueTest, client


class DeadLetters(QueueTest):
    suffix = ""
    making = {}

    def setUp(self):
        super().setUp()
        self.dead_name = f"dead-{uuid.uuid4().hex[:8]}{self.suffix}"
        self.dead = self.sqs.create_queue(QueueName=self.dead_name, Attributes=self.making)["QueueUrl"]
        self.name = f"source-{uuid.uuid4().hex[:8]}{self.suffix}"
        self.queue = self.sqs.create_queue(QueueName=self.name, Attributes=self.making)["QueueUrl"]

    def arn(self, queue):
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def redrive(self, count=1, source=None):
        policy = {"deadLetterTargetArn": self.arn(self.dead), "maxReceiveCount": count}
        self.sqs.set_queue_attributes(
            QueueUrl=source or self.queue, Attributes={"RedrivePolicy": json.dumps(policy)}
        )

    def take(self, queue, **more):
        settings = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], **more}
        return self.sqs.receive_message(QueueUrl=queue, **settings).get("Messages", [])

    def fail_once(self, queue):
        """Receives, and gives everything back."""
        messages = self.take(queue)
        for message in messages:
            self.sqs.change_message_visibility(
                QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return messages

    def bury(self, *texts):
        """Sends messages that end among the dead letters."""
        for text in texts:
            self.send(text)
        self.fail_once(self.queue)
        self.assertEqual(self.take(self.queue), [])

    def wait_for(self, what):
        for _ in range(200):
            found = what()
            if found:
                return found
            time.sleep(0.05)
        return self.fail("it did not come to pass within 10 seconds")

    def task(self, **more):
        return self.sqs.list_message_move_tasks(SourceArn=self.arn(self.dead), **more)["Results"]

    def ended(self):
        return self.wait_for(lambda: [task for task in self.task() if task["Status"] != "RUNNING"])[0]


class Redrive(DeadLetters):
    def test_a_message_received_too_often_goes_to_the_dead_letters(self):
        self.redrive(2)
        sent = self.send("poison")
        first = self.fail_once(self.queue)[0]
        self.assertEqual(self.fail_once(self.queue)[0]["Attributes"]["ApproximateReceiveCount"], "2")
        self.assertEqual(self.take(self.queue), [])
        [dead] = self.take(self.dead)
        self.assertEqual((dead["Body"], dead["MessageId"]), ("poison", sent["MessageId"]))
        attributes = dead["Attributes"]
        self.assertEqual(attributes["DeadLetterQueueSourceArn"], self.arn(self.queue))
        self.assertEqual(attributes["SentTimestamp"], first["Attributes"]["SentTimestamp"])
        self.assertEqual(attributes["ApproximateReceiveCount"], "3")
        self.assertNotIn("DeadLetterQueueSourceArn", first["Attributes"])
        self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=dead["ReceiptHandle"])
        # The handle of the source is no good there.
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "0")

    def test_the_policy_is_told_and_taken_off(self):
        self.redrive(7)
        told = json.loads(self.attribute("RedrivePolicy"))
        self.assertEqual(told, {"deadLetterTargetArn": self.arn(self.dead), "maxReceiveCount": 7})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"RedrivePolicy": ""})
        self.assertNotIn(
            "RedrivePolicy",
            self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"],
        )

    def test_policies_that_cannot_be_are_refused(self):
        absent = "arn:aws:sqs:us-east-1:000000000000:nowhere"
        fifo = self.sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes={"FifoQueue": "true"})
        for target, count in [
            (absent, 1),
            (self.arn(self.queue), 1),
            (self.arn(fifo["QueueUrl"]), 1),
            (self.arn(self.dead), 0),
            (self.arn(self.dead), 1001),
        ]:
            with self.subTest(target=target, count=count):
                policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count})
                call = self.sqs.set_queue_attributes
                self.refused(
                    "InvalidParameterValue", call, QueueUrl=self.queue, Attributes={"RedrivePolicy": policy}
                )

    def test_a_dead_letter_queue_says_who_may_use_it(self):
        allow = {"redrivePermission": "denyAll"}

        def permit():
            self.sqs.set_queue_attributes(
                QueueUrl=self.dead, Attributes={"RedriveAllowPolicy": json.dumps(allow)}
            )

        permit()
        with self.assertRaises(self.sqs.exceptions.ClientError):
            self.redrive()
        allow = {"redrivePermission": "byQueue", "sourceQueueArns": [self.arn(self.queue)]}
        permit()
        self.redrive()
        other = self.sqs.create_queue(QueueName=f"other-{uuid.uuid4().hex}")["QueueUrl"]
        with self.assertRaises(self.sqs.exceptions.ClientError):
            self.redrive(source=other)
        told = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["RedriveAllowPolicy"])
        self.assertEqual(json.loads(told["Attributes"]["RedriveAllowPolicy"]), allow)

    def test_sources_are_listed_by_pages(self):
        # An empty list leaves no trace in XML.
        without = [] if SPEAKS_QUERY else None
        told = self.sqs.list_dead_letter_source_queues(QueueUrl=self.dead)
        self.assertEqual(told.get("queueUrls", without), [])
        sources = [f"{self.name}-{number}" for number in range(3)]
        urls = [self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in sources]
        for url in urls:
            self.redrive(source=url)
        pages = self.sqs.get_paginator("list_dead_letter_source_queues").paginate(
            QueueUrl=self.dead, PaginationConfig={"PageSize": 2}
        )
        self.assertEqual([url for page in pages for url in page["queueUrls"]], urls)
        self.sqs.delete_queue(QueueUrl=urls[1])
        left = self.sqs.list_dead_letter_source_queues(QueueUrl=self.dead)["queueUrls"]
        self.assertEqual(left, [urls[0], urls[2]])

    def test_a_full_or_deleted_dead_letter_queue_loses_nothing(self):
        self.redrive()
        self.sqs.set_queue_attributes(QueueUrl=self.dead, Attributes={"EvenkeelJobsMax": "1"})
        self.send("a")
        self.send("b")
        self.fail_once(self.queue)
        self.assertEqual(len(self.fail_once(self.queue)), 1)
        self.sqs.delete_queue(QueueUrl=self.dead)
        self.assertEqual(len(self.take(self.queue)), 1)

    def test_a_long_poll_at_the_dead_letters_is_woken_by_one(self):
        self.redrive()
        self.send("poison")
        self.fail_once(self.queue)
        found = []

        def wait():
            with_own = client()
            began = time.monotonic()
            answer = with_own.receive_message(QueueUrl=self.dead, WaitTimeSeconds=20)
            found.append((answer.get("Messages", []), time.monotonic() - began))
            with_own.close()

        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(0.5)
        self.assertEqual(self.take(self.queue), [])
        waiter.join(30)
        [(messages, seconds)] = found
        self.assertEqual([message["Body"] for message in messages], ["poison"])
        self.assertLess(seconds, 10)


class Moves(DeadLetters):
    def test_messages_go_back_to_where_they_came_from_as_new_ones(self):
        self.redrive()
        before = {}
        for text in ["a", "b", "c"]:
            before[text] = self.send(text)["MessageId"]
        self.fail_once(self.queue)
        self.assertEqual(self.take(self.queue), [])
        self.assertTrue(self.sqs.start_message_move_task(SourceArn=self.arn(self.dead))["TaskHandle"])
        ended = self.ended()
        self.assertEqual((ended["Status"], ended["ApproximateNumberOfMessagesMoved"]), ("COMPLETED", 3))
        self.assertNotIn("TaskHandle", ended)
        self.assertEqual(ended["SourceArn"], self.arn(self.dead))
        self.assertLess(abs(time.time() * 1000 - ended["StartedTimestamp"]), 60_000)
        back = self.take(self.queue)
        self.assertEqual(sorted(message["Body"] for message in back), ["a", "b", "c"])
        for message in back:
            self.assertNotEqual(message["MessageId"], before[message["Body"]])
            self.assertEqual(message["Attributes"]["ApproximateReceiveCount"], "1")
            self.assertNotIn("DeadLetterQueueSourceArn", message["Attributes"])
        self.assertEqual(self.take(self.dead), [])

    def test_a_destination_can_be_named(self):
        self.redrive()
        self.bury("a")
        other = self.sqs.create_queue(QueueName=f"other-{uuid.uuid4().hex}")["QueueUrl"]
        self.sqs.start_message_move_task(SourceArn=self.arn(self.dead), DestinationArn=self.arn(other))
        self.assertEqual(self.ended()["DestinationArn"], self.arn(other))
        self.assertEqual([message["Body"] for message in self.take(other)], ["a"])

    def test_one_task_at_a_time_goes_at_its_rate_until_it_is_cancelled(self):
        self.redrive()
        self.bury(*"abcdefgh")
        source = self.arn(self.dead)
        started = self.sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=1)
        self.refused("InvalidParameterValue", self.sqs.start_message_move_task, SourceArn=source)
        [running] = self.task()
        self.assertEqual((running["Status"], running["MaxNumberOfMessagesPerSecond"]), ("RUNNING", 1))
        self.assertEqual(running["TaskHandle"], started["TaskHandle"])
        moved = self.sqs.cancel_message_move_task(TaskHandle=started["TaskHandle"])
        self.assertLess(moved["ApproximateNumberOfMessagesMoved"], 8)
        self.assertEqual(self.task()[0]["Status"], "CANCELLED")
        again = self.refused(
            "ResourceNotFoundException", self.sqs.cancel_message_move_task, TaskHandle=started["TaskHandle"]
        )
        self.assertEqual(again.response["ResponseMetadata"]["HTTPStatusCode"], 404)
        self.sqs.start_message_move_task(SourceArn=source)
        self.ended()
        self.assertEqual([task["Status"] for task in self.task(MaxResults=10)], ["COMPLETED", "CANCELLED"])
        counts = [int(self.count(queue)) for queue in (self.queue, self.dead)]
        self.assertEqual(counts, [8, 0])

    def count(self, queue):
        name = "ApproximateNumberOfMessages"
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name]

    def test_a_message_that_came_from_nowhere_ends_the_task(self):
        self.redrive()
        self.sqs.send_message(QueueUrl=self.dead, MessageBody="sent here")
        self.sqs.start_message_move_task(SourceArn=self.arn(self.dead))
        ended = self.ended()
        self.assertEqual((ended["Status"], ended["FailureReason"]), ("FAILED", "CouldNotDetermineMessageSource"))
        self.assertEqual([message["Body"] for message in self.take(self.dead)], ["sent here"])

    def test_tasks_that_cannot_be_are_refused(self):
        start = self.sqs.start_message_move_task
        self.refused("InvalidParameterValue", start, SourceArn=self.arn(self.queue))
        self.refused("InvalidParameterValue", start, SourceArn="dead")
        self.redrive()
        source = self.arn(self.dead)
        absent = "arn:aws:sqs:us-east-1:000000000000:nowhere"
        self.refused("ResourceNotFoundException", start, SourceArn=absent)
        self.refused("ResourceNotFoundException", start, SourceArn=source, DestinationArn=absent)
        for rate in (0, 501):
            self.refused("InvalidParameterValue", start, SourceArn=source, MaxNumberOfMessagesPerSecond=rate)
        self.refused("ResourceNotFoundException", self.sqs.list_message_move_tasks, SourceArn=absent)
        self.refused("InvalidParameterValue", self.sqs.list_message_move_tasks, SourceArn=source, MaxResults=11)
        self.refused("InvalidParameterValue", self.sqs.cancel_message_move_task, TaskHandle="nonsense")

    def test_a_long_poll_at_the_source_is_woken_by_a_move(self):
        self.redrive()
        self.bury("a")
        found = []

        def wait():
            with_own = client()
            found.append(with_own.receive_message(QueueUrl=self.queue, WaitTimeSeconds=20).get("Messages", []))
            with_own.close()

        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(0.5)
        self.sqs.start_message_move_task(SourceArn=self.arn(self.dead))
        waiter.join(10)
        self.assertFalse(waiter.is_alive(), "it was not woken")
        self.assertEqual([message["Body"] for message in found[0]], ["a"])


class FifoDeadLetters(DeadLetters):
    suffix = ".fifo"
    making = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}

    def test_a_dead_head_frees_its_group_and_keeps_its_id(self):
        self.redrive()
        for text in ["a", "b"]:
            self.send(text, MessageGroupId="g")
        first = self.take(self.queue, MaxNumberOfMessages=1)[0]
        self.assertEqual(self.take(self.queue), [], "the group is locked")
        self.sqs.change_message_visibility(
            QueueUrl=self.queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0
        )
        [second] = self.take(self.queue)
        self.assertEqual(second["Body"], "b")
        [dead] = self.take(self.dead)
        self.assertEqual((dead["Body"], dead["MessageId"]), ("a", first["MessageId"]))
        self.assertEqual(dead["Attributes"]["MessageGroupId"], "g")


if __name__ == "__main__":
    unittest.main()
