//! `evenkeel purge`: all jobs out of a queue.

use super::{
    confirm::confirm,
    queues::held,
    session::{ServerArgs, Session, name},
};
use crate::text::{jobs, one_line};
use clap::Args;
use serde_json::json;

/// Throw away all jobs of a queue, those that workers hold included.
///
/// It is done when the command ends, however many there were; the server frees their space behind. The queue stays.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel purge work          asks first
  evenkeel purge work --yes    for scripts")]
pub(crate) struct PurgeArgs {
    /// The queue's name or URL.
    queue: String,

    /// Do not ask.
    #[arg(long, short)]
    yes: bool,

    /// What was done as a JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: PurgeArgs) -> anyhow::Result<()> {
    let mut session = Session::new(&args.server)?;
    let url = session.queue(&args.queue).await?;
    let shown = one_line(name(&url));
    // Others may send and finish meanwhile, so this is what it held and not what was purged.
    let held = held(&mut session, &url).await?;
    confirm(args.yes, &format!("Throw away {} in {shown}?", jobs(held)))?;
    session.sqs.call("PurgeQueue", &json!({"QueueUrl": url})).await?;
    if args.json {
        session.json(&json!({"name": name(&url), "held": held}))?;
    } else {
        eprintln!("purged {shown}, which held {}", jobs(held));
    }
    Ok(())
}
