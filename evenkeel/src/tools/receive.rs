//! `evenkeel receive`: what a worker does, by hand.

use super::{
    jobs::{self, Job},
    session::{ServerArgs, Session, text},
};
use crate::{client::batch_failures, screen::StatusLine, text::jobs};
use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;

/// Jobs that one call can bring.
const CALL_JOBS_MAX: u64 = 10;

/// Take jobs from a queue as a worker would, and show them.
///
/// A job that is taken is with you: nobody else gets it until its lease ends, and
/// then it comes back, unless it was deleted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel receive work                          one job; it comes back when its lease ends
  evenkeel receive work --wait 20 --delete       wait for a job, show it, finish it
  evenkeel receive work --all --delete --bodies > jobs.txt
  evenkeel receive work --max 100 --lease 600 --json")]
pub(crate) struct ReceiveArgs {
    /// The queue's name or URL.
    queue: String,

    /// How many at most.
    #[arg(long, short, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    max: u64,

    /// Until the queue gives no more.
    #[arg(long, conflicts_with = "max")]
    all: bool,

    /// Seconds to wait for a job if there is none, up to 20 [default: the queue's own].
    #[arg(long, short, value_name = "SECONDS")]
    wait: Option<u32>,

    /// Seconds for which each job is leased, up to 43200 [default: the queue's own].
    #[arg(long, short, value_name = "SECONDS")]
    lease: Option<u32>,

    /// Finish each job once it was written out.
    #[arg(long)]
    delete: bool,

    /// Only the bodies, as they are, each with a line end.
    #[arg(long, conflicts_with = "json")]
    bodies: bool,

    /// One JSON object per job and line, with its receipt handle.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: ReceiveArgs) -> anyhow::Result<()> {
    let mut session = Session::new(&args.server)?;
    let url = session.queue(&args.queue).await?;
    let mut status = StatusLine::new(args.all);
    let mut left = if args.all { u64::MAX } else { args.max };
    let mut taken = 0u64;
    while left > 0 {
        let answer = session.sqs.call("ReceiveMessage", &request(&args, &url, left)).await?;
        let messages: Vec<&Value> = answer.get("Messages").and_then(Value::as_array).into_iter().flatten().collect();
        if messages.is_empty() {
            break;
        }
        status.end();
        for message in &messages {
            write(&mut session, &args, message, taken)?;
            taken += 1;
        }
        // A job must not be finished before its body is out.
        session.out.flush()?;
        if args.delete {
            finish(&mut session, &url, &messages).await?;
        }
        left = left.saturating_sub(messages.len() as u64);
        status.show(format_args!("{} so far", jobs(taken)));
    }
    status.end();
    if taken == 0 {
        eprintln!("no jobs");
    } else if !args.json && !args.bodies {
        let how = if args.delete { "and finished" } else { "and leased: they come back when their leases end" };
        eprintln!("{} received {how}", jobs(taken));
    }
    Ok(())
}

fn request(args: &ReceiveArgs, url: &str, left: u64) -> Value {
    let mut request = json!({
        "QueueUrl": url,
        "MaxNumberOfMessages": left.min(CALL_JOBS_MAX),
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    if let Some(fields) = request.as_object_mut() {
        fields.extend(args.wait.map(|wait| ("WaitTimeSeconds".to_owned(), wait.into())));
        fields.extend(args.lease.map(|lease| ("VisibilityTimeout".to_owned(), lease.into())));
    }
    request
}

fn write(session: &mut Session, args: &ReceiveArgs, message: &Value, before: u64) -> anyhow::Result<()> {
    let job = Job::of_message(message);
    if args.bodies {
        writeln!(session.out, "{}", job.body)?;
    } else if args.json {
        let mut value = job.json();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("receipt_handle".into(), text(message, "ReceiptHandle").into());
        }
        session.json(&value)?;
    } else {
        if before == 0 {
            jobs::write_head(session)?;
        }
        job.write(session)?;
    }
    Ok(())
}

async fn finish(session: &mut Session, url: &str, messages: &[&Value]) -> anyhow::Result<()> {
    let entry = |(at, message): (usize, &&Value)| json!({"Id": at.to_string(), "ReceiptHandle": text(message, "ReceiptHandle")});
    let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
    let answer = session.sqs.call("DeleteMessageBatch", &json!({"QueueUrl": url, "Entries": entries})).await?;
    if let Some((_, why)) = batch_failures(&answer).first() {
        bail!("a job was shown but could not be finished: {why}");
    }
    Ok(())
}
