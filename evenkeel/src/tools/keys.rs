//! `evenkeel keys`: access keys of a running server, for people and for programs.

use super::session::{ServerArgs, text};
use crate::{
    client::Native,
    screen::Screen,
    table::{Side, Table},
};
use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use std::io::Write;

/// Access keys of a running server: who may sign, and what with it may be done.
///
/// Only the root key may ask. It is taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else from the data folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel keys create worker --action sqs:ReceiveMessage --action sqs:DeleteMessage --queue jobs-
  evenkeel keys create prometheus --action evenkeel:ReadMetrics
  evenkeel keys list
  evenkeel keys rotate AKIA4EXAMPLE --grace 1h
  evenkeel keys revoke AKIA4EXAMPLE")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    server: ServerArgs,

    /// Write JSON to standard output.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key; its secret is shown now and never again.
    Create {
        /// Whose it is; queue policies name it so.
        name: String,
        /// The account that it acts for [default: the server's own].
        #[arg(long, value_name = "DIGITS")]
        account: Option<String>,
        /// What it is for, for people.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// An action that it is for: sqs:SendMessage, sqs:Receive*, sqs:*, evenkeel:ReadMetrics; may be repeated [default: all].
        #[arg(long = "action", value_name = "PATTERN")]
        actions: Vec<String>,
        /// What the names of the queues begin with that it is for; may be repeated [default: all].
        #[arg(long = "queue", value_name = "PREFIX")]
        queues: Vec<String>,
        /// When it ends: 90s, 15m, 12h, 30d from now [default: never].
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        expires_in: Option<u64>,
    },
    /// List all keys, without their secrets.
    List,
    /// Give a key a new secret; the old one still counts for a while.
    Rotate {
        /// The access key's id.
        id: String,
        /// How long the old secret still counts: 0s ends it now.
        #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "1d")]
        grace: u64,
    },
    /// Remove a key: from the answer on, nobody signs with it.
    Revoke {
        /// The access key's id.
        id: String,
    },
}

/// Does it, and tells.
pub(super) async fn run(args: KeysArgs) -> anyhow::Result<()> {
    let (endpoint, identity) = args.server.find()?;
    let mut native = Native::new(endpoint, identity.as_ref());
    let mut out = std::io::stdout().lock();
    let told = ask(&mut native, &args.command).await?;
    if args.json {
        writeln!(out, "{told}")?;
        return Ok(());
    }
    match &args.command {
        Command::Create { .. } => write!(out, "{}", given(&told, "The secret is shown only now:"))?,
        Command::Rotate { grace: 0, .. } => {
            write!(out, "{}", given(&told, "The old secret counts no more. The new one:"))?
        }
        Command::Rotate { .. } => {
            let until = time(told.get("old_secret_until"));
            write!(out, "{}", given(&told, &format!("The old secret counts until {until}. The new one:")))?;
        }
        Command::Revoke { id } => writeln!(out, "{id} is revoked.")?,
        Command::List if told.pointer("/keys/0").is_none() => {
            eprintln!("There is no access key besides the root key; `evenkeel keys create NAME` makes one.");
        }
        Command::List => table(&told).write(Screen::look(), &mut out)?,
    }
    Ok(())
}

async fn ask(native: &mut Native, command: &Command) -> anyhow::Result<Value> {
    let told = match command {
        Command::Create { name, account, description, actions, queues, expires_in } => {
            let body = json!({
                "name": name, "account": account, "description": description, "actions": actions, "queues": queues,
                "expires_in_seconds": expires_in,
            });
            native.call("keys create", Method::POST, "/v1/keys", "", &body).await?
        }
        Command::Rotate { id, grace } => {
            let path = format!("/v1/keys/{}/rotate", plain(id)?);
            native.call("keys rotate", Method::POST, &path, "", &json!({"grace_seconds": grace})).await?
        }
        Command::Revoke { id } => {
            let path = format!("/v1/keys/{}", plain(id)?);
            native.call("keys revoke", Method::DELETE, &path, "", &Value::Null).await?;
            json!({"revoked": id})
        }
        Command::List => json!({"keys": all(native).await?}),
    };
    Ok(told)
}

/// All pages.
async fn all(native: &mut Native) -> anyhow::Result<Vec<Value>> {
    let (mut keys, mut query) = (Vec::new(), String::new());
    loop {
        let mut page = native.call("keys list", Method::GET, "/v1/keys", &query, &Value::Null).await?;
        let shown = page.get_mut("keys").and_then(Value::as_array_mut).context("the server's answer has no keys")?;
        keys.append(shown);
        match page.get("next").and_then(Value::as_str) {
            // A server that gave the same place twice would never end.
            Some(next) if query != format!("after={next}") => query = format!("after={next}"),
            _ => return Ok(keys),
        }
    }
}

/// An id that may stand in a path.
fn plain(id: &str) -> anyhow::Result<&str> {
    let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_plain { Ok(id) } else { anyhow::bail!("{id:?} is no access key's id; `evenkeel keys list` shows them") }
}

fn given(key: &Value, remark: &str) -> String {
    let (id, secret) = (text(key, "access_key"), text(key, "secret_key"));
    format!("{remark}\n\n  export AWS_ACCESS_KEY_ID={id}\n  export AWS_SECRET_ACCESS_KEY={secret}\n\n")
}

fn table(told: &Value) -> Table {
    let heads = ["ACCESS KEY", "ACCOUNT", "NAME", "STATE", "EXPIRES", "ACTIONS", "QUEUES", "DESCRIPTION"];
    let mut table = Table::new(&heads.map(|head| (head, Side::Left)));
    for key in told.get("keys").and_then(Value::as_array).into_iter().flatten() {
        let rights = |name: &str, mark: &str| {
            let texts = key.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let texts: Vec<_> = texts.map(|text| format!("{text}{mark}")).collect();
            if texts.is_empty() { "all".to_owned() } else { texts.join(",") }
        };
        table.row(&[
            text(key, "access_key"),
            text(key, "account"),
            text(key, "name"),
            text(key, "state"),
            &time(key.get("expires_at")),
            &rights("actions", ""),
            &rights("queues", "*"),
            text(key, "description"),
        ]);
    }
    table
}

/// `2026-11-26 13:30Z` of Unix seconds.
fn time(value: Option<&Value>) -> String {
    let Some(seconds) = value.and_then(Value::as_u64).and_then(|seconds| i64::try_from(seconds).ok()) else {
        return "never".into();
    };
    let date = evenkeel_sigv4::AmzDate::from_unix(seconds).to_string();
    let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-{} {}:{}Z", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13))
}

/// A time as people write it, in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("write a number and s, m, h or d, such as 12h".into()),
    };
    let count: u64 = digits.parse().map_err(|_| "write a number and s, m, h or d, such as 12h".to_owned())?;
    count.checked_mul(factor).ok_or_else(|| "that is too long".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        for (text, expected) in
            [("90s", Some(90)), ("15m", Some(900)), ("12h", Some(43_200)), ("30d", Some(2_592_000)), ("0s", Some(0))]
        {
            assert_eq!(seconds(text).ok(), expected);
        }
        for wrong in ["", "12", "h", "1w", "-1s", "1.5h", "99999999999999999999s", "99999999999999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(time(Some(&json!(1_440_938_160))), "2015-08-30 12:36Z");
    }

    #[test]
    fn keys_stand_in_columns() {
        let key = |name: &str, actions: &[&str]| {
            json!({"access_key": "AKIA1", "account": "000000000000", "name": name, "state": "active", "expires_at": null,
                   "actions": actions, "queues": ["jobs-"], "description": ""})
        };
        let told = json!({"keys": [key("a", &[]), key("longer", &["sqs:SendMessage", "sqs:Get*"])]});
        let mut shown = Vec::new();
        table(&told).write(Screen { columns: 200, ..Screen::PLAIN }, &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("a       active  never    all"), "{shown}");
        assert!(lines[2].contains("sqs:SendMessage,sqs:Get*  jobs-*"), "{shown}");
    }
}
