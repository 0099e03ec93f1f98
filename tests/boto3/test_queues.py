"""Queues: made, found, configured."""

import json
import threading
import time
import uuid

from world import QueueTest, client


class Queues(QueueTest):
    def test_a_queue_is_found_by_its_name(self):
        found = self.sqs.get_queue_url(QueueName=self.name)["QueueUrl"]
        self.assertEqual(found, self.queue)
        self.assertTrue(found.endswith(f"/000000000000/{self.name}"), found)

    def test_behind_a_proxy_with_tls_urls_begin_with_https(self):
        def passed_on(request, **_):
            request.headers["X-Forwarded-Proto"] = "https"

        self.sqs.meta.events.register("before-send.sqs.GetQueueUrl", passed_on)
        found = self.sqs.get_queue_url(QueueName=self.name)["QueueUrl"]
        self.assertEqual(found, self.queue.replace("http://", "https://"))

    def test_making_it_again_finds_it_unless_it_differs(self):
        again = self.sqs.create_queue(QueueName=self.name, Attributes={"VisibilityTimeout": "30"})
        self.assertEqual(again["QueueUrl"], self.queue)
        with self.assertRaises(self.sqs.exceptions.QueueNameExists):
            self.sqs.create_queue(QueueName=self.name, Attributes={"VisibilityTimeout": "31"})
        self.refused(
            "QueueAlreadyExists", self.sqs.create_queue, QueueName=self.name, Attributes={"DelaySeconds": "1"}
        )

    def test_of_two_that_make_a_queue_differently_at_once_one_is_refused(self):
        """One that finds its queue made meanwhile compares the attributes again."""
        both = [client(), client()]
        for _ in range(20):
            name, start, told = f"race-{uuid.uuid4().hex[:8]}", threading.Barrier(2), {}

            def make(seconds, sqs, name=name, start=start, told=told):
                start.wait(timeout=10)
                try:
                    sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": seconds})
                    told[seconds] = "made"
                except sqs.exceptions.QueueNameExists:
                    told[seconds] = "refused"

            threads = [threading.Thread(target=make, args=pair) for pair in zip(("1", "2"), both)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(told.values()), ["made", "refused"])
            queue = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            kept = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
            self.assertEqual(told[kept["VisibilityTimeout"]], "made")
        for one in both:
            one.close()

    def test_a_queue_that_is_not_there_has_its_own_exception(self):
        with self.assertRaises(self.sqs.exceptions.QueueDoesNotExist):
            self.sqs.get_queue_url(QueueName="nowhere")
        nowhere = self.queue.replace(self.name, "nowhere")
        for call in (
            lambda: self.sqs.send_message(QueueUrl=nowhere, MessageBody="a"),
            lambda: self.sqs.receive_message(QueueUrl=nowhere),
            lambda: self.sqs.get_queue_attributes(QueueUrl=nowhere, AttributeNames=["All"]),
            lambda: self.sqs.set_queue_attributes(QueueUrl=nowhere, Attributes={"DelaySeconds": "1"}),
        ):
            with self.assertRaises(self.sqs.exceptions.QueueDoesNotExist):
                call()
        self.refused("AWS.SimpleQueueService.NonExistentQueue", self.sqs.get_queue_url, QueueName="nowhere")

    def test_attributes_are_kept_and_told(self):
        attributes = {
            "VisibilityTimeout": "7",
            "DelaySeconds": "3",
            "ReceiveMessageWaitTimeSeconds": "2",
            "MaximumMessageSize": "2048",
            "MessageRetentionPeriod": "60",
            "KmsMasterKeyId": "alias/mine",
        }
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes=attributes)
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        for name, value in attributes.items():
            self.assertEqual(told[name], value, name)
        self.assertEqual(told["QueueArn"], f"arn:aws:sqs:us-east-1:000000000000:{self.name}")
        self.assertEqual(told["ApproximateNumberOfMessages"], "0")
        self.assertLess(abs(time.time() - int(told["CreatedTimestamp"])), 60)
        self.assertGreaterEqual(int(told["LastModifiedTimestamp"]), int(told["CreatedTimestamp"]))

    def test_a_groups_share_is_told_if_it_is_named(self):
        name = "EvenkeelGroup.tenant-1"
        self.assertEqual(json.loads(self.attribute(name)), {"weight": 1, "in_flight_limit": 0})
        share = {"weight": 5, "in_flight_limit": 10}
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={name: json.dumps(share)})
        self.assertEqual(json.loads(self.attribute(name)), share)

    def test_values_out_of_range_are_refused(self):
        for name, value in [
            ("VisibilityTimeout", "43201"),
            ("VisibilityTimeout", "-1"),
            ("VisibilityTimeout", "many"),
            ("DelaySeconds", "901"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("MaximumMessageSize", "1023"),
            ("MessageRetentionPeriod", "59"),
            ("ContentBasedDeduplication", "yes"),
        ]:
            with self.subTest(name=name, value=value):
                self.refused(
                    "InvalidAttributeValue",
                    self.sqs.set_queue_attributes,
                    QueueUrl=self.queue,
                    Attributes={name: value},
                )
        self.refused(
            "InvalidAttributeName", self.sqs.set_queue_attributes, QueueUrl=self.queue, Attributes={"Colour": "red"}
        )
        for name in ["", "a b", "x" * 81, "dots.in.it"]:
            with self.subTest(name=name), self.assertRaises(self.sqs.exceptions.ClientError):
                self.sqs.create_queue(QueueName=name)

    def test_a_purge_takes_everything_and_can_be_repeated(self):
        for text in ["a", "b", "c"]:
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=text)
        held = self.sqs.receive_message(QueueUrl=self.queue)["Messages"][0]
        self.sqs.purge_queue(QueueUrl=self.queue)
        self.sqs.purge_queue(QueueUrl=self.queue)
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        self.assertEqual(told, {name: "0" for name in names})
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=held["ReceiptHandle"])
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="d")
        got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)["Messages"]
        self.assertEqual([message["Body"] for message in got], ["d"])

    def test_a_deleted_queue_is_gone_and_its_name_is_free(self):
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="a")
        held = self.sqs.receive_message(QueueUrl=self.queue)["Messages"][0]
        self.sqs.delete_queue(QueueUrl=self.queue)
        for call in (
            lambda: self.sqs.get_queue_url(QueueName=self.name),
            lambda: self.sqs.send_message(QueueUrl=self.queue, MessageBody="b"),
            lambda: self.sqs.purge_queue(QueueUrl=self.queue),
            lambda: self.sqs.delete_queue(QueueUrl=self.queue),
        ):
            with self.assertRaises(self.sqs.exceptions.QueueDoesNotExist):
                call()
        again = self.sqs.create_queue(QueueName=self.name, Attributes={"VisibilityTimeout": "5"})
        self.assertEqual(again["QueueUrl"], self.queue)
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="b")
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=held["ReceiptHandle"])
        got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)["Messages"]
        self.assertEqual([message["Body"] for message in got], ["b"])

    def test_a_full_queue_refuses_and_names_the_limit(self):
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"EvenkeelJobsMax": "1"})
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="a")
        with self.assertRaises(self.sqs.exceptions.OverLimit) as refused:
            self.sqs.send_message(QueueUrl=self.queue, MessageBody="b")
        self.assertIn("EvenkeelJobsMax", str(refused.exception))
        told = self.sqs.send_message_batch(QueueUrl=self.queue, Entries=[{"Id": "x", "MessageBody": "b"}])
        self.assertEqual([(entry["Code"], entry["SenderFault"]) for entry in told["Failed"]], [("OverLimit", True)])


class Credentials(QueueTest):
    def test_a_wrong_secret_and_a_wrong_key_are_told_apart(self):
        wrong_secret = client(aws_secret_access_key="wrong")
        self.refused("SignatureDoesNotMatch", wrong_secret.get_queue_url, QueueName=self.name)
        wrong_key = client(aws_access_key_id="AKIAWRONGWRONGWRONG")
        error = self.refused("InvalidClientTokenId", wrong_key.get_queue_url, QueueName=self.name)
        self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 403)
        self.assertTrue(error.response["ResponseMetadata"]["RequestId"])

    def test_any_region_may_be_signed_for(self):
        self.assertEqual(client(region_name="eu-west-1").get_queue_url(QueueName=self.name)["QueueUrl"], self.queue)
