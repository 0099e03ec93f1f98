//! Being told to stop: by SIGTERM, SIGINT, or the end of standard input. Heard once for the process, however many lives it has in it.
//!
//! While somebody heeds it ([`Stop::heed`]), it is theirs to end in good order. While nobody does, nothing is served (a state is being
//! loaded, or put in its place), and the process ends at once: what it does then survives that as it survives a crash.

use std::{io, sync::Arc};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether the process was told to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<watch::Sender<bool>>);

/// Somebody who will end in good order.
#[derive(Debug)]
pub(crate) struct Heed(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on, on threads of its own.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn listen(with_stdin: bool) -> io::Result<Self> {
        let stop = Self(Arc::new(watch::channel(false).0));
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut terminate, mut interrupt) = {
            let _within = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        let told = stop.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                    told.tell();
                }
            });
        })?;
        if with_stdin {
            let told = stop.clone();
            std::thread::Builder::new().name("stdin".into()).spawn(move || {
                _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
                told.tell();
            })?;
        }
        Ok(stop)
    }

    /// As long as this is kept, its owner ends the process.
    pub(crate) fn heed(&self) -> Heed {
        Heed(self.0.subscribe())
    }

    /// Whether it was told.
    pub(crate) fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    fn tell(&self) {
        if self.0.receiver_count() == 0 {
            tracing::info!("stopped; nothing was served");
            std::process::exit(0);
        }
        self.0.send_replace(true);
    }
}

impl Heed {
    /// Waits until it is told.
    pub(crate) async fn told(&mut self) {
        // The sender lives as long as the process.
        _ = self.0.wait_for(|&told| told).await;
    }
}
