//! What a leader decides when another node asks for something: on a thread of its own, since agreeing takes a while and the thread for peers carries
//! the words by which it is done.
//!
//! | answer | meaning |
//! |---|---|
//! | nothing | this node does not lead: nothing was done, ask another |
//! | 0, and bytes | what the asker is to know |
//! | 1, and text | why not |

use bytes::{BufMut, Bytes, BytesMut};
use evenkeel_peers::Asked;

/// The node that was asked does not lead, or not any more. Nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("the cluster is about to have another leader; try again")]
pub(super) struct NotLeading;

/// Runs what takes long. What is under way when the process ends is as if it had crashed.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.into()).spawn(work) {
        tracing::error!("no thread for `{name}`: {error}");
    }
}

/// Answers with what `decide` makes of the request.
pub(super) fn answer(name: &str, asked: Asked, decide: impl FnOnce(&Asked) -> anyhow::Result<Bytes> + Send + 'static) {
    spawn(name, move || {
        let decided = decide(&asked);
        asked.reply.send(encode(decided));
    });
}

fn encode(decided: anyhow::Result<Bytes>) -> Bytes {
    let mut bytes = BytesMut::new();
    match decided {
        Ok(told) => {
            bytes.put_u8(0);
            bytes.extend_from_slice(&told);
        }
        Err(error) if error.is::<NotLeading>() => {}
        Err(error) => {
            bytes.put_u8(1);
            bytes.extend_from_slice(format!("{error:#}").as_bytes());
        }
    }
    bytes.freeze()
}

/// What was decided.
///
/// # Errors
/// [`NotLeading`], or why not.
pub(super) fn decode(answer: &[u8]) -> anyhow::Result<Bytes> {
    match answer.split_first() {
        Some((0, told)) => Ok(Bytes::copy_from_slice(told)),
        Some((_, why)) => anyhow::bail!("{}", String::from_utf8_lossy(why)),
        None => Err(NotLeading.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decided_comes_out_as_it_was() {
        assert_eq!(decode(&encode(Ok(Bytes::from_static(b"five")))).unwrap(), "five");
        let why = encode(Err(anyhow::anyhow!("the account").context("not this one")));
        assert_eq!(decode(&why).unwrap_err().to_string(), "not this one: the account");
        assert!(decode(&encode(Err(NotLeading.into()))).unwrap_err().is::<NotLeading>());
    }
}
