"""Tenants by MessageGroupId, and the attributes beyond those of SQS."""

import json

from world import QueueTest


class Fairness(QueueTest):
    def fill(self, group, count):
        for at in range(0, count, 10):
            batch = [
                {"Id": str(n), "MessageBody": f"{group} {n}", "MessageGroupId": group}
                for n in range(at, min(at + 10, count))
            ]
            self.assertNotIn("Failed", self.sqs.send_message_batch(QueueUrl=self.queue, Entries=batch))

    def groups(self, **more):
        messages = self.receive(MessageSystemAttributeNames=["MessageGroupId"], **more)
        return [message["Attributes"]["MessageGroupId"] for message in messages]

    def test_a_quiet_tenant_does_not_wait_behind_a_noisy_one(self):
        self.fill("noisy", 100)
        self.fill("quiet", 5)
        self.assertEqual(sorted(self.groups()), ["noisy"] * 5 + ["quiet"] * 5)

    def test_weights_and_limits_are_attributes(self):
        share = json.dumps({"weight": 4, "in_flight_limit": 6})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"EvenkeelGroup.large": share})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"EvenkeelGroupInFlightLimit": "3"})
        self.assertEqual(self.attribute("EvenkeelGroupInFlightLimit"), "3")
        self.fill("small", 20)
        self.fill("large", 20)
        taken = self.groups() + self.groups() + self.groups()
        self.assertEqual((taken.count("small"), taken.count("large")), (3, 6))
