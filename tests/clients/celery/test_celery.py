"""Celery over kombu: tasks sent by one process and done by a worker in another, on a queue that Celery makes and on one that is
there and predefined."""

import importlib
import os
import signal
import subprocess
import sys
import time
import unittest

import boto3

FOLDER = os.path.dirname(os.path.abspath(__file__))


class Worker:
    """`celery worker`, as a process of its own, with two more to do the work."""

    def __init__(self, log):
        self.log = open(log, "w+", encoding="utf-8")
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = [sys.executable, "-B", "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2", *quiet]
        self.process = subprocess.Popen(command, cwd=FOLDER, stdout=self.log, stderr=subprocess.STDOUT)

    def stop(self):
        """A warm shutdown: what is at work is finished."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.log.seek(0)
        said = self.log.read()
        self.log.close()
        return code, said


class Work:
    """What is expected of any queue."""

    predefined = False

    @classmethod
    def setUpClass(cls):
        cls.sqs = boto3.client("sqs")
        cls.queue = "predefined" if cls.predefined else "made-by-celery"
        os.environ["TASKS_QUEUE"] = cls.queue
        os.environ.pop("TASKS_QUEUE_URL", None)
        if cls.predefined:
            made = cls.sqs.create_queue(QueueName=cls.queue, Attributes={"VisibilityTimeout": "60"})
            os.environ["TASKS_QUEUE_URL"] = made["QueueUrl"]
        import tasks

        cls.tasks = importlib.reload(tasks)
        cls.worker = Worker(os.path.join(tasks.RESULTS, f"log-{cls.queue}"))

    @classmethod
    def tearDownClass(cls):
        cls.tasks.app.close()
        code, said = cls.worker.stop()
        cls.sqs.close()
        assert code == 0, said

    def counts(self):
        url = self.sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return [told[f"ApproximateNumberOfMessages{which}"] for which in ("", "NotVisible", "Delayed")]

    def until_empty(self):
        """The last deletion comes behind the last result."""
        end = time.monotonic() + 20
        while (counts := self.counts()) != ["0", "0", "0"]:
            self.assertLess(time.monotonic(), end, f"not all is deleted: {counts}")
            time.sleep(0.05)

    def test_every_task_is_done_once(self):
        results = [self.tasks.add.delay(number, 1_000) for number in range(100)]
        self.assertEqual([result.get(timeout=30) for result in results], [number + 1_000 for number in range(100)])
        self.until_empty()
        with open(os.path.join(self.tasks.RESULTS, f"runs-{self.queue}"), encoding="utf-8") as runs:
            self.assertEqual(len([run for run in runs if run.endswith("+1000\n")]), 100)

    def test_a_countdown_is_waited_for(self):
        start = time.time()
        ran = self.tasks.now.apply_async(countdown=2).get(timeout=30)
        self.assertGreaterEqual(ran - start, 2)
        self.until_empty()

    def test_a_task_that_asks_for_it_is_tried_again(self):
        self.assertEqual(self.tasks.succeeds_at_the_third_try.delay().get(timeout=30), 2)
        self.until_empty()


class MadeByCelery(Work, unittest.TestCase):
    def test_the_queue_is_as_celery_makes_it(self):
        self.tasks.add.delay(1, 2).get(timeout=30)
        url = self.sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        self.assertEqual(told["Attributes"]["VisibilityTimeout"], "1800")


class Predefined(Work, unittest.TestCase):
    predefined = True

    def test_a_task_that_fails_comes_back_when_the_backoff_policy_says(self):
        number = self.tasks.fails_once.delay().id
        end = time.monotonic() + 30
        # The first failure is a result, too.
        while (state := self.tasks.app.AsyncResult(number).state) != "SUCCESS":
            self.assertLess(time.monotonic(), end, state)
            time.sleep(0.05)
        self.until_empty()


if __name__ == "__main__":
    unittest.main()
