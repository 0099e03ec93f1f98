//! An entry that cannot be applied, and passing it over: on one node of several, or a server of its own. Only root may ask; who asks was checked before.
//!
//! | request | what it does | answer |
//! |---|---|---|
//! | `GET /v1/cluster/halt` | tells before which entry the node has halted | 200, `entry`, `why`, `contents`; 409 if it has not |
//! | `POST /v1/cluster/skip` | has all nodes pass over `entry`, if it is that one | 200, `entry` |
//!
//! In a cluster, both come to the node that leads. What it holds is what others agree on: whether another could apply the entry does not matter, since all do the
//! same. A leader that has halted while another went on hands over to that one ([`super::compare`]), and is not asked.

use evenkeel_engine::{Answer, Client, EngineError, Halt, Halted, Request};
use evenkeel_native::Response;
use evenkeel_types::LogIndex;
use serde_json::{Value, json};

const HALT: &str = "/v1/cluster/halt";
const SKIP: &str = "/v1/cluster/skip";

/// Why it was not done: HTTP's status, a word, and what to do.
type Refusal = (u16, &'static str, String);

/// Whether that path is one of these.
pub(crate) fn is_for(path: &str) -> bool {
    path == HALT || path == SKIP
}

/// The answer to a request of root.
pub(crate) async fn answer(halted: &Halted, client: &Client, method: &str, path: &str, body: &[u8]) -> Response {
    let answered = match (method, path) {
        ("GET", HALT) => halted.get().map(|halt| tell(&halt)).ok_or_else(not_halted),
        ("POST", SKIP) => skip(halted, client, body).await,
        _ => Err((405, "MethodNotAllowed", format!("GET {HALT}, and POST {SKIP}"))),
    };
    let (status, body) = match answered {
        Ok(told) => (200, told),
        Err((status, code, message)) => (status, json!({"error": {"code": code, "message": message}})),
    };
    Response { status, body: body.to_string().into_bytes() }
}

fn tell(halt: &Halt) -> Value {
    let Halt { entry, why, contents } = halt;
    let read: serde_json::Map<_, _> =
        contents.read.iter().map(|(name, count)| ((*name).into(), json!(count))).collect();
    let contents = json!({
        "bytes": contents.bytes, "commands": contents.commands, "read": read, "words": contents.to_string(),
    });
    json!({"entry": entry.0, "why": why, "contents": contents})
}

async fn skip(halted: &Halted, client: &Client, body: &[u8]) -> Result<Value, Refusal> {
    let asked: Value = serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    let entry = asked.get("entry").and_then(Value::as_u64);
    let entry = LogIndex(entry.ok_or_else(|| malformed("`entry` is the number of an entry of the log".into()))?);
    let halt = halted.get().ok_or_else(not_halted)?;
    match client.call(Request::Skip(entry)).await {
        Answer::Reply(_) => {
            tracing::warn!(
                "entry {entry} is passed over on all nodes, as root asked. It has {}, and could not be applied: {}",
                halt.contents,
                halt.why
            );
            Ok(json!({"entry": entry.0}))
        }
        Answer::Failed(EngineError::NotHalted) => {
            let message = format!("halted is it before entry {}, not {entry}: no other is passed over", halt.entry);
            Err((409, "NotHalted", message))
        }
        Answer::Failed(error @ EngineError::Lost) => Err((500, "Lost", error.to_string())),
        Answer::Failed(error) => Err((503, "Unavailable", format!("{error}; say it again"))),
        _ => Err((500, "Internal", "the engine gave another answer".into())),
    }
}

fn not_halted() -> Refusal {
    (409, "NotHalted", "the server has not halted: it can apply every entry, and passes over none".into())
}

fn malformed(message: String) -> Refusal {
    (400, "Malformed", message)
}
