"""Writes botocore.txt: SQS requests as botocore serialises and signs them, at a fixed time, by header and by URL.

    python3 -m venv venv && venv/bin/pip install botocore && venv/bin/python make_botocore.py > botocore.txt
"""

import datetime
import hashlib
import sys
from unittest import mock

import botocore
import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime.datetime(2015, 8, 30, 12, 36, 0)
QUEUE = "http://127.0.0.1:9324/000000000000/jobs"


class Sent(Exception):
    pass


def show(name, request):
    path = request.url.split("/", 3)
    path = "/" + (path[3] if len(path) > 3 else "")
    print(f"=== {name}\n{request.method} {path} HTTP/1.1")
    headers = {key: value.decode() if isinstance(value, bytes) else value for key, value in request.headers.items()}
    if not any(key.lower() == "host" for key in headers):
        print("Host:" + request.url.split("/")[2])
    for key, value in headers.items():
        # Not signed, and different on each run or machine.
        if key.lower() not in ("user-agent", "amz-sdk-invocation-id"):
            print(f"{key}:{value}")
    print()
    body = request.body or b""
    sys.stdout.write(body.decode() if isinstance(body, bytes) else body)
    print()


def through_the_client(name, region, operation, **parameters):
    client = botocore.session.Session().create_client(
        "sqs", region_name=region, endpoint_url="http://127.0.0.1:9324",
        aws_access_key_id=KEY, aws_secret_access_key=SECRET,
    )

    def catch(request, **_):
        show(name, request)
        raise Sent

    client.meta.events.register("before-send", catch)
    try:
        getattr(client, operation)(**parameters)
    except Sent:
        pass


def by_hand(name, method, url, body, headers):
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    botocore.auth.SigV4Auth(Credentials(KEY, SECRET), "sqs", "eu-west-2").add_auth(request)
    show(name, request.prepare())


def presigned_through_the_client(name, operation, **parameters):
    client = botocore.session.Session().create_client(
        "sqs", region_name="us-east-1", endpoint_url="http://127.0.0.1:9324",
        aws_access_key_id=KEY, aws_secret_access_key=SECRET,
    )
    url = client.generate_presigned_url(operation, Params=parameters, ExpiresIn=60, HttpMethod="GET")
    # It signs the headers of the JSON protocol too, so whoever uses the URL must send them.
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0", "x-amzn-query-mode": "true"}
    show(name, AWSRequest(method="GET", url=url, headers=headers).prepare())


def presigned_by_hand(name, method, url, body, headers, expires):
    # The signer moves a form's fields to the URL; a body of another kind is to stay and is signed where it is.
    request = AWSRequest(method=method, url=url, headers=headers)
    signer = botocore.auth.SigV4QueryAuth(Credentials(KEY, SECRET), "sqs", "eu-west-2", expires)
    signer.payload = lambda request: hashlib.sha256(body).hexdigest()
    signer.add_auth(request)
    prepared = request.prepare()
    prepared.body = body
    prepared.headers.pop("Content-Length", None)
    show(name, prepared)


print(f"# Requests serialised and signed by botocore {botocore.__version__}; see make_botocore.py.")
print("# A body ends before the last line end.")
with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: NOW):
    through_the_client("send-message", "us-east-1", "send_message", QueueUrl=QUEUE, MessageBody="Grüße, \"world\" " + "x" * 200)
    through_the_client("send-message-attributes", "eu-central-1", "send_message", QueueUrl=QUEUE, MessageBody="body",
                       MessageGroupId="tenant-1", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    through_the_client("send-message-batch", "us-east-1", "send_message_batch", QueueUrl=QUEUE,
                       Entries=[{"Id": str(at), "MessageBody": "job %d" % at} for at in range(10)])
    through_the_client("receive-message", "local", "receive_message", QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=20)
    through_the_client("delete-message", "us-east-1", "delete_message", QueueUrl=QUEUE, ReceiptHandle="AQEB+/=")
    through_the_client("list-queues", "us-east-1", "list_queues")
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    by_hand("query-post", "POST", QUEUE, b"Action=SendMessage&MessageBody=a%20b&Version=2012-11-05", form)
    by_hand("query-get", "GET", QUEUE + "?Version=2012-11-05&Action=GetQueueAttributes&AttributeName.1=All", b"", {})
    by_hand("odd-path", "GET", "http://127.0.0.1:9324//000000000000/./a%20b+c/../~jobs.fifo/", b"", {})
    by_hand("odd-headers", "POST", QUEUE, b"{}", {"X-Odd": "  two   blanks\tand a tab ", "X-Empty": "", "Content-Type": "application/x-amz-json-1.0"})
    presigned_by_hand("presigned-get", "GET", QUEUE + "?Action=SendMessage&MessageBody=a+b%2Bc%20%C3%BC&Version=2012-11-05", b"", {}, 3_600)
    presigned_by_hand("presigned-post", "POST", "http://127.0.0.1:9324/", b'{"QueueUrl": "/000000000000/jobs"}', {
        "X-Amz-Target": "AmazonSQS.GetQueueAttributes", "Content-Type": "application/x-amz-json-1.0"}, 604_800)
    presigned_by_hand("presigned-empty", "GET", QUEUE, b"", {}, 1)
    presigned_through_the_client("presigned-client", "send_message", QueueUrl=QUEUE, MessageBody="Gr\u00fc\u00dfe & more")
