"""Keys with rights, and policies of queues: who is let do what, as programs with boto3 see it."""

import json

from world import QueueTest, administer, key, signing

OTHER = "123456789012"


class Keys(QueueTest):
    def test_a_key_does_what_it_is_for_where_it_is_for(self):
        _, sender = key("sender", actions=["sqs:SendMessage", "sqs:GetQueueUrl"], queues=["test-"])
        url = sender.get_queue_url(QueueName=self.name)["QueueUrl"]
        sender.send_message(QueueUrl=url, MessageBody="a")
        sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "b"}])
        self.refused("AccessDenied", sender.receive_message, QueueUrl=url)
        self.refused("AccessDenied", sender.delete_queue, QueueUrl=url)
        self.refused("AccessDenied", sender.get_queue_url, QueueName="elsewhere")
        senders = {message["Attributes"]["SenderId"] for message in self.receive(AttributeNames=["SenderId"])}
        self.assertEqual(senders, {"sender"})

    def test_a_key_for_some_queues_lists_these(self):
        _, some = key("some", queues=[self.name])
        self.refused("AccessDenied", some.list_queues)
        self.assertEqual(some.list_queues(QueueNamePrefix=self.name)["QueueUrls"], [self.queue])

    def test_a_revoked_key_is_refused_from_then_on(self):
        access_key, worker = key("worker")
        worker.send_message(QueueUrl=self.queue, MessageBody="a")
        administer("DELETE", "/v1/keys/" + access_key)
        self.refused("InvalidClientTokenId", worker.send_message, QueueUrl=self.queue, MessageBody="b")
        self.assertEqual([message["Body"] for message in self.receive()], ["a"])

    def test_a_rotated_key_has_both_secrets_for_its_grace(self):
        access_key, old = key("worker")
        new = signing(administer("POST", f"/v1/keys/{access_key}/rotate", {"grace_seconds": 600}))
        for each in (old, new):
            each.send_message(QueueUrl=self.queue, MessageBody="a")
        newest = signing(administer("POST", f"/v1/keys/{access_key}/rotate", {"grace_seconds": 0}))
        for each in (old, new):
            self.refused("SignatureDoesNotMatch", each.send_message, QueueUrl=self.queue, MessageBody="a")
        newest.send_message(QueueUrl=self.queue, MessageBody="a")


class Permissions(QueueTest):
    def test_another_account_is_let_in_by_a_permission_until_it_is_removed(self):
        _, other = key("worker", account=OTHER)
        self.refused("AccessDenied", other.send_message, QueueUrl=self.queue, MessageBody="a")
        self.sqs.add_permission(
            QueueUrl=self.queue, Label="share", AWSAccountIds=[OTHER], Actions=["SendMessage", "GetQueueUrl"]
        )
        url = other.get_queue_url(QueueName=self.name, QueueOwnerAWSAccountId=self.queue.split("/")[3])["QueueUrl"]
        self.assertEqual(url, self.queue)
        other.send_message(QueueUrl=url, MessageBody="a")
        self.refused("AccessDenied", other.receive_message, QueueUrl=url)
        statement = json.loads(self.attribute("Policy"))["Statement"][0]
        self.assertEqual(statement["Sid"], "share")
        self.assertEqual(statement["Principal"], {"AWS": f"arn:aws:iam::{OTHER}:root"})
        self.assertEqual(statement["Action"], ["SQS:SendMessage", "SQS:GetQueueUrl"])

        self.sqs.remove_permission(QueueUrl=self.queue, Label="share")
        self.refused("AccessDenied", other.send_message, QueueUrl=url, MessageBody="b")
        self.assertEqual([message["Body"] for message in self.receive()], ["a"])
        error = self.refused("InvalidParameterValue", self.sqs.remove_permission, QueueUrl=self.queue, Label="share")
        self.assertIn("can't find label.", str(error))

    def test_a_policy_denies_by_user_within_the_account(self):
        _, good = key("good")
        _, bad = key("bad")
        account = self.queue.split("/")[3]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:user/bad"},
                    "Action": "sqs:SendMessage",
                    "Resource": self.attribute("QueueArn"),
                }
            ],
        }
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps(policy)})
        self.assertEqual(json.loads(self.attribute("Policy")), policy)
        good.send_message(QueueUrl=self.queue, MessageBody="a")
        error = self.refused("AccessDenied", bad.send_message, QueueUrl=self.queue, MessageBody="b")
        self.assertIn("explicit deny", str(error))
        self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 403)
        bad.receive_message(QueueUrl=self.queue)
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": ""})
        bad.send_message(QueueUrl=self.queue, MessageBody="c")

    def test_addresses_are_those_of_the_connection(self):
        def deny(condition):
            statement = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Condition": condition}
            policy = json.dumps({"Statement": [statement]})
            self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})

        deny({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}})
        self.send("a")
        deny({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})
        self.refused("AccessDenied", self.send, "b")

    def test_what_is_no_policy_is_refused_with_the_reason(self):
        for policy, reason in [
            ("{", "no JSON"),
            ('{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:Fly"}]}', "sqs:Fly"),
            ('{"Statement":[{"Effect":"Allow","Principal":"you","Action":"*"}]}', "you"),
        ]:
            error = self.refused(
                "InvalidAttributeValue",
                self.sqs.set_queue_attributes,
                QueueUrl=self.queue,
                Attributes={"Policy": policy},
            )
            self.assertIn("Invalid value for the parameter Policy.", str(error))
            self.assertIn(reason, str(error))

    def test_a_policy_has_twenty_statements(self):
        for number in range(20):
            self.sqs.add_permission(
                QueueUrl=self.queue, Label=f"n{number}", AWSAccountIds=[OTHER], Actions=["SendMessage"]
            )
        with self.assertRaises(self.sqs.exceptions.OverLimit) as refused:
            self.sqs.add_permission(QueueUrl=self.queue, Label="more", AWSAccountIds=[OTHER], Actions=["SendMessage"])
        self.assertIn("21 Statements were found, maximum allowed is 20.", str(refused.exception))
