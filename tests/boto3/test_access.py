"""Who is let in, as botocore asks: presigned URLs with the headers that it signed."""

import hashlib
import json
import urllib.error
import urllib.request

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from world import ACCESS_KEY, ENDPOINT, SECRET_KEY, QueueTest

HEADERS = {"X-Amz-Target": "AmazonSQS.GetQueueAttributes", "Content-Type": "application/x-amz-json-1.0"}


class Presigned(QueueTest):
    def ask(self, secret=SECRET_KEY, token=None, body=None, sent=None):
        """A presigned POST of a JSON body; `sent` goes in its place if given."""
        body = json.dumps({"QueueUrl": self.queue, "AttributeNames": ["QueueArn"]}) if body is None else body
        request = AWSRequest(method="POST", url=ENDPOINT + "/", headers=HEADERS)
        signer = SigV4QueryAuth(Credentials(ACCESS_KEY, secret, token), "sqs", "eu-west-2", 60)
        # This signer would move the body into the URL.
        request.data, data = b"", body.encode()
        request.headers["X-Amz-Content-SHA256"] = digest = hashlib.sha256(data).hexdigest()
        signer.payload = lambda _: digest
        signer.add_auth(request)
        headers = dict(request.headers.items())
        data = data if sent is None else sent.encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(request.url, data, headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["x-amzn-query-error"]

    def test_a_presigned_url_is_let_in(self):
        status, answer = self.ask()
        self.assertEqual(status, 200)
        self.assertTrue(answer["Attributes"]["QueueArn"].endswith(":" + self.name))

    def test_others_are_not(self):
        self.assertEqual(self.ask(secret="another secret"), (403, "SignatureDoesNotMatch;Sender"))
        self.assertEqual(self.ask(sent="{}")[0], 403)
        self.assertEqual(self.ask(token="token"), (403, "InvalidClientTokenId;Sender"))
