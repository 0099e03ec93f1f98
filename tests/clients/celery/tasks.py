"""A Celery application as its users write it: its broker is the server, over kombu's SQS transport.

The environment says where the broker is, which queue is used, whether that one is predefined, and where results go."""

import os
import time
from urllib.parse import quote, urlsplit

from celery import Celery

QUEUE = os.environ["TASKS_QUEUE"]
QUEUE_URL = os.environ.get("TASKS_QUEUE_URL")
RESULTS = os.environ["TASKS_RESULTS"]
_server = urlsplit(os.environ["AWS_ENDPOINT_URL_SQS"])
_key, _secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]

options = {"region": "us-east-1", "is_secure": False, "wait_time_seconds": 1, "polling_interval": 0}
if QUEUE_URL:
    known = {"url": QUEUE_URL, "access_key_id": _key, "secret_access_key": _secret}
    # A task that fails comes back after a second, by a change of its visibility.
    known |= {"backoff_policy": {1: 1, 2: 1}, "backoff_tasks": ["tasks.fails_once"]}
    options["predefined_queues"] = {QUEUE: known}

_who = f"{quote(_key, safe='')}:{quote(_secret, safe='')}"
app = Celery("tasks", broker=f"sqs://{_who}@{_server.netloc}//", backend=f"file://{RESULTS}")
app.conf.update(
    broker_transport_options=options,
    task_default_queue=QUEUE,
    task_acks_late=True,
    # Both need a fanout, which SQS has not.
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)


@app.task
def add(one, other):
    # Leaves a trace of each run, to see one that is doubled.
    with open(os.path.join(RESULTS, f"runs-{QUEUE}"), "a", encoding="utf-8") as runs:
        runs.write(f"{one}+{other}\n")
    return one + other


@app.task
def now():
    return time.time()


@app.task(bind=True, max_retries=3)
def succeeds_at_the_third_try(self):
    if self.request.retries < 2:
        raise self.retry(countdown=1)
    return self.request.retries


@app.task(bind=True, acks_on_failure_or_timeout=False)
def fails_once(self):
    marker = os.path.join(RESULTS, f"failed-{self.request.id}")
    if not os.path.exists(marker):
        open(marker, "x").close()
        raise RuntimeError("the first time")
    return "done"
