//! A job as the tools show it: a row for people, an object for programs.

use super::session::{Session, text};
use crate::{
    screen::Style,
    text::{cut, one_line, span, width},
};
use serde_json::{Map, Value, json};
use std::{
    io::{self, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Columns of a group's name; rows come one by one, so the widths cannot follow what is in them.
const GROUP_COLUMNS: usize = 20;
/// What stands before the body.
const BEFORE_BODY: usize = GROUP_COLUMNS + 2 + 8 + 2 + 5 + 2;
/// What the body keeps, however narrow the screen.
const BODY_COLUMNS_MIN: usize = 16;

/// One job.
pub(super) struct Job<'a> {
    pub(super) id: &'a str,
    /// Empty for none.
    pub(super) group: &'a str,
    /// When it was sent, in milliseconds since 1970.
    pub(super) sent_at_ms: u64,
    /// How often it was given to a worker.
    pub(super) attempts: u64,
    pub(super) body: &'a str,
    /// SQS's `MessageAttributes`, as they came.
    pub(super) attributes: Option<&'a Value>,
}

impl<'a> Job<'a> {
    /// A job as `ReceiveMessage` gives it.
    pub(super) fn of_message(message: &'a Value) -> Self {
        let system = |name: &str| message.get("Attributes").map_or("", |attributes| text(attributes, name));
        Self {
            id: text(message, "MessageId"),
            group: system("MessageGroupId"),
            sent_at_ms: system("SentTimestamp").parse().unwrap_or(0),
            attempts: system("ApproximateReceiveCount").parse().unwrap_or(0),
            body: text(message, "Body"),
            attributes: message.get("MessageAttributes"),
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let group = if self.group.is_empty() { Value::Null } else { self.group.into() };
        let attributes = self.attributes.cloned().unwrap_or_else(|| Map::new().into());
        json!({
            "id": self.id, "group": group, "sent_at_ms": self.sent_at_ms, "attempts": self.attempts,
            "body": self.body, "attributes": attributes,
        })
    }

    /// For people: one row under [`write_head`].
    pub(super) fn write(&self, session: &mut Session) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let age = now.saturating_sub(Duration::from_millis(self.sent_at_ms));
        let group = if self.group.is_empty() { "-".to_owned() } else { cut(&one_line(self.group), GROUP_COLUMNS) };
        let columns = session.screen.columns.saturating_sub(BEFORE_BODY).max(BODY_COLUMNS_MIN);
        let body = cut(&one_line(self.body), columns);
        let room = " ".repeat(GROUP_COLUMNS.saturating_sub(width(&group)));
        writeln!(session.out, "{group}{room}  {:>8}  {:>5}  {body}", span(age), self.attempts)
    }
}

/// The head over the rows.
pub(super) fn write_head(session: &mut Session) -> io::Result<()> {
    let head = format!("{:<GROUP_COLUMNS$}  {:>8}  {:>5}  BODY", "GROUP", "SENT AGO", "TRIES");
    writeln!(session.out, "{}", session.screen.paint(Style::Bold, head))
}
