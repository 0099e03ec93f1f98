"""What boto3 does by itself when the server is not there for a moment."""

import os
import socket
import threading
from urllib.parse import urlsplit

from botocore.config import Config
from world import ENDPOINT, QueueTest, client


class FlakyDoor(threading.Thread):
    """Hands connections on to the server, but cuts the first few."""

    def __init__(self, cut):
        super().__init__(daemon=True)
        self.cut = cut
        self.seen = 0
        self.listener = socket.create_server(("127.0.0.1", 0))

    def run(self):
        server = urlsplit(ENDPOINT)
        while True:
            try:
                client_side, _ = self.listener.accept()
            except OSError:
                return
            self.seen += 1
            if self.seen <= self.cut:
                client_side.close()
                continue
            server_side = socket.create_connection((server.hostname, server.port))
            for one, other in [(client_side, server_side), (server_side, client_side)]:
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    @staticmethod
    def copy(one, other):
        while data := one.recv(65_536):
            other.sendall(data)

    def stop(self):
        # Wakes the thread out of accept, which closing alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Retries(QueueTest):
    def test_a_cut_connection_is_tried_again(self):
        door = FlakyDoor(cut=2)
        door.start()
        endpoint = f"http://127.0.0.1:{door.listener.getsockname()[1]}"
        flaky = client(endpoint_url=endpoint, config=Config(retries={"mode": "standard", "total_max_attempts": 5}))
        sent = flaky.send_message(QueueUrl=self.queue, MessageBody="a")
        self.assertEqual(sent["ResponseMetadata"]["RetryAttempts"], 2)
        # The URL follows the host by which the client came; what counts is its path.
        self.assertTrue(flaky.get_queue_url(QueueName=self.name)["QueueUrl"].startswith(endpoint))
        self.assertEqual([message["Body"] for message in self.receive()], ["a"])
        flaky.close()
        door.stop()

    def test_nothing_of_the_environment_leaks_in(self):
        self.assertNotIn("AWS_PROFILE", os.environ)
