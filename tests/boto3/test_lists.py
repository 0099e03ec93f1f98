"""Lists of queues by pages, and their tags."""

import uuid

from world import QueueTest


class Lists(QueueTest):
    def make(self, names):
        return [self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in names]

    def test_queues_are_listed_by_prefix_in_the_order_of_their_names(self):
        prefix = f"list-{uuid.uuid4().hex[:8]}"
        urls = self.make([f"{prefix}-{number}" for number in (3, 1, 2, 5, 4)])
        told = self.sqs.list_queues(QueueNamePrefix=prefix)
        self.assertEqual(told["QueueUrls"], sorted(urls))
        self.assertNotIn("NextToken", told)
        self.assertNotIn("QueueUrls", self.sqs.list_queues(QueueNamePrefix=f"{prefix}-6"))

    def test_pages_go_on_where_the_last_one_ended_though_queues_come_and_go(self):
        prefix = f"page-{uuid.uuid4().hex[:8]}"
        urls = self.make([f"{prefix}-{number}" for number in range(5)])
        page = self.sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2)
        self.assertEqual(page["QueueUrls"], urls[:2])
        self.sqs.delete_queue(QueueUrl=urls[1])
        self.sqs.delete_queue(QueueUrl=urls[2])
        page = self.sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2, NextToken=page["NextToken"])
        self.assertEqual(page["QueueUrls"], urls[3:])
        self.assertNotIn("NextToken", page)

    def test_a_paginator_sees_each_queue_once(self):
        prefix = f"all-{uuid.uuid4().hex[:8]}"
        urls = self.make([f"{prefix}-{number}" for number in range(7)])
        pages = self.sqs.get_paginator("list_queues").paginate(
            QueueNamePrefix=prefix, PaginationConfig={"PageSize": 3}
        )
        self.assertEqual([url for page in pages for url in page["QueueUrls"]], urls)

    def test_tokens_and_sizes_that_cannot_be_are_refused(self):
        for changes in [{"MaxResults": 0}, {"MaxResults": 1001}, {"MaxResults": 1, "NextToken": "nonsense"}]:
            with self.subTest(**changes):
                self.refused("InvalidParameterValue", self.sqs.list_queues, **changes)


class Tags(QueueTest):
    def tags(self):
        return self.sqs.list_queue_tags(QueueUrl=self.queue).get("Tags", {})

    def test_tags_are_given_changed_and_taken(self):
        self.assertEqual(self.tags(), {})
        self.sqs.tag_queue(QueueUrl=self.queue, Tags={"team": "a", "größe": "übergroß"})
        self.sqs.tag_queue(QueueUrl=self.queue, Tags={"team": "b", "stage": ""})
        self.assertEqual(self.tags(), {"team": "b", "größe": "übergroß", "stage": ""})
        self.sqs.untag_queue(QueueUrl=self.queue, TagKeys=["größe", "never there"])
        self.assertEqual(self.tags(), {"team": "b", "stage": ""})

    def test_a_queue_is_made_with_tags_and_found_without(self):
        name = f"tagged-{uuid.uuid4().hex[:8]}"
        queue = self.sqs.create_queue(QueueName=name, tags={"a": "1"})["QueueUrl"]
        self.assertEqual(self.sqs.create_queue(QueueName=name, tags={"a": "2"})["QueueUrl"], queue)
        self.assertEqual(self.sqs.list_queue_tags(QueueUrl=queue)["Tags"], {"a": "1"})

    def test_a_queue_has_fifty_tags_at_most(self):
        self.sqs.tag_queue(QueueUrl=self.queue, Tags={f"k{number}": "" for number in range(50)})
        self.refused("InvalidParameterValue", self.sqs.tag_queue, QueueUrl=self.queue, Tags={"one more": ""})
        self.sqs.tag_queue(QueueUrl=self.queue, Tags={"k0": "other"})
        self.assertEqual((len(self.tags()), self.tags()["k0"]), (50, "other"))
