"""Senders and workers with boto3 as it comes, retries and all, until standard input says stop; then what they saw, as JSON.

    traffic.py QUEUE_NAME SECONDS_LEASED SECONDS_BETWEEN_SENDS ENDPOINT...

There is a sender and a worker for each endpoint. Lines on standard output: "going" once all have done something, a number of acknowledged
sends for each empty line that comes in, and at the end one object:

    sent      bodies that were acknowledged
    received  bodies that came, in the order in which they came: how often each was received by then, and when the call began and ended
    deleted   bodies whose deletion was acknowledged, and when
    unsure    how many deletions ended in an error: they may have been done
    errors    what reached the program: boto3 had given up; by endpoint
    retries   how many attempts boto3 made besides the first ones
    slowest   the longest call, in seconds, long polls apart

Times are seconds of one clock, which nobody sets.
"""

import json
import sys
import threading
import time

import boto3

NAME, LEASE, PAUSE, ENDPOINTS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]

lock = threading.Lock()
seen = {"sent": [], "received": [], "deleted": [], "unsure": 0, "errors": {endpoint: [] for endpoint in ENDPOINTS}, "retries": 0, "slowest": 0.0}
stopped_sending = threading.Event()
stopped = threading.Event()
going = threading.Semaphore(0)


def client(endpoint):
    # Nothing but where it is: retries and timeouts are those that everybody has.
    return boto3.session.Session().client("sqs", endpoint_url=endpoint, region_name="us-east-1")


def call(what, **arguments):
    """The answer, or None and an error that is told."""
    began = time.monotonic()
    try:
        answer = what(**arguments)
    except Exception as error:  # Whatever reaches a program is an error.
        with lock:
            seen["errors"][what.__self__.meta.endpoint_url].append(f"{time.strftime('%H:%M:%S')} {what.__name__}: {type(error).__name__}: {error}")
        return None
    with lock:
        seen["retries"] += answer["ResponseMetadata"]["RetryAttempts"]
        if "WaitTimeSeconds" not in arguments:
            seen["slowest"] = max(seen["slowest"], time.monotonic() - began)
    return answer


def send(number, endpoint):
    sqs = client(endpoint)
    url = sqs.get_queue_url(QueueName=NAME)["QueueUrl"]
    at = 0
    while not stopped_sending.is_set():
        at += 1
        body = f"{number}-{at}"
        if call(sqs.send_message, QueueUrl=url, MessageBody=body) is not None:
            with lock:
                seen["sent"].append(body)
        if at == 1:
            going.release()
        time.sleep(PAUSE)


def work(endpoint):
    sqs = client(endpoint)
    url = sqs.get_queue_url(QueueName=NAME)["QueueUrl"]
    is_first = True
    while not stopped.is_set():
        began = time.monotonic()
        answer = call(
            sqs.receive_message,
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=2,
            VisibilityTimeout=LEASE,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        ended = time.monotonic()
        for message in (answer or {}).get("Messages", []):
            count = int(message["Attributes"]["ApproximateReceiveCount"])
            with lock:
                seen["received"].append([message["Body"], count, began, ended])
            is_deleted = call(sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]) is not None
            with lock:
                if is_deleted:
                    seen["deleted"].append([message["Body"], time.monotonic()])
                else:
                    seen["unsure"] += 1
        if is_first:
            going.release()
            is_first = False


def main():
    senders = [threading.Thread(target=send, args=place, daemon=True) for place in enumerate(ENDPOINTS)]
    workers = [threading.Thread(target=work, args=(endpoint,), daemon=True) for endpoint in ENDPOINTS]
    for thread in senders + workers:
        thread.start()
    for _ in senders + workers:
        going.acquire()
    print("going", flush=True)
    for line in sys.stdin:
        if line.strip() == "stop":
            break
        with lock:
            print(len(seen["sent"]), flush=True)
    stopped_sending.set()
    for thread in senders:
        thread.join()
    # What was not acknowledged may be there as well: what is left comes back at the latest when its lease ends.
    sqs = client(ENDPOINTS[0])
    url = sqs.get_queue_url(QueueName=NAME)["QueueUrl"]
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    while True:
        found = (call(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names) or {}).get("Attributes")
        if found and all(found[name] == "0" for name in names):
            break
        time.sleep(0.1)
    stopped.set()
    for thread in workers:
        thread.join()
    print(json.dumps(seen), flush=True)


main()
