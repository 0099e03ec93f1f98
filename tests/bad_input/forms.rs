//! Forms that are none, say nothing that can be done, or come by a wrong way.

use crate::house::{House, Way, assert_refused};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// Forms that would send, but for what is wrong with them, and the codes that they get by POST to the queue's own path.
const WRONG: [(&str, &str); 26] = [
    ("", "MissingAction"),
    ("&", "MissingAction"),
    ("=", "MissingAction"),
    ("MessageBody=a", "MissingAction"),
    ("Action=", "MissingAction"),
    ("action=SendMessage&MessageBody=a", "MissingAction"),
    ("Action=sendmessage&MessageBody=a", "InvalidAction"),
    ("Action=SendMessage%00&MessageBody=a", "InvalidAction"),
    ("Action=%EF%BF%BF", "InvalidAction"),
    ("Action=AmazonSQS.SendMessage&MessageBody=a", "InvalidAction"),
    ("Action=CreateTopic&Name=a", "InvalidAction"),
    ("Action=SendMessage&Action=SendMessage&MessageBody=a", "ConflictingQueryParameter"),
    ("Action=SendMessage&Version=2012-11-06&MessageBody=a", "NoSuchVersion"),
    ("Action=SendMessage&Version=&MessageBody=a", "NoSuchVersion"),
    ("Action=SendMessage&Version=2012-11-05&Version=2012-11-05&MessageBody=a", "ConflictingQueryParameter"),
    ("Action=SendMessage&MessageBody", "MissingParameter"),
    ("Action=SendMessage&messagebody=a", "MissingParameter"),
    ("Action=SendMessage&MessageBody=%", "MalformedQueryString"),
    ("Action=SendMessage&MessageBody=%4", "MalformedQueryString"),
    ("Action=SendMessage&MessageBody=%G0", "MalformedQueryString"),
    ("Action=SendMessage&MessageBody=%u0041", "MalformedQueryString"),
    ("Action=SendMessage&MessageBody=%FF", "MalformedQueryString"),
    ("Action=SendMessage&MessageBody=%C0%80", "MalformedQueryString"),
    ("Action=SendMessage&MessageBody=%ED%A0%80", "MalformedQueryString"),
    ("Action=SendMessage&%FF=a&MessageBody=a", "MalformedQueryString"),
    ("Action=SendMessage&MessageBody=a&DelaySeconds=%GG", "MalformedQueryString"),
];

#[test]
fn forms_that_are_none_are_refused_by_each_way() {
    let mut house = House::open();
    let before = house.state();
    let path = house.path();
    for (form, code) in WRONG {
        assert_refused(Way::Post, &house.post(&path, form.as_bytes()), code, form);
        assert_refused(Way::Get, &house.get(&path, form), code, form);
        // Half in the query string, half in the body.
        if let Some((first, rest)) = form.split_once('&') {
            let answer = house.exchange("POST", &format!("{path}?{first}"), FORM, rest.as_bytes());
            assert_refused(Way::Post, &answer, code, form);
        }
        assert_eq!(house.state(), before, "after {form}");
    }
    // Once here and once there is twice.
    let answer = house.exchange("POST", &format!("{path}?MessageBody=a"), FORM, b"Action=SendMessage&MessageBody=a");
    assert_refused(Way::Post, &answer, "ConflictingQueryParameter", "in both halves");
    for raw in [b"Action=SendMessage&MessageBody=\xff".as_slice(), b"\xc0\x80", b"Action=SendMessage&\xfe=a"] {
        let answer = house.post(&path, raw);
        assert_refused(Way::Post, &answer, "MalformedQueryString", &raw.escape_ascii().to_string());
    }
    let many = format!("Action=SendMessage&MessageBody=a{}", "&a=b".repeat(5_000));
    assert_refused(Way::Post, &house.post(&path, many.as_bytes()), "MalformedQueryString", "5,000 parameters");
    assert_eq!(house.state(), before);
}

#[test]
fn bodies_of_other_types_are_no_forms() {
    let mut house = House::open();
    let before = house.state();
    let path = house.path();
    let form = b"Action=SendMessage&MessageBody=a";
    for given in [
        "text/plain",
        "text/html",
        "multipart/form-data; boundary=a",
        "application/xml",
        "application/x-www-form-urlencodedx",
        "application/octet-stream",
        "*/*",
        ";",
        "",
    ] {
        let answer = house.exchange("POST", &path, &format!("Content-Type: {given}\r\n"), form);
        assert_refused(Way::Post, &answer, "InvalidHttpRequest", given);
    }
    // Whoever sends JSON is answered in JSON: which action he means stands in a header that is not there.
    for given in ["application/json", "application/x-amz-json-1.0", "APPLICATION/JSON; charset=utf-8"] {
        for body in [form.as_slice(), b"{}"] {
            let answer = house.exchange("POST", &path, &format!("Content-Type: {given}\r\n"), body);
            assert_refused(Way::Json, &answer, "MissingAction", given);
        }
    }
    assert_eq!(house.state(), before);
}

#[test]
fn gaps_and_strange_numbers_of_elements_are_read_or_refused_and_cost_nothing() {
    let mut house = House::open();
    let before = house.state();
    let path = house.path();
    // The elements stand in the order of their numbers, whatever gaps these have: one that is wrong is found among them.
    for form in [
        "Action=GetQueueAttributes&AttributeName.1=All&AttributeName.4294967295=Nothing",
        "Action=GetQueueAttributes&AttributeName.0=Nothing",
        "Action=GetQueueAttributes&AttributeName.00000000000000000001=Nothing",
        "Action=GetQueueAttributes&AttributeName=Nothing",
        "Action=GetQueueAttributes&AttributeNames.member.7=Nothing",
    ] {
        assert_refused(Way::Post, &house.post(&path, form.as_bytes()), "InvalidAttributeName", form);
    }
    for form in [
        "Action=GetQueueAttributes&AttributeName.1=All&AttributeName.4294967296=All",
        "Action=GetQueueAttributes&AttributeName.1=All&AttributeName.18446744073709551617=All",
        "Action=GetQueueAttributes&AttributeName.1=All&AttributeName.1.1=All",
        "Action=GetQueueAttributes&AttributeName.1=All&AttributeName=All",
        "Action=GetQueueAttributes&AttributeName.1=All&AttributeNames.member.1=All",
        "Action=SendMessageBatch&SendMessageBatchRequestEntry=a",
        "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id.1=a",
        "Action=SendMessage&MessageBody=a&MessageAttribute.1.Name=a&MessageAttribute.1.Value=b",
        "Action=SendMessage&MessageBody=a&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType.1=String",
    ] {
        assert_refused(Way::Post, &house.post(&path, form.as_bytes()), "ConflictingQueryParameter", form);
    }
    // A name of many steps.
    let deep = format!("Action=SendMessage&MessageBody=a&MessageBody{}=b", ".1".repeat(100_000));
    assert_refused(Way::Post, &house.post(&path, deep.as_bytes()), "ConflictingQueryParameter", "a deep name");
    let eleven: String = (1..=11).map(|at| format!("&SendMessageBatchRequestEntry.{}.Id=a", at * 100)).collect();
    let answer = house.post(&path, format!("Action=SendMessageBatch{eleven}").as_bytes());
    assert_refused(Way::Post, &answer, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "eleven with gaps");
    assert_eq!(house.state(), before);
}
