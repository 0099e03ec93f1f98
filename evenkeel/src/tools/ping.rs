//! `evenkeel ping`: whether a server serves, for scripts and health checks in places without a shell.

use super::session::ServerArgs;
use anyhow::bail;
use clap::Args;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two questions.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Ask whether the server serves; with --wait, until it does.
///
/// Needs no credentials. The exit code is 0 once it answers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel ping                                  for health checks
  evenkeel serve --dev & evenkeel ping --wait 10 && ./run-tests")]
pub(crate) struct PingArgs {
    /// Seconds to wait until it serves.
    #[arg(long, short, value_name = "SECONDS", default_value_t = 0)]
    wait: u32,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: PingArgs) -> anyhow::Result<()> {
    let endpoint = args.server.endpoint()?;
    let until = Instant::now() + Duration::from_secs(args.wait.into());
    loop {
        let asked = crate::client::health(&endpoint).await;
        match asked {
            Ok(200) => return Ok(()),
            _ if Instant::now() < until => sleep(ASK_EVERY).await,
            Ok(503) => bail!("{endpoint} is there, and does not serve (yet); GET {endpoint}/readyz says why"),
            Ok(status) => bail!("{endpoint} answers, but with HTTP status {status}: is that Evenkeel's port?"),
            Err(error) => return Err(error.into()),
        }
    }
}
