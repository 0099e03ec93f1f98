//! A line to this node's engine, for threads that have no event loop of their own.

use evenkeel_engine::{Answer, EngineError, Request, thread::Clients};
use std::io;
use tokio::{
    sync::{mpsc, oneshot},
    task::LocalSet,
};

type Question = (Request, oneshot::Sender<Answer>);

/// The line. Its thread ends with the engine.
#[derive(Debug)]
pub(super) struct Line(mpsc::UnboundedSender<Question>);

impl Line {
    pub(super) fn open(clients: Clients) -> io::Result<Self> {
        let (ask, mut asked) = mpsc::unbounded_channel::<Question>();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        std::thread::Builder::new().name("line".into()).spawn(move || {
            LocalSet::new().block_on(&runtime, async {
                let client = clients.client();
                let mut pump = std::pin::pin!(client.clone().pump());
                loop {
                    tokio::select! {
                        () = &mut pump => return,
                        Some((request, answer)) = asked.recv() => {
                            let call = client.call(request);
                            tokio::task::spawn_local(async move {
                                // Whoever asked may have gone.
                                _ = answer.send(call.await);
                            });
                        }
                        else => return,
                    }
                }
            });
        })?;
        Ok(Self(ask))
    }

    /// Asks, and does not wait.
    pub(super) fn tell(&self, request: Request) {
        // Without an engine there is nobody to tell.
        _ = self.0.send((request, oneshot::channel().0));
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&self, request: Request) -> Answer {
        let (answer, answered) = oneshot::channel();
        let stopping = Answer::Failed(EngineError::Stopping);
        if self.0.send((request, answer)).is_err() {
            return stopping;
        }
        answered.blocking_recv().unwrap_or(stopping)
    }
}
