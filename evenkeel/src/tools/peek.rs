//! `evenkeel peek`: the jobs that would be granted next.

use super::{
    jobs::write_head,
    looking::{Looking, job, jobs},
    session::ServerArgs,
};
use clap::Args;

/// Show the jobs that receives would get next, and of which groups, without taking any.
///
/// They come in the order of turns: what a worker who asks now would get first is first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel peek work
  evenkeel peek work --max 100 --json")]
pub(crate) struct PeekArgs {
    /// The queue's name or URL.
    queue: String,

    /// How many at most, up to 100.
    #[arg(long, short, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100))]
    max: u64,

    /// One JSON object per job and line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: PeekArgs) -> anyhow::Result<()> {
    let mut looking = Looking::new(&args.server, &args.queue)?;
    let answer = looking.ask("next", &format!("max={}", args.max)).await?;
    let (session, jobs) = (&mut looking.session, jobs(&answer)?);
    if jobs.is_empty() {
        eprintln!("no job can be granted now");
    } else if !args.json {
        write_head(session)?;
    }
    for shown in jobs {
        if args.json {
            session.json(shown)?;
        } else {
            job(shown).write(session)?;
        }
    }
    Ok(())
}
