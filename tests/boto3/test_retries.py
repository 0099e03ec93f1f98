"""What boto3 does by itself when the server is not there for a moment."""

import json
import os
import socket
import threading
import uuid
from urllib.parse import urlsplit

from botocore.config import Config
from world import ENDPOINT, QueueTest, client


class Door(threading.Thread):
    """Hands connections on to the server."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self):
        server = urlsplit(ENDPOINT)
        while True:
            try:
                client_side, _ = self.listener.accept()
            except OSError:
                return
            if not self.lets_in():
                client_side.close()
                continue
            server_side = socket.create_connection((server.hostname, server.port))
            for one, other, carry in [(client_side, server_side, self.ask), (server_side, client_side, self.answer)]:
                threading.Thread(target=self.copy, args=(one, other, carry), daemon=True).start()

    def lets_in(self):
        return True

    def ask(self, client_side, server_side, data):
        server_side.sendall(data)

    def answer(self, server_side, client_side, data):
        client_side.sendall(data)

    @staticmethod
    def copy(one, other, carry):
        # Each side is closed by who reads it; the other reader then comes to its end.
        with one:
            try:
                while data := one.recv(65_536):
                    carry(one, other, data)
                other.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def stop(self):
        # Wakes the thread out of accept, which closing alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class FlakyDoor(Door):
    """Cuts the first few connections."""

    def __init__(self, cut):
        super().__init__()
        self.cut = cut

    def lets_in(self):
        self.cut -= 1
        return self.cut < 0


class DeafDoor(Door):
    """Waits for the answers, but keeps the first few to itself."""

    def __init__(self, lost):
        super().__init__()
        self.lost = lost

    def answer(self, server_side, client_side, data):
        if self.lost > 0:
            self.lost -= 1
            # The request was done; the client will never know of it.
            client_side.shutdown(socket.SHUT_RDWR)
            raise OSError("kept")
        client_side.sendall(data)


class Retries(QueueTest):
    def test_a_cut_connection_is_tried_again(self):
        door = FlakyDoor(cut=2)
        door.start()
        endpoint = door.endpoint
        flaky = client(endpoint_url=endpoint, config=Config(retries={"mode": "standard", "total_max_attempts": 5}))
        sent = flaky.send_message(QueueUrl=self.queue, MessageBody="a")
        self.assertEqual(sent["ResponseMetadata"]["RetryAttempts"], 2)
        # The URL follows the host by which the client came; what counts is its path.
        self.assertTrue(flaky.get_queue_url(QueueName=self.name)["QueueUrl"].startswith(endpoint))
        self.assertEqual([message["Body"] for message in self.receive()], ["a"])
        flaky.close()
        door.stop()

    def test_what_was_done_while_the_answer_was_lost_is_told_by_the_retry(self):
        dead = self.sqs.create_queue(QueueName=self.name + "-dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"RedrivePolicy": policy})
        door = DeafDoor(lost=0)
        door.start()
        endpoint = door.endpoint
        deaf = client(endpoint_url=endpoint, config=Config(retries={"mode": "standard", "total_max_attempts": 3}))

        def repeated(method, **parameters):
            door.lost = 1
            told = getattr(deaf, method)(**parameters)
            self.assertEqual(told["ResponseMetadata"]["RetryAttempts"], 1, method)
            return told

        permission = {"Label": "one", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]}
        repeated("add_permission", QueueUrl=self.queue, **permission)
        repeated("remove_permission", QueueUrl=self.queue, Label="one")
        task = repeated("start_message_move_task", SourceArn=arn, MaxNumberOfMessagesPerSecond=1)
        self.assertTrue(task["TaskHandle"])
        (listed,) = self.sqs.list_message_move_tasks(SourceArn=arn, MaxResults=10)["Results"]
        self.assertEqual(listed["SourceArn"], arn)
        repeated("tag_queue", QueueUrl=self.queue, Tags={"a": "b"})
        repeated("untag_queue", QueueUrl=self.queue, TagKeys=["a"])
        repeated("set_queue_attributes", QueueUrl=self.queue, Attributes={"DelaySeconds": "1"})
        repeated("purge_queue", QueueUrl=self.queue)
        other = repeated("create_queue", QueueName=self.name + "-other")["QueueUrl"]
        repeated("delete_queue", QueueUrl=other)
        deaf.close()
        door.stop()

    def test_nothing_of_the_environment_leaks_in(self):
        self.assertNotIn("AWS_PROFILE", os.environ)


class Repeated(QueueTest):
    """Calls that are made again under the number that boto3 gave them the first time."""

    def setUp(self):
        super().setUp()
        self.number = str(uuid.uuid4())

        def renumber(request, **_):
            # boto3 does not sign it.
            request.headers["amz-sdk-invocation-id"] = self.number

        self.sqs.meta.events.register("before-send.sqs", renumber)

    def test_a_send_is_not_doubled(self):
        first = self.send("a")
        self.assertEqual(self.send("a")["MessageId"], first["MessageId"])
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "1")
        # The number alone makes no repetition.
        self.assertNotEqual(self.send("b")["MessageId"], first["MessageId"])
        self.number = str(uuid.uuid4())
        self.assertNotEqual(self.send("a")["MessageId"], first["MessageId"])
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "3")

    def test_a_batch_is_not_doubled(self):
        entries = [{"Id": str(at), "MessageBody": str(at)} for at in range(10)]
        told = [self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)["Successful"] for _ in range(2)]
        self.assertEqual(told[0], told[1])
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "10")

    def test_a_receive_gets_the_same_messages_while_it_holds_them(self):
        for body in "abc":
            self.send(body)
        first = self.receive(MaxNumberOfMessages=2)
        again = self.receive(MaxNumberOfMessages=2)
        self.assertEqual([one["MessageId"] for one in again], [one["MessageId"] for one in first])
        self.number = str(uuid.uuid4())
        (rest,) = self.receive(MaxNumberOfMessages=2)
        self.assertNotIn(rest["Body"], [one["Body"] for one in first])

    def test_a_purge_leaves_what_was_sent_since(self):
        self.send("a")
        for kept in ["0", "1"]:
            self.sqs.purge_queue(QueueUrl=self.queue)
            self.assertEqual(self.attribute("ApproximateNumberOfMessages"), kept)
            if kept == "0":
                self.send("b")

    def test_a_deletion_leaves_the_queue_that_was_made_since(self):
        self.sqs.delete_queue(QueueUrl=self.queue)
        first, self.number = self.number, str(uuid.uuid4())
        self.sqs.create_queue(QueueName=self.name)
        self.number = first
        self.sqs.delete_queue(QueueUrl=self.queue)
        self.assertEqual(self.attribute("ApproximateNumberOfMessages"), "0")

    def test_a_deletion_is_told_the_same(self):
        self.sqs.delete_queue(QueueUrl=self.queue)
        self.sqs.delete_queue(QueueUrl=self.queue)
        self.number = str(uuid.uuid4())
        self.refused("AWS.SimpleQueueService.NonExistentQueue", self.sqs.delete_queue, QueueUrl=self.queue)
