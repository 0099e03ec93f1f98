//! Policies as tables: what is read, and what each says about which request.

use super::*;

fn asked() -> Asked<'static> {
    Asked {
        account: "000000000002",
        user: Some("worker"),
        action: "sqs:SendMessage",
        owner: "000000000001",
        queue: "jobs",
        source_ip: "10.1.2.3".parse().ok(),
        is_secure: false,
        // 2026-11-26T13:30:00Z
        unix_seconds: 1_795_699_800,
    }
}

/// A statement that allows all, with these elements changed (`name=value`, both JSON) or left out (`name=`).
fn statement(changes: &[(&str, &str)]) -> String {
    let mut elements =
        vec![("Effect", r#""Allow""#), ("Principal", r#""*""#), ("Action", r#""sqs:*""#), ("Resource", r#""*""#)];
    for (name, value) in changes {
        elements.retain(|(held, _)| held != name);
        elements.push((name, value));
    }
    let elements: Vec<_> = elements
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", elements.join(","))
}

fn policy(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn verdict(changes: &[(&str, &str)], asked: &Asked<'_>) -> Verdict {
    let text = policy(&[statement(changes)]);
    Policy::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}")).verdict(asked)
}

fn counts(changes: &[(&str, &str)], asked: &Asked<'_>) -> bool {
    verdict(changes, asked) == Verdict::Allowed
}

#[test]
fn principals_are_everybody_accounts_and_users() {
    let root = Asked { user: None, ..asked() };
    for (principal, user, root_too) in [
        (r#""*""#, true, true),
        (r#"{"AWS":"*"}"#, true, true),
        (r#"{"AWS":"000000000002"}"#, true, true),
        (r#"{"AWS":["000000000009","arn:aws:iam::000000000002:root"]}"#, true, true),
        (r#"{"AWS":"arn:aws:iam::000000000002:user/worker"}"#, true, false),
        (r#"{"AWS":"arn:aws:iam::000000000002:user/other"}"#, false, false),
        (r#"{"AWS":"arn:aws:iam::000000000003:user/worker"}"#, false, false),
        (r#"{"AWS":"000000000003"}"#, false, false),
        (r#"{"Service":"sns.amazonaws.com"}"#, false, false),
    ] {
        assert_eq!(counts(&[("Principal", principal)], &asked()), user, "{principal}");
        assert_eq!(counts(&[("Principal", principal)], &root), root_too, "{principal}");
    }
}

#[test]
fn actions_and_resources_match_by_pattern_or_by_none() {
    for (name, value, expected) in [
        ("Action", r#""sqs:SendMessage""#, true),
        ("Action", r#""SQS:sendmessage""#, true),
        ("Action", r#"["sqs:Get*","sqs:Send*"]"#, true),
        ("Action", r#""sqs:Receive*""#, false),
        ("Action", r#""*""#, true),
        ("Resource", r#""arn:aws:sqs:us-east-1:000000000001:jobs""#, true),
        ("Resource", r#""arn:aws:sqs:*:*:job?""#, true),
        ("Resource", r#""arn:aws:sqs:us-east-1:000000000001:mail""#, false),
        ("Resource", r#""arn:aws-cn:sqs:elsewhere:000000000001:jobs""#, true),
        ("Resource", r#""arn:aws:sqs:us-east-1:000000000002:jobs""#, false),
        ("Resource", r#""arn:*:*:*:*:*""#, true),
        ("Resource", r#""arn:aws:sqs:us-east-1:0*:*s""#, true),
        ("Resource", "", true),
    ] {
        assert_eq!(counts(&[(name, value)], &asked()), expected, "{name} {value}");
    }
    assert!(!counts(&[("Action", ""), ("NotAction", r#""sqs:Send*""#)], &asked()));
    assert!(counts(&[("Action", ""), ("NotAction", r#""sqs:Purge*""#)], &asked()));
    assert!(!counts(&[("Resource", ""), ("NotResource", r#""*""#)], &asked()));
}

#[test]
fn a_denial_decides_in_any_order() {
    let (allow, deny) = (statement(&[]), statement(&[("Effect", r#""Deny""#), ("Action", r#""sqs:SendMessage""#)]));
    for statements in [[allow.clone(), deny.clone()], [deny, allow]] {
        let policy = Policy::parse(&policy(&statements)).unwrap();
        assert_eq!(policy.verdict(&asked()), Verdict::Denied);
        assert_eq!(policy.verdict(&Asked { action: "sqs:ReceiveMessage", ..asked() }), Verdict::Allowed);
    }
    assert_eq!(verdict(&[("Principal", r#"{"AWS":"000000000009"}"#)], &asked()), Verdict::Silent);
}

#[test]
fn conditions_hold_as_iam_has_them() {
    for (condition, expected) in [
        (r#"{"StringEquals":{"aws:username":"worker"}}"#, true),
        (r#"{"StringEquals":{"AWS:UserName":["a","worker"]}}"#, true),
        (r#"{"StringEquals":{"aws:username":"Worker"}}"#, false),
        (r#"{"StringEqualsIgnoreCase":{"aws:username":"Worker"}}"#, true),
        (r#"{"StringNotEquals":{"aws:username":["a","worker"]}}"#, false),
        (r#"{"StringNotEquals":{"aws:username":["a","b"]}}"#, true),
        (r#"{"StringLike":{"aws:username":"w?rk*"}}"#, true),
        (r#"{"StringNotLike":{"aws:username":"w*"}}"#, false),
        (r#"{"StringEquals":{"aws:SourceAccount":"000000000002"}}"#, false),
        (r#"{"StringEqualsIfExists":{"aws:SourceAccount":"000000000002"}}"#, true),
        (r#"{"StringNotEquals":{"aws:SourceAccount":"000000000002"}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"aws:SourceAccount":"x"}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"aws:SourceAccount":"x"}}"#, false),
        (r#"{"ForAnyValue:StringEquals":{"aws:username":"worker"}}"#, true),
        (r#"{"Null":{"aws:SourceAccount":"true"}}"#, true),
        (r#"{"Null":{"aws:username":true}}"#, false),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::000000000002:user/worker"}}"#, true),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}"#, true),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:*"}}"#, false),
        (r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}"#, false),
        (r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:*:*:*"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.1.2.3"]}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":"10.1.2.4"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"::/0"}}"#, false),
        (r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":true}}"#, false),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-26T13:30:01Z"}}"#, true),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-26T13:30:00Z"}}"#, false),
        (r#"{"DateLessThanEquals":{"aws:CurrentTime":"2026-11-26T13:30:00Z"}}"#, true),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-11-26"}}"#, true),
        (r#"{"DateEquals":{"aws:EpochTime":"1795699800"}}"#, true),
        (r#"{"NumericGreaterThan":{"aws:EpochTime":1000}}"#, true),
        (r#"{"NumericLessThanEquals":{"aws:EpochTime":["1","2"]}}"#, false),
        (r#"{"StringEquals":{"aws:username":"worker","aws:PrincipalAccount":"000000000002"}}"#, true),
        (r#"{"StringEquals":{"aws:username":"worker","aws:PrincipalAccount":"0"}}"#, false),
        (r#"{"StringEquals":{"aws:username":"worker"},"Bool":{"aws:SecureTransport":"true"}}"#, false),
    ] {
        assert_eq!(counts(&[("Condition", condition)], &asked()), expected, "{condition}");
    }
    let mapped = Asked { source_ip: "::ffff:10.1.2.3".parse().ok(), ..asked() };
    assert!(counts(&[("Condition", r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#)], &mapped));
    let six = Asked { source_ip: "2001:db8::1".parse().ok(), ..asked() };
    assert!(counts(&[("Condition", r#"{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}"#)], &six));
    let unknown = Asked { source_ip: None, ..asked() };
    assert!(!counts(&[("Condition", r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#)], &unknown));
}

#[test]
fn what_is_not_understood_is_refused_when_it_is_set() {
    use PolicyError as Error;
    let text = |text: &str| Error::Unknown(text.into());
    for (changes, error) in [
        (&[("Effect", r#""allow""#)][..], Error::Effect),
        (&[("Effect", "")], Error::Missing("Effect")),
        (&[("Principal", "")], Error::Missing("Principal")),
        (&[("Action", "")], Error::Missing("Action")),
        (&[("Action", "[]")], Error::Missing("Action")),
        (&[("Action", r#""sns:Publish""#)], Error::Action("sns:Publish".into())),
        (&[("Action", "7")], Error::NotText("Action")),
        (&[("Resource", r#""jobs""#)], Error::Resource("jobs".into())),
        (&[("Resource", r#""arn:aws:sns:us-east-1:000000000001:jobs""#)], {
            Error::Resource("arn:aws:sns:us-east-1:000000000001:jobs".into())
        }),
        (&[("Resource", r#""arn:aws:sqs:*""#)], Error::Resource("arn:aws:sqs:*".into())),
        (&[("Principal", r#"{"AWS":"me"}"#)], Error::Principal("me".into())),
        (&[("Principal", r#""000000000002""#)], Error::Principal("000000000002".into())),
        (&[("Principal", r#"{"AWS":"arn:aws:iam::000000000002:user/*"}"#)], {
            Error::Principal("arn:aws:iam::000000000002:user/*".into())
        }),
        (&[("Actions", r#""*""#)], text("Actions")),
        (&[("Principal", r#"{"Aws":"*"}"#)], text("Aws")),
        (&[("Condition", r#"{"StringMatches":{"aws:username":"a"}}"#)], Error::Operator("StringMatches".into())),
        (&[("Condition", r#"{"NullIfExists":{"aws:username":"true"}}"#)], Error::Operator("NullIfExists".into())),
        (&[("Condition", r#"{"Bool":{"aws:SecureTransport":"yes"}}"#)], Error::Value("Bool".into(), "yes".into())),
        (&[("Condition", r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}"#)], {
            Error::Value("IpAddress".into(), "10.0.0.0/33".into())
        }),
        (&[("Condition", r#"{"DateEquals":{"aws:CurrentTime":"2026-13-01"}}"#)], {
            Error::Value("DateEquals".into(), "2026-13-01".into())
        }),
        (&[("Condition", r#"{"StringEquals":{"aws:username":[]}}"#)], Error::Missing("a value of a condition")),
        (&[("Condition", r#"{"StringEquals":"a"}"#)], Error::NotObject("Condition")),
    ] {
        assert_eq!(Policy::parse(&policy(&[statement(changes)])), Err(error), "{changes:?}");
    }
    assert!(matches!(Policy::parse(&policy(&[statement(&[("NotPrincipal", r#""*""#)])])), Err(Error::Unsupported(_))));
    assert!(matches!(Policy::parse(&policy(&[statement(&[("NotAction", r#""*""#)])])), Err(Error::Unsupported(_))));
    for (name, value) in [
        ("Resource", r#""arn:aws:sqs:*:*:${aws:username}-*""#),
        ("Condition", r#"{"StringEquals":{"aws:username":"${aws:PrincipalTag/who}"}}"#),
    ] {
        let refused = Policy::parse(&policy(&[statement(&[(name, value)])]));
        assert!(matches!(refused, Err(Error::Unsupported(why)) if why.contains("variables")), "{name}");
    }
    let sid = statement(&[("Sid", r#""a""#)]);
    assert_eq!(Policy::parse(&policy(&[sid.clone(), sid])), Err(Error::SidRepeated));
    let many: Vec<_> = (0..21).map(|_| statement(&[])).collect();
    assert_eq!(Policy::parse(&policy(&many)), Err(Error::TooMany("statements", 20)));
    for (text, error) in [
        ("", Error::NotJson),
        ("[]", Error::NotObject("the policy")),
        ("{}", Error::Missing("Statement")),
        (r#"{"Statement":[]}"#, Error::Missing("Statement")),
        (r#"{"Version":"2013-01-01","Statement":[]}"#, Error::Version),
        (r#"{"Statement":[],"Statements":[]}"#, text("Statements")),
    ] {
        assert_eq!(Policy::parse(text), Err(error), "{text}");
    }
    assert_eq!(Policy::parse(&" ".repeat(8_193)), Err(Error::TooLong));
    assert!(Policy::parse(&format!(r#"{{"Id":"x","Statement":{}}}"#, statement(&[]))).is_ok(), "one needs no list");
}

#[test]
fn the_owner_may_do_what_is_not_denied_and_others_what_is_allowed() {
    use Verdict::{Allowed, Denied, Silent};
    for (verdict, owner, others) in [(Denied, false, false), (Allowed, true, true), (Silent, true, false)] {
        assert_eq!((verdict.lets_in(true), verdict.lets_in(false)), (owner, others), "{verdict:?}");
    }
}

#[test]
fn the_form_that_is_kept_is_in_order_compact_and_names_accounts_by_their_arns() {
    for (given, expected) in [
        (
            r#" { "Statement": { "Resource": "*", "Action": "SQS:SendMessage", "Effect": "Allow", "Principal": {"AWS": "000000000002"} } } "#,
            r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000002:root"},"Action":"SQS:SendMessage","Resource":"*"}]}"#,
        ),
        (
            r#"{"Statement":[{"Condition":{"Bool":{"aws:SecureTransport":false}},"Effect":"Deny","Principal":"*","NotAction":["sqs:*"],"Sid":"a"}],"Id":"x","Version":"2012-10-17"}"#,
            r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Deny","Principal":"*","NotAction":["sqs:*"],"Condition":{"Bool":{"aws:SecureTransport":false}}}]}"#,
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["000000000002","arn:aws:iam::000000000003:user/a","*"]},"Action":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000002:root","arn:aws:iam::000000000003:user/a","*"]},"Action":"*"}]}"#,
        ),
    ] {
        let form = normal(given).unwrap();
        assert_eq!(form, expected);
        assert_eq!(normal(&form).as_deref(), Ok(expected), "once in that form it stays so");
        assert_eq!(Policy::parse(&form), Policy::parse(given), "it says the same");
    }
    // What fits in one form must fit in the other, or it could not be read at the next start.
    let accounts = vec![r#""000000000002""#; 50].join(",");
    let statements = vec![statement(&[("Principal", &format!(r#"{{"AWS":[{accounts}]}}"#))]); 8];
    assert!(Policy::parse(&policy(&statements)).is_ok());
    assert_eq!(normal(&policy(&statements)), Err(PolicyError::TooLong));
}

/// A number that is not the nearest to its digits is written with others, and read again as a third.
#[test]
fn numbers_of_many_digits_stay_what_they_are() {
    for number in [
        "66666666666666666666666666666666666666661e3",
        "6.66666666666666666666666666666666666661e-30",
        "1795699800.0000000000000000001",
        "0.1234567890123456789012345678901234567890",
        "-9007199254740993.0",
        "2.2250738585072011e-308",
    ] {
        let condition = format!(r#"{{"NumericLessThan":{{"aws:EpochTime":{number}}}}}"#);
        let given = policy(&[statement(&[("Condition", &condition)])]);
        let read = Policy::parse(&given).unwrap();
        let form = normal(&given).unwrap();
        assert_eq!(Policy::parse(&form).as_ref(), Ok(&read), "{number}");
        assert_eq!(normal(&form).as_deref(), Ok(form.as_str()), "{number}");
        let quoted = given.replace(number, &format!("\"{number}\""));
        assert_eq!(Policy::parse(&quoted).as_ref(), Ok(&read), "as a text {number} is the same");
    }
}
