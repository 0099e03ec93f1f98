//! What a person reads.

use super::{child::Child, form};
use crate::{
    screen::Screen,
    table::{Side, Table},
};
use serde_json::Value;
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    process::ExitStatus,
};

/// All is there: who is who, and what to try.
pub(super) fn ready(nodes: &[Child], status: &Value, screen: Screen) -> io::Result<()> {
    let leader = form::leader(status);
    let mut out = io::stdout().lock();
    writeln!(out, "Three nodes of one cluster, for trying it out: any credentials will do.\n")?;
    let heads = [("NODE", Side::Right), ("ROLE", Side::Left), ("PROCESS", Side::Right)];
    let places = [("REQUESTS AT", Side::Left), ("DATA", Side::Left)];
    let mut table = Table::new(&[heads.as_slice(), &places].concat());
    for node in nodes {
        let role = if leader == Some(node.http) { "leader" } else { "voter" };
        let pid = node.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let folder = node.folder.display().to_string();
        table.row(&[&number(status, node.http), role, &pid, &format!("http://{}", node.http), &folder]);
    }
    table.write(screen, &mut out)?;
    let logs: Vec<String> = nodes.iter().map(|node| node.log.display().to_string()).collect();
    writeln!(out, "\nWhat they say is in {}.", logs.join(", "))?;
    // The one that is killed is not the one that is asked.
    let follower = nodes.iter().find(|node| Some(node.http) != leader);
    let at = follower.or_else(|| nodes.first()).map_or_else(String::new, |node| node.http.to_string());
    writeln!(out, "\nAny node takes any request. Paste this where your program runs; it leads to one that follows:\n")?;
    writeln!(out, "  export AWS_ENDPOINT_URL_SQS=http://{at}")?;
    writeln!(out, "  export AWS_ACCESS_KEY_ID=dev AWS_SECRET_ACCESS_KEY=dev AWS_DEFAULT_REGION=us-east-1\n")?;
    writeln!(out, "  evenkeel queues create work")?;
    writeln!(out, "  evenkeel send work 'hello' --group tenant-a")?;
    writeln!(out, "  evenkeel cluster status\n")?;
    let pid = nodes.iter().find(|node| Some(node.http) == leader).and_then(Child::pid);
    if let Some(pid) = pid {
        writeln!(out, "Kill the one that leads, and see who takes over; then receive what was sent:\n")?;
        writeln!(out, "  kill -9 {pid}")?;
        writeln!(out, "  evenkeel receive work --delete\n")?;
    }
    writeln!(out, "One that died stays dead until you press Enter here. Ctrl-C stops all three.\n")?;
    out.flush()
}

/// A process has ended.
pub(super) fn gone(node: &Child, (pid, status): (u32, ExitStatus), led: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let led = if led { "; it led" } else { "" };
    writeln!(
        out,
        "The node at {} (process {pid}) is gone: {status}{led}. Press Enter to start it again, or run:",
        node.http
    )?;
    writeln!(out, "  {}", node.command())?;
    if status.code().is_some() {
        // Nobody killed it: it had its reasons.
        writeln!(out, "Its last words: {}", node.last_words())?;
    }
    out.flush()
}

/// It was started again.
pub(super) fn started(node: &Child) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let pid = node.pid().map_or_else(String::new, |pid| format!(" as process {pid}"));
    writeln!(out, "The node at {} starts again{pid}.", node.http)?;
    out.flush()
}

/// Another leads.
pub(super) fn leads(nodes: &[Child], status: &Value) -> io::Result<()> {
    let Some(leader) = form::leader(status) else { return Ok(()) };
    let pid = nodes.iter().find(|node| node.http == leader).and_then(Child::pid);
    let pid = pid.map_or_else(String::new, |pid| format!(", process {pid}"));
    let mut out = io::stdout().lock();
    writeln!(out, "Node {} leads now: http://{leader}{pid}.", number(status, leader))?;
    out.flush()
}

/// It ends.
pub(super) fn stopping(folder: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Stopping all nodes. Their data stays in {}; started there again, they go on with it.",
        folder.display()
    )?;
    out.flush()
}

fn number(status: &Value, http: SocketAddr) -> String {
    let number = form::member(status, http).and_then(|member| member.get("node")).and_then(Value::as_u64);
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}
