//! `evenkeel cluster recover`: what a node that is left of a lost majority holds, and making it go on alone.

use super::confirm::confirm;
use crate::cluster::Left;
use serde_json::json;
use std::{io::Write, path::Path};

/// Looks, tells, asks, and does it.
pub(super) fn recover(folder: &Path, only_look: bool, yes: bool, as_json: bool) -> anyhow::Result<()> {
    let left = Left::look(folder)?;
    let (opened, node) = (&left.opened, left.node());
    let (last, epoch, committed) = (opened.segments.last, opened.segments.epoch, opened.committed);
    let voters: Vec<_> = opened.members.voters.iter().map(|voter| voter.0).collect();
    let mut out = std::io::stdout().lock();
    if as_json {
        let told = json!({
            "node": node.0, "last": last.0, "last_term": epoch.0, "committed": committed.0, "term": opened.term,
            "voters": voters, "done": !only_look,
        });
        if only_look {
            writeln!(out, "{told}")?;
            return Ok(());
        }
        confirm(yes, "Make this node the only one of a new cluster?")?;
        left.be_alone()?;
        writeln!(out, "{told}")?;
        return Ok(());
    }
    writeln!(
        out,
        "Node {node} holds entries up to {last}, the last of term {epoch}; up to {committed} it knew them to be agreed."
    )?;
    writeln!(out, "Its cluster had the voters {voters:?}, as far as it knows.")?;
    if only_look {
        return Ok(());
    }
    eprintln!(
        "What the lost nodes had acknowledged behind entry {last} is LOST, and what was under way at the end may have been done or not."
    );
    eprintln!("If another node's folder is left, look at it first: evenkeel cluster recover --look --data-dir DIR");
    confirm(yes, "Make this node the only one of a new cluster?")?;
    left.be_alone()?;
    writeln!(out, "Node {node} is the only one of a new cluster. Start it with: evenkeel serve")?;
    writeln!(
        out,
        "Then `evenkeel cluster add` lets others in, each with an empty folder. Nodes of the old cluster cannot come back."
    )?;
    Ok(())
}
