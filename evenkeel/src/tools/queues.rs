//! `evenkeel queues`: which there are and how full; one in detail; making and deleting them.

use super::{
    confirm::confirm,
    session::{ServerArgs, Session, all_queues, name, number},
};
use crate::{
    client::CallError,
    screen::StatusLine,
    table::{Side, Table},
    text::{jobs, one_line, thousands},
};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::io::Write;

/// List queues and how many jobs each holds; show, create and delete them.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    after_help = "\
Examples:
  evenkeel queues                     all of them, with what waits in each
  evenkeel queues mail                those whose names begin with mail
  evenkeel queues create work         make one
  evenkeel queues show work           all attributes of one
  evenkeel queues --json | jq .name   for programs: one object a line"
)]
pub(crate) struct QueuesArgs {
    #[command(subcommand)]
    command: Option<Command>,

    /// Only queues whose names begin so.
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,

    /// One JSON object per queue and line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show all attributes of a queue.
    Show {
        /// Its name or URL.
        queue: String,
        /// All attributes as one JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Make a queue; fine if it is there already with the same attributes. Prints its URL.
    #[command(after_help = "\
Examples:
  evenkeel queues create work
  evenkeel queues create slow --attribute VisibilityTimeout=600
  evenkeel queues create fair --attribute EvenkeelGroupInFlightLimit=10")]
    Create {
        /// Its name: up to 80 letters, digits, dashes and underscores.
        name: String,
        /// An attribute of SQS or of Evenkeel's own; may be given several times.
        #[arg(long, short, value_name = "NAME=VALUE", value_parser = pair)]
        attribute: Vec<(String, String)>,
        /// The URL as a JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Delete a queue and all jobs in it.
    Delete {
        /// Its name or URL.
        queue: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Reads `name=value`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) async fn run(args: QueuesArgs) -> anyhow::Result<()> {
    match args.command {
        None => list(&args.server, &args.prefix, args.json).await,
        Some(Command::Show { queue, json, server }) => show(&server, &queue, json).await,
        Some(Command::Create { name, attribute, json, server }) => create(&server, &name, attribute, json).await,
        Some(Command::Delete { queue, yes, server }) => delete(&server, &queue, yes).await,
    }
}

/// How many jobs are where.
struct Counts {
    waiting: u64,
    in_flight: u64,
    delayed: u64,
}

impl Counts {
    fn of(attributes: &Value) -> Self {
        Self {
            waiting: number(attributes, "ApproximateNumberOfMessages"),
            in_flight: number(attributes, "ApproximateNumberOfMessagesNotVisible"),
            delayed: number(attributes, "ApproximateNumberOfMessagesDelayed"),
        }
    }

    fn all(&self) -> u64 {
        self.waiting + self.in_flight + self.delayed
    }
}

async fn list(server: &ServerArgs, prefix: &str, as_json: bool) -> anyhow::Result<()> {
    let mut session = Session::new(server)?;
    let urls = all_queues(&mut session.sqs, prefix).await?;
    let mut table = Table::new(&[
        ("QUEUE", Side::Left),
        ("WAITING", Side::Right),
        ("IN FLIGHT", Side::Right),
        ("DELAYED", Side::Right),
    ]);
    let mut status = StatusLine::new(urls.len() > 100);
    for (done, url) in urls.iter().enumerate() {
        status.show(format_args!("reading queues: {done} of {}", urls.len()));
        let attributes = match session.sqs.attributes(url).await {
            // Deleted since it was listed.
            Err(error) if error.is_no_such_queue() => continue,
            read => read?,
        };
        let Counts { waiting, in_flight, delayed } = Counts::of(&attributes);
        if as_json {
            session.json(&json!({
                "name": name(url), "url": url, "waiting": waiting, "in_flight": in_flight, "delayed": delayed,
            }))?;
        } else {
            table.row(&[name(url), &thousands(waiting), &thousands(in_flight), &thousands(delayed)]);
        }
    }
    drop(status);
    if as_json {
        return Ok(());
    }
    if urls.is_empty() {
        let which =
            if prefix.is_empty() { String::new() } else { format!(" whose names begin with {}", one_line(prefix)) };
        eprintln!("no queues{which}; `evenkeel queues create NAME` makes one");
        return Ok(());
    }
    Ok(table.write(session.screen, &mut session.out)?)
}

async fn show(server: &ServerArgs, queue: &str, as_json: bool) -> anyhow::Result<()> {
    let mut session = Session::new(server)?;
    let url = session.queue(queue).await?;
    let attributes = session.sqs.attributes(&url).await?;
    if as_json {
        return Ok(session.json(&json!({"name": name(&url), "url": url, "attributes": attributes}))?);
    }
    let mut table = Table::new(&[("ATTRIBUTE", Side::Left), ("VALUE", Side::Left)]);
    table.row(&["QueueUrl", &url]);
    for (name, value) in attributes.as_object().into_iter().flatten() {
        table.row(&[name, value.as_str().unwrap_or_default()]);
    }
    Ok(table.write(session.screen, &mut session.out)?)
}

async fn create(
    server: &ServerArgs,
    name: &str,
    attributes: Vec<(String, String)>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut session = Session::new(server)?;
    let attributes: Map<String, Value> = attributes.into_iter().map(|(name, value)| (name, value.into())).collect();
    let answer = session.sqs.call("CreateQueue", &json!({"QueueName": name, "Attributes": attributes})).await?;
    let url = answer.get("QueueUrl").and_then(Value::as_str).context("the server gave no URL")?;
    if as_json {
        session.json(&json!({"name": name, "url": url}))?;
    } else {
        writeln!(session.out, "{url}")?;
    }
    Ok(())
}

async fn delete(server: &ServerArgs, queue: &str, yes: bool) -> anyhow::Result<()> {
    let mut session = Session::new(server)?;
    let url = session.queue(queue).await?;
    let shown = one_line(name(&url));
    if !yes {
        let held = Counts::of(&session.sqs.attributes(&url).await?).all();
        confirm(yes, &format!("Delete the queue {shown} and {} in it?", jobs(held)))?;
    }
    session.sqs.call("DeleteQueue", &json!({"QueueUrl": url})).await?;
    eprintln!("deleted {shown}");
    Ok(())
}

/// How many jobs a queue holds: waiting, in flight and delayed.
pub(super) async fn held(session: &mut Session, url: &str) -> Result<u64, CallError> {
    Ok(Counts::of(&session.sqs.attributes(url).await?).all())
}
