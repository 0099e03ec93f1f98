//! `evenkeel cluster recover --skip`: what is in the entry that cannot be applied, and having all nodes pass it over.

use super::{confirm::confirm, session::text};
use crate::client::Native;
use anyhow::bail;
use http::Method;
use serde_json::{Value, json};
use std::io::Write;

/// Looks, tells, asks, and does it.
pub(super) async fn skip(native: &mut Native, entry: u64, yes: bool, as_json: bool) -> anyhow::Result<()> {
    let what = "cluster recover";
    let halt = native.call(what, Method::GET, "/v1/cluster/halt", "", &Value::Null).await?;
    let at = halt.get("entry").and_then(Value::as_u64).unwrap_or_default();
    let why = text(&halt, "why");
    let contents = halt.pointer("/contents/words").and_then(Value::as_str).unwrap_or("what cannot be told");
    if at != entry {
        bail!(
            "it has halted before entry {at}, not {entry}: {why}. Only the entry that cannot be applied is passed over"
        );
    }
    if !as_json {
        eprintln!("Entry {entry} cannot be applied: {why}");
        eprintln!("It has {contents}.");
        eprintln!(
            "All nodes will pass it over, for good: what it asks for is NOT DONE. No node that halted before it has acknowledged any of it; one that could \
             apply it, and is gone now, may have."
        );
    }
    confirm(yes, &format!("Pass over entry {entry} on all nodes?"))?;
    let done = native.call(what, Method::POST, "/v1/cluster/skip", "", &json!({ "entry": entry })).await?;
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!({"entry": done.get("entry"), "why": why, "contents": halt.get("contents")}))?;
    } else {
        writeln!(
            out,
            "Entry {entry} is passed over. The nodes go on behind it within seconds: evenkeel cluster status"
        )?;
    }
    Ok(())
}
