//! `evenkeel redrive`: dead jobs back to work.

use super::session::{ServerArgs, Session, name, text};
use crate::{
    screen::StatusLine,
    text::{jobs, one_line, thousands},
};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often the server is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Move the jobs of a dead-letter queue back to where they came from, or to another queue.
///
/// The server does the work; the command follows it, and the task goes on if you leave with Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel redrive work-dead                     back to the queues they came from
  evenkeel redrive work-dead --to work --rate 50
  evenkeel redrive work-dead --status            how far the last task is
  evenkeel redrive work-dead --cancel")]
pub(crate) struct RedriveArgs {
    /// The dead-letter queue's name or URL.
    queue: String,

    /// Move them there instead.
    #[arg(long, value_name = "QUEUE")]
    to: Option<String>,

    /// Jobs per second at most, up to 500 [default: as many as the server can].
    #[arg(long, value_name = "N")]
    rate: Option<u32>,

    /// Start the task and do not follow it.
    #[arg(long)]
    detach: bool,

    /// Only say how far the last task is.
    #[arg(long, conflicts_with_all = ["to", "rate", "detach", "cancel"])]
    status: bool,

    /// Stop the task that runs; what was moved stays moved.
    #[arg(long, conflicts_with_all = ["to", "rate", "detach"])]
    cancel: bool,

    /// How it ended, as a JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: RedriveArgs) -> anyhow::Result<()> {
    let mut session = Session::new(&args.server)?;
    let url = session.queue(&args.queue).await?;
    let source = arn(&mut session, &url).await?;
    if args.cancel {
        return cancel(&mut session, &args, &source).await;
    }
    if !args.status {
        start(&mut session, &args, &source).await?;
        if args.detach {
            eprintln!("started; `evenkeel redrive {} --status` says how far it is", one_line(name(&url)));
            return Ok(());
        }
    }
    let mut status = StatusLine::new(true);
    loop {
        let Some(task) = last_task(&mut session, &source).await? else {
            bail!("no jobs were ever moved from {}", one_line(name(&url)));
        };
        if task.is_running() && !args.status {
            status.show(format_args!("{} of {} moved", thousands(task.moved), jobs(task.to_move)));
            tokio::time::sleep(ASK_EVERY).await;
            continue;
        }
        status.end();
        return tell(&mut session, &args, &task);
    }
}

/// A move task as the server lists it.
struct Task {
    handle: String,
    status: String,
    moved: u64,
    to_move: u64,
    failure: String,
}

impl Task {
    fn is_running(&self) -> bool {
        matches!(self.status.as_str(), "RUNNING" | "CANCELLING")
    }
}

async fn arn(session: &mut Session, url: &str) -> anyhow::Result<String> {
    let attributes = session.sqs.attributes(url).await?;
    attributes.get("QueueArn").and_then(Value::as_str).map(str::to_owned).context("the server gave no QueueArn")
}

async fn start(session: &mut Session, args: &RedriveArgs, source: &str) -> anyhow::Result<()> {
    let mut request = Map::from_iter([("SourceArn".to_owned(), Value::from(source))]);
    if let Some(to) = &args.to {
        let url = session.queue(to).await?;
        request.insert("DestinationArn".into(), arn(session, &url).await?.into());
    }
    if let Some(rate) = args.rate {
        request.insert("MaxNumberOfMessagesPerSecond".into(), rate.into());
    }
    session.sqs.call("StartMessageMoveTask", &request.into()).await?;
    Ok(())
}

async fn last_task(session: &mut Session, source: &str) -> anyhow::Result<Option<Task>> {
    let answer = session.sqs.call("ListMessageMoveTasks", &json!({"SourceArn": source, "MaxResults": 1})).await?;
    let task = answer.get("Results").and_then(Value::as_array).and_then(|tasks| tasks.first());
    let number = |task: &Value, name: &str| task.get(name).and_then(Value::as_u64).unwrap_or(0);
    Ok(task.map(|task| Task {
        handle: text(task, "TaskHandle").to_owned(),
        status: text(task, "Status").to_owned(),
        moved: number(task, "ApproximateNumberOfMessagesMoved"),
        to_move: number(task, "ApproximateNumberOfMessagesToMove"),
        failure: text(task, "FailureReason").to_owned(),
    }))
}

async fn cancel(session: &mut Session, args: &RedriveArgs, source: &str) -> anyhow::Result<()> {
    let task = last_task(session, source).await?.filter(|task| task.status == "RUNNING");
    let Some(task) = task else { bail!("no task moves jobs from {}", one_line(name(&args.queue))) };
    session.sqs.call("CancelMessageMoveTask", &json!({"TaskHandle": task.handle})).await?;
    match last_task(session, source).await? {
        Some(task) => tell(session, args, &task),
        None => Ok(()),
    }
}

fn tell(session: &mut Session, args: &RedriveArgs, task: &Task) -> anyhow::Result<()> {
    if args.json {
        session.json(&json!({"status": task.status, "moved": task.moved, "to_move": task.to_move}))?;
    }
    let told = format!("{} of {} moved", thousands(task.moved), jobs(task.to_move));
    match task.status.as_str() {
        "FAILED" => bail!("the task failed ({}): {told}", one_line(&task.failure)),
        _ if args.json => {}
        "COMPLETED" => eprintln!("done: {told}"),
        status => eprintln!("{}: {told}", status.to_lowercase()),
    }
    Ok(())
}
