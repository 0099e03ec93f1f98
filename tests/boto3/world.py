"""What the tests share: clients of the server that the environment names, and queues of their own."""

import itertools
import json
import os
import unittest
import urllib.request
import uuid

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

ENDPOINT = os.environ["EVENKEEL_ENDPOINT"]
ACCESS_KEY = os.environ["AWS_ACCESS_KEY_ID"]
SECRET_KEY = os.environ["AWS_SECRET_ACCESS_KEY"]

# The tests are run twice: with a boto3 of today, and with the last one that spoke the older protocol.
SPEAKS_QUERY = boto3.session.Session().client("sqs", region_name="us-east-1").meta.service_model.protocol == "query"

_numbers = itertools.count()


def client(**changes):
    """A client with the root credentials, unless told otherwise."""
    settings = {
        "endpoint_url": ENDPOINT,
        "region_name": "us-east-1",
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": SECRET_KEY,
        # An unexpected 5xx shall be seen, not retried away.
        "config": Config(retries={"total_max_attempts": 1}, read_timeout=40),
    }
    return boto3.session.Session().client("sqs", **{**settings, **changes})


def administer(method, path, body=None):
    """Asks the native door, as root; gives the answer."""
    data = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method=method, url=ENDPOINT + path, data=data)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "evenkeel", "us-east-1").add_auth(request)
    sent = urllib.request.Request(request.url, data or None, dict(request.headers.items()), method=method)
    with urllib.request.urlopen(sent) as answer:
        return json.load(answer)


def key(name, **more):
    """A new access key, and a client that signs with it."""
    made = administer("POST", "/v1/keys", {"name": name, **more})
    return made["access_key"], signing(made)


def signing(made):
    """A client that signs with a key as it was made or rotated."""
    return client(aws_access_key_id=made["access_key"], aws_secret_access_key=made["secret_key"])


class QueueTest(unittest.TestCase):
    """Each test has a client and an empty queue."""

    maxDiff = None
    attributes = {}

    def setUp(self):
        self.sqs = client()
        self.name = f"test-{next(_numbers)}-{uuid.uuid4().hex[:8]}"
        self.queue = self.sqs.create_queue(QueueName=self.name, Attributes=self.attributes)["QueueUrl"]

    def tearDown(self):
        self.sqs.close()

    def send(self, body, **more):
        return self.sqs.send_message(QueueUrl=self.queue, MessageBody=body, **more)

    def receive(self, **more):
        """The messages of one call, an empty list if there are none."""
        settings = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 0, **more}
        if SPEAKS_QUERY and "MessageSystemAttributeNames" in settings:
            # It knows the older name only.
            settings["AttributeNames"] = settings.pop("MessageSystemAttributeNames")
        return self.sqs.receive_message(QueueUrl=self.queue, **settings).get("Messages", [])

    def delete(self, message):
        return self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def attribute(self, name):
        return self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])["Attributes"][name]

    def refused(self, code, call, *args, **kwargs):
        """Calls, expects that error code, and gives the exception."""
        with self.assertRaises(self.sqs.exceptions.ClientError) as raised:
            call(*args, **kwargs)
        self.assertEqual(raised.exception.response["Error"]["Code"], code, raised.exception)
        return raised.exception
