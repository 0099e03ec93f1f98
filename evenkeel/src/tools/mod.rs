//! The commands that speak to a running server: look, send, receive, follow, purge, redrive.
//!
//! They are clients like any other; all but `keys`, `cluster`, `peek` and `tail` know nothing that SQS does not tell. Rules for all of them:
//!
//! 1. Results go to standard output, as a table for people or with `--json` as one object a line; everything else (progress, what was
//!    done, errors) goes to standard error.
//! 2. What is taken back by nothing (a purge, a deletion) asks first, or wants `--yes`.
//! 3. An error says what to do. The exit code is 0 if all was done, 1 if not, 2 if the command line makes no sense.

mod cluster;
mod confirm;
mod jobs;
mod keys;
mod looking;
mod peek;
mod ping;
mod purge;
mod queues;
mod receive;
mod recover;
mod redrive;
mod send;
mod session;
mod skip;
mod suggest;
mod tail;

use clap::Subcommand;

/// What can be asked of a running server.
#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    Queues(queues::QueuesArgs),
    Send(send::SendArgs),
    Receive(receive::ReceiveArgs),
    Peek(peek::PeekArgs),
    Tail(tail::TailArgs),
    Purge(purge::PurgeArgs),
    Redrive(redrive::RedriveArgs),
    Keys(keys::KeysArgs),
    Cluster(cluster::ClusterArgs),
    Ping(ping::PingArgs),
}

/// Runs one of them.
pub(crate) fn run(tool: Tool) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match tool {
            Tool::Queues(args) => queues::run(args).await,
            Tool::Send(args) => send::run(args).await,
            Tool::Receive(args) => receive::run(args).await,
            Tool::Peek(args) => peek::run(args).await,
            Tool::Tail(args) => tail::run(args).await,
            Tool::Purge(args) => purge::run(args).await,
            Tool::Redrive(args) => redrive::run(args).await,
            Tool::Keys(args) => keys::run(args).await,
            Tool::Cluster(args) => cluster::run(args).await,
            Tool::Ping(args) => ping::run(args).await,
        }
    })
}

/// Whether it failed only because nobody reads any more (`evenkeel queues | head`), which is no failure.
pub(crate) fn is_unread(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
