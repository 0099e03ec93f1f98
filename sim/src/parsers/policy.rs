//! Any bytes as a queue's policy: refused, or kept in a form that says the same and stays as it is.

use evenkeel_policy::{Asked, PermissionError, Policy, add_permission, normal, remove_permission};

const ARN: &str = "arn:aws:sqs:eu-west-1:000000000001:q";

/// Panics if reading does, or if what is kept is not what was read.
pub fn judge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(read) = Policy::parse(text) else {
        normal(text).expect_err("what cannot be read is not kept");
        return;
    };
    // Some that are read are longer in the form in which they would be kept than they may be.
    let Ok(form) = normal(text) else { return };
    assert_eq!(Policy::parse(&form).as_ref(), Ok(&read), "it says the same");
    assert_eq!(normal(&form).as_deref(), Ok(form.as_str()), "once in that form it stays so");
    for asked in requests() {
        let _ = read.verdict(&asked);
    }
    edit(&read, &form);
}

/// Adds a permission and takes it out again: what was there before is there as it was.
fn edit(read: &Policy, form: &str) {
    let added = match add_permission(Some(form), ARN, "fuzz", &["000000000002"], &["SendMessage"]) {
        Ok(added) => added,
        Err(PermissionError::LabelTaken(_) | PermissionError::TooMany(..) | PermissionError::Policy(_)) => return,
        Err(other) => panic!("a good permission is refused: {other}"),
    };
    let [asked, ..] = requests();
    let verdict = Policy::parse(&added).expect("what is kept can be read").verdict(&asked);
    assert!(
        verdict.lets_in(false) || !read.verdict(&asked).lets_in(true),
        "what is permitted is let in, unless denied"
    );
    let removed = remove_permission(Some(&added), "fuzz").expect("what was added can be removed");
    assert_eq!(removed.as_deref(), Some(form));
}

fn requests() -> [Asked<'static>; 3] {
    let one = Asked {
        account: "000000000002",
        user: Some("worker"),
        action: "sqs:SendMessage",
        owner: "000000000001",
        queue: "q",
        source_ip: "10.1.2.3".parse().ok(),
        is_secure: false,
        unix_seconds: 1_795_699_800,
    };
    let root = Asked { account: "000000000001", user: None, action: "sqs:DeleteQueue", ..one };
    [one, root, Asked { source_ip: "2001:db8::1".parse().ok(), is_secure: true, unix_seconds: i64::MIN, ..one }]
}

/// Policies with every element.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let policies = [
        r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}"#,
        r#"{"Statement":{"Effect":"Deny","Principal":{"AWS":["000000000002","arn:aws:iam::000000000003:user/a"],"Service":"sns.amazonaws.com"},"NotAction":["sqs:Get*","SQS:SendMessageBatch"],"NotResource":"arn:aws:sqs:*:000000000001:q?*"}}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]},"Bool":{"aws:SecureTransport":false},"Null":{"aws:username":"false"}}}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"DateLessThanIfExists":{"aws:CurrentTime":"2026-11-26T13:30:00Z"},"NumericGreaterThan":{"aws:EpochTime":1e3}}}]}"#,
        r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Condition":{"StringNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/w*"},"ForAnyValue:ArnLike":{"aws:PrincipalArn":"arn:aws:iam::0*:root"},"StringEqualsIgnoreCase":{"aws:userid":["A","b"]}}}]}"#,
    ];
    policies.into_iter().map(|policy| policy.as_bytes().to_vec()).collect()
}
