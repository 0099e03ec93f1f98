//! `evenkeel tail`: jobs as they are sent.

use super::{
    looking::{Looking, job, jobs},
    session::{ServerArgs, text},
};
use crate::text::{cut, one_line, width};
use clap::Args;
use std::io::Write;

/// Seconds that the server holds a question until something is sent.
const WAIT_SECONDS: u64 = 20;
/// Columns of a group's name.
const GROUP_COLUMNS: usize = 20;
/// What stands before the body: a time, a group, and the gaps behind them.
const BEFORE_BODY: usize = 9 + 2 + GROUP_COLUMNS + 2;
/// What the body keeps, however narrow the screen.
const BODY_COLUMNS_MIN: usize = 16;

/// Follow what is sent to a queue, from now on, without taking any of it.
///
/// If more is sent than can be shown, the server keeps a few thousand jobs and then forgets the oldest; that is said
/// on standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel tail work
  evenkeel tail work --json | jq .body
  evenkeel tail work --max 1                     wait for one job")]
pub(crate) struct TailArgs {
    /// The queue's name or URL.
    queue: String,

    /// End after so many jobs [default: never].
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,

    /// One JSON object per job and line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: TailArgs) -> anyhow::Result<()> {
    let mut looking = Looking::new(&args.server, &args.queue)?;
    let mut left = args.max.unwrap_or(u64::MAX);
    let mut answer = looking.ask("sent", "").await?;
    eprintln!("following what is sent to {}; Ctrl-C ends it", one_line(&args.queue));
    loop {
        let query = format!("after={}&wait={WAIT_SECONDS}", text(&answer, "after"));
        answer = looking.ask("sent", &query).await?;
        if answer.get("missed").and_then(serde_json::Value::as_bool) == Some(true) {
            eprintln!("more was sent than could be shown: some jobs are left out here");
        }
        let session = &mut looking.session;
        for shown in jobs(&answer)? {
            if args.json {
                session.json(shown)?;
            } else {
                let job = job(shown);
                let group =
                    if job.group.is_empty() { "-".to_owned() } else { cut(&one_line(job.group), GROUP_COLUMNS) };
                let room = " ".repeat(GROUP_COLUMNS.saturating_sub(width(&group)));
                let columns = session.screen.columns.saturating_sub(BEFORE_BODY).max(BODY_COLUMNS_MIN);
                let body = cut(&one_line(job.body), columns);
                writeln!(session.out, "{}  {group}{room}  {body}", clock(job.sent_at_ms))?;
            }
            left -= 1;
            if left == 0 {
                return Ok(session.out.flush()?);
            }
        }
        session.out.flush()?;
    }
}

/// The time of day in UTC: `14:05:09Z`.
fn clock(millis: u64) -> String {
    let seconds = millis / 1_000;
    format!("{:02}:{:02}:{:02}Z", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_nine_columns() {
        assert_eq!(clock(1_709_210_096_789), "12:34:56Z");
        assert_eq!(clock(0), "00:00:00Z");
    }
}
