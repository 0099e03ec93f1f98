//! A group's share of a queue: the attribute `EvenkeelGroup.<group>`.

use super::{GivenAttributes, invalid};
use crate::{error::SqsError, json_out::Json, limits::GROUP_BYTES_MAX};
use evenkeel_machine::{command::GroupSettings, limits::WEIGHT_MAX};
use serde::Deserialize;

/// What a group's attribute begins with.
pub(super) const GROUP_PREFIX: &str = "EvenkeelGroup.";

/// A group's share, if that is what the attributes give. It stands alone in its request: it is a command of its own, and
/// two commands of one request could not be done both or neither.
pub(crate) fn group_share<'r>(given: &'r GivenAttributes<'_>) -> Result<Option<(&'r str, GroupSettings)>, SqsError> {
    let mut shares = given.kept.iter().filter_map(|(name, value)| Some((name.strip_prefix(GROUP_PREFIX)?, &**value)));
    let Some((group, value)) = shares.next() else { return Ok(None) };
    if given.count > 1 {
        return Err(SqsError::Unsupported(format!(
            "{GROUP_PREFIX}{group} must be the only attribute of its request: a request is done wholly or not at all."
        )));
    }
    if !is_group(group) {
        let reason = "a group has 1 to 128 letters, digits and punctuation marks";
        return Err(invalid(GROUP_PREFIX, reason));
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Share {
        #[serde(default = "one")]
        weight: u8,
        #[serde(default)]
        in_flight_limit: u32,
    }
    let name = || format!("{GROUP_PREFIX}{group}");
    let share: Share = if value.trim_start().starts_with('{') { serde_json::from_str(value).ok() } else { None }
        .ok_or_else(|| {
            invalid(&name(), r#"it is a JSON object such as {"weight":5,"in_flight_limit":10}, each of them optional"#)
        })?;
    if !(1..=WEIGHT_MAX).contains(&share.weight) {
        return Err(invalid(&name(), "a weight is 1 to 100"));
    }
    Ok(Some((group, GroupSettings { weight: share.weight, in_flight_max: share.in_flight_limit })))
}

fn one() -> u8 {
    1
}

/// Whether a group may be called so: 1 to 128 letters, digits and punctuation marks of ASCII.
pub(crate) fn is_group(name: &str) -> bool {
    (1..=GROUP_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Writes a group's share, as it may be set.
pub(crate) fn write_share(json: &mut Json, group: &str, settings: GroupSettings) {
    let GroupSettings { weight, in_flight_max } = settings;
    let value = format!(r#"{{"weight":{weight},"in_flight_limit":{in_flight_max}}}"#);
    json.string(&format!("{GROUP_PREFIX}{group}"), &value);
}
