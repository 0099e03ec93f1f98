"""The older protocol, forms and XML, as the last boto3 that spoke it does, and by hand."""

import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from world import ACCESS_KEY, ENDPOINT, SECRET_KEY, SPEAKS_QUERY, QueueTest

SPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"
SIGNER = Credentials(ACCESS_KEY, SECRET_KEY)


def fetch(request):
    """Status, type and body of an answer, whatever it is."""
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


class ByHand(QueueTest):
    def post(self, url, **form):
        data = urllib.parse.urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = AWSRequest(method="POST", url=url, data=data, headers=headers)
        SigV4Auth(SIGNER, "sqs", "us-east-1").add_auth(request)
        return fetch(urllib.request.Request(url, data, dict(request.headers.items())))

    def get(self, url, **parameters):
        request = AWSRequest(method="GET", url=url + "?" + urllib.parse.urlencode(parameters))
        SigV4QueryAuth(SIGNER, "sqs", "us-east-1", 60).add_auth(request)
        return fetch(request.url)

    def test_a_form_to_the_queues_own_path(self):
        status, kind, body = self.post(self.queue, Action="SendMessage", Version="2012-11-05", MessageBody="a <b> & c")
        self.assertEqual((status, kind), (200, "text/xml"))
        root = ElementTree.fromstring(body)
        self.assertEqual(root.tag, SPACE + "SendMessageResponse")
        self.assertTrue(root.find(f"{SPACE}ResponseMetadata/{SPACE}RequestId").text)
        (message,) = self.receive()
        self.assertEqual(message["Body"], "a <b> & c")
        self.assertEqual(message["MessageId"], root.find(f"{SPACE}SendMessageResult/{SPACE}MessageId").text)

    def test_a_presigned_url_receives(self):
        self.send("\u00e9 \U0001f6a2\r\n<&>")
        status, kind, body = self.get(self.queue, Action="ReceiveMessage", **{"AttributeName.1": "All"})
        self.assertEqual((status, kind), (200, "text/xml"))
        message = ElementTree.fromstring(body).find(f"{SPACE}ReceiveMessageResult/{SPACE}Message")
        self.assertEqual(message.find(SPACE + "Body").text, "\u00e9 \U0001f6a2\r\n<&>")
        told = {each[0].text: each[1].text for each in message.findall(SPACE + "Attribute")}
        self.assertEqual(told["ApproximateReceiveCount"], "1")

    def test_what_is_refused_is_told_in_xml(self):
        for status, code, answer in [
            (400, "InvalidAction", self.post(ENDPOINT + "/", Action="Nonsense")),
            (400, "MissingAction", self.post(ENDPOINT + "/", Other="x")),
            (400, "MissingAction", self.get(ENDPOINT + "/")),
            (400, "MalformedInput", self.post(self.queue, Action="ReceiveMessage", MaxNumberOfMessages="1e1")),
            (400, "AWS.SimpleQueueService.EmptyBatchRequest", self.post(self.queue, Action="SendMessageBatch")),
            (400, "AWS.SimpleQueueService.NonExistentQueue", self.get(self.queue + "x", Action="PurgeQueue")),
            (404, "InvalidAddress", self.get(ENDPOINT + "/nowhere", Action="PurgeQueue")),
            (403, "MissingAuthenticationToken", fetch(self.queue + "?Action=PurgeQueue")),
            (403, "SignatureDoesNotMatch", fetch(self.presigned_with("another secret"))),
        ]:
            with self.subTest(code=code):
                self.assertEqual(answer[:2], (status, "text/xml"))
                root = ElementTree.fromstring(answer[2])
                self.assertEqual(root.tag, SPACE + "ErrorResponse")
                self.assertEqual(root.find(f"{SPACE}Error/{SPACE}Code").text, code)
                self.assertEqual(root.find(f"{SPACE}Error/{SPACE}Type").text, "Sender")
                self.assertTrue(root.find(SPACE + "RequestId").text)

    def presigned_with(self, secret):
        request = AWSRequest(method="GET", url=self.queue + "?Action=PurgeQueue")
        SigV4QueryAuth(Credentials(ACCESS_KEY, secret), "sqs", "us-east-1", 60).add_auth(request)
        return request.url


@unittest.skipUnless(SPEAKS_QUERY, "this boto3 speaks JSON")
class OldBoto3(QueueTest):
    def test_it_speaks_query(self):
        self.assertEqual(self.sqs.meta.service_model.protocol, "query")
        told = self.sqs.receive_message(QueueUrl=self.queue)["ResponseMetadata"]
        self.assertEqual(told["HTTPHeaders"]["content-type"], "text/xml")
        self.assertEqual(told["RequestId"], told["HTTPHeaders"]["x-amzn-requestid"])

    def test_the_urls_that_it_presigns_work(self):
        url = self.sqs.generate_presigned_url(
            "send_message", Params={"QueueUrl": self.queue, "MessageBody": "a b+c"}, HttpMethod="GET"
        )
        self.assertEqual(fetch(url)[0], 200)
        self.assertEqual([message["Body"] for message in self.receive()], ["a b+c"])
