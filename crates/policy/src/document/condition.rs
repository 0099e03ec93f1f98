//! Conditions: an operator, a key of the request, and the values that it is compared with.
//!
//! IAM User Guide, "IAM JSON policy elements: Condition operators" and "Condition with multiple keys or values": all conditions must
//! hold; of several values one must match, or, with an operator that says *Not*, none. With a key that the request does not have a
//! condition does not hold, unless its operator says *Not*, ends in `IfExists`, begins with `ForAllValues:`, or is `Null`.
//! All keys here have one value, so that `ForAnyValue:` adds nothing.

use super::{Asked, PolicyError, element::scalars, statement::refuse_variables};
use crate::matches;
use serde_json::Value;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// In lower case: the case of keys does not count.
    key: String,
    test: Test,
    /// The operator says *Not*.
    negated: bool,
    /// It holds where the key is absent.
    holds_without: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Equal to one of them.
    Equals(Vec<String>),
    /// Equal to one of them, in any case.
    EqualsAnyCase(Vec<String>),
    /// Of one of these patterns.
    Like(Vec<String>),
    /// An ARN each of whose parts is of one of these patterns.
    Arn(Vec<String>),
    /// A number or a time, in this relation to one of them.
    Compares(Relation, Vec<f64>, Kind),
    Bool(Vec<bool>),
    /// In one of these networks.
    Ip(Vec<Network>),
    /// Whether the key is absent.
    Null(Vec<bool>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
}

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Condition {
    /// Reads the object of operators.
    pub(super) fn read_all(value: &Value) -> Result<Vec<Self>, PolicyError> {
        let operators = value.as_object().ok_or(PolicyError::NotObject("Condition"))?;
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            for (key, values) in keys.as_object().ok_or(PolicyError::NotObject("Condition"))? {
                conditions.push(Self::read(operator, key, values)?);
            }
        }
        Ok(conditions)
    }

    fn read(operator: &str, key: &str, values: &Value) -> Result<Self, PolicyError> {
        let short = |text: &str| text.chars().take(64).collect::<String>();
        let (every, bare) = match operator.split_once(':') {
            Some(("ForAllValues", bare)) => (true, bare),
            Some(("ForAnyValue", bare)) => (false, bare),
            _ => (false, operator),
        };
        let (if_exists, bare) = bare.strip_suffix("IfExists").map_or((false, bare), |bare| (true, bare));
        let values = scalars(values).ok_or_else(|| PolicyError::Value(short(operator), short(&values.to_string())))?;
        values.iter().try_for_each(|value| refuse_variables(value))?;
        if values.is_empty() {
            return Err(PolicyError::Missing("a value of a condition"));
        }
        let wrong = |value: &str| PolicyError::Value(short(operator), short(value));
        let numbers = |relation| -> Result<Test, PolicyError> {
            let read = |value: &String| value.parse::<f64>().ok().filter(|number| number.is_finite());
            let numbers = values.iter().map(|value| read(value).ok_or_else(|| wrong(value)));
            Ok(Test::Compares(relation, numbers.collect::<Result<_, _>>()?, Kind::Number))
        };
        let dates = |relation| -> Result<Test, PolicyError> {
            let dates = values.iter().map(|value| date(value).ok_or_else(|| wrong(value)));
            Ok(Test::Compares(relation, dates.collect::<Result<_, _>>()?, Kind::Date))
        };
        let truths = || -> Result<Vec<bool>, PolicyError> {
            values.iter().map(|value| value.to_ascii_lowercase().parse().map_err(|_| wrong(value))).collect()
        };
        let networks = || -> Result<Test, PolicyError> {
            let networks = values.iter().map(|value| Network::read(value).ok_or_else(|| wrong(value)));
            networks.collect::<Result<_, _>>().map(Test::Ip)
        };
        let (test, negated) = match bare {
            "StringEquals" => (Test::Equals(values), false),
            "StringNotEquals" => (Test::Equals(values), true),
            "StringEqualsIgnoreCase" => (Test::EqualsAnyCase(values), false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsAnyCase(values), true),
            "StringLike" => (Test::Like(values), false),
            "StringNotLike" => (Test::Like(values), true),
            "ArnEquals" | "ArnLike" => (Test::Arn(values), false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn(values), true),
            "NumericEquals" => (numbers(Relation::Equals)?, false),
            "NumericNotEquals" => (numbers(Relation::Equals)?, true),
            "NumericLessThan" => (numbers(Relation::Less)?, false),
            "NumericLessThanEquals" => (numbers(Relation::LessOrEquals)?, false),
            "NumericGreaterThan" => (numbers(Relation::Greater)?, false),
            "NumericGreaterThanEquals" => (numbers(Relation::GreaterOrEquals)?, false),
            "DateEquals" => (dates(Relation::Equals)?, false),
            "DateNotEquals" => (dates(Relation::Equals)?, true),
            "DateLessThan" => (dates(Relation::Less)?, false),
            "DateLessThanEquals" => (dates(Relation::LessOrEquals)?, false),
            "DateGreaterThan" => (dates(Relation::Greater)?, false),
            "DateGreaterThanEquals" => (dates(Relation::GreaterOrEquals)?, false),
            "Bool" => (Test::Bool(truths()?), false),
            "IpAddress" => (networks()?, false),
            "NotIpAddress" => (networks()?, true),
            "Null" if !if_exists && bare == operator => (Test::Null(truths()?), false),
            _ => return Err(PolicyError::Operator(short(operator))),
        };
        Ok(Self { key: key.to_ascii_lowercase(), test, negated, holds_without: negated || if_exists || every })
    }

    pub(super) fn holds(&self, asked: &Asked<'_>) -> bool {
        let found = value_of(&self.key, asked);
        if let Test::Null(wanted) = &self.test {
            return wanted.contains(&found.is_none());
        }
        match found {
            None => self.holds_without,
            Some(found) => self.test.is_met(&found) != self.negated,
        }
    }
}

/// The request's value of a key (IAM User Guide, "AWS global condition context keys").
fn value_of(key: &str, asked: &Asked<'_>) -> Option<String> {
    match key {
        "aws:sourceip" => asked.source_ip.map(|ip| ip.to_string()),
        "aws:securetransport" => Some(asked.is_secure.to_string()),
        "aws:currenttime" | "aws:epochtime" => Some(asked.unix_seconds.to_string()),
        "aws:principalaccount" => Some(asked.account.to_owned()),
        "aws:principalarn" => Some(asked.principal_arn()),
        "aws:username" => asked.user.map(str::to_owned),
        "aws:principaltype" => Some(if asked.user.is_some() { "User" } else { "Account" }.to_owned()),
        "aws:userid" => Some(asked.user.unwrap_or(asked.account).to_owned()),
        _ => None,
    }
}

impl Test {
    fn is_met(&self, found: &str) -> bool {
        match self {
            Self::Equals(values) => values.iter().any(|value| value == found),
            Self::EqualsAnyCase(values) => values.iter().any(|value| value.to_lowercase() == found.to_lowercase()),
            Self::Like(values) => values.iter().any(|value| matches(value, found)),
            Self::Arn(values) => values.iter().any(|value| is_like_arn(value, found)),
            Self::Compares(relation, values, kind) => {
                let number = match kind {
                    Kind::Number => found.parse().ok(),
                    Kind::Date => date(found),
                };
                number.is_some_and(|number: f64| values.iter().any(|&value| relation.holds(number, value)))
            }
            Self::Bool(values) => values.iter().any(|value| value.to_string() == found),
            Self::Ip(values) => found.parse().is_ok_and(|ip| values.iter().any(|network| network.has(ip))),
            Self::Null(_) => false,
        }
    }
}

impl Relation {
    fn holds(self, found: f64, value: f64) -> bool {
        match self {
            Self::Equals => found == value,
            Self::Less => found < value,
            Self::LessOrEquals => found <= value,
            Self::Greater => found > value,
            Self::GreaterOrEquals => found >= value,
        }
    }
}

/// Part by part, so that no wildcard reaches over a colon; the last part may have colons of its own.
fn is_like_arn(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    parts.len() == 6 && patterns.len() == 6 && patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|&bits| bits <= most))?;
        Some(Self { address, bits })
    }

    fn has(self, ip: IpAddr) -> bool {
        // A connection to a socket of both families shows its IPv4 address in an IPv6 one.
        let (left, right, width) = match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => (u128::from(u32::from(net)), u128::from(u32::from(ip)), 32),
            (IpAddr::V6(net), IpAddr::V6(ip)) => (u128::from(net), u128::from(ip), 128),
            _ => return false,
        };
        let ignored = width - u32::from(self.bits);
        left.checked_shr(ignored).unwrap_or(0) == right.checked_shr(ignored).unwrap_or(0)
    }
}

/// Seconds since 1970 of `2026-11-26T13:30:00Z`, `2026-11-26`, or of seconds since 1970.
fn date(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let number = |text: &str, digits: usize| -> Option<i64> {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let mut parts = day.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let mut parts = time.strip_suffix('Z')?.splitn(3, ':');
    let (hour, minute, second) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?, parts.next()?);
    let whole = second.split_once('.').map_or(second, |(whole, _)| whole);
    let second = number(whole, 2)?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !in_range {
        return None;
    }
    // Howard Hinnant, "chrono-compatible low-level date algorithms".
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * (month + 9).rem_euclid(12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    #[expect(clippy::cast_precision_loss, reason = "seconds of four-digit years are exact in 53 bits")]
    Some(seconds as f64)
}
