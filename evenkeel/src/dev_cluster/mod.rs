//! `evenkeel cluster dev`: three nodes on this machine, for trying a cluster out.
//!
//! They are processes of this very binary, each with a folder and ports of its own, so that whatever becomes of a cluster elsewhere can be done to
//! them: above all `kill -9`. One that dies is told and stays dead until somebody wants it back: that is what there is to see. All end with this process, whatever
//! becomes of it.

mod child;
mod form;
mod places;
mod tell;

use crate::screen::Screen;
use child::Child;
use places::Places;
use serde_json::Value;
use std::{io, net::SocketAddr, path::Path, time::Duration};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

/// Where the data is kept if nobody says: not where a single server keeps it.
pub(crate) const FOLDER: &str = "evenkeel-cluster";

/// Between two looks at the processes, and at who leads.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs them until somebody stops it.
pub(crate) async fn run(folder: &Path, listen: Option<SocketAddr>) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let places = Places::find(folder, listen)?;
    let mut nodes: Vec<Child> =
        places.nodes.iter().enumerate().map(|(at, place)| Child::new(folder, at, place)).collect();
    let formed = tokio::select! {
        formed = form::form(&mut nodes) => formed.map(Some),
        () = stop.asked() => Ok(None),
    };
    let watched = match formed {
        Ok(Some(status)) => watch(&mut nodes, &status, &mut stop).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    tell::stopping(folder)?;
    // Each hands over to the others, and so they do not wait for one another for long.
    for node in &mut nodes {
        node.ask_to_stop();
    }
    for node in &mut nodes {
        node.wait_for_end().await;
    }
    watched
}

/// Tells what happens, and starts again what is dead when somebody presses Enter.
async fn watch(nodes: &mut [Child], status: &Value, stop: &mut Stop) -> anyhow::Result<()> {
    tell::ready(nodes, status, Screen::look())?;
    let (mut leader, mut term) = (form::leader(status), form::term(status));
    let mut pressed = presses()?;
    let (tell, mut told) = mpsc::channel(1);
    let asking = tokio::spawn(form::keep_asking(nodes.iter().map(|node| node.http).collect(), tell, LOOK_EVERY));
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.asked() => break,
            _ = tick.tick() => {
                for node in nodes.iter_mut() {
                    if let Some(status) = node.has_ended()? {
                        tell::gone(node, status, leader == Some(node.http))?;
                    }
                }
            }
            Some(status) = told.recv() => {
                let now = form::leader(&status);
                // One that was stopped for a while may believe that it leads.
                if now.is_some() && now != leader && form::term(&status) > term {
                    (leader, term) = (now, form::term(&status));
                    tell::leads(nodes, &status)?;
                }
            }
            Some(()) = pressed.recv() => {
                for node in nodes.iter_mut().filter(|node| !node.is_running()) {
                    node.start(None)?;
                    tell::started(node)?;
                }
            }
        }
    }
    asking.abort();
    Ok(())
}

/// Ctrl-C, or SIGTERM.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A word for each line that comes in: somebody pressed Enter.
fn presses() -> io::Result<mpsc::Receiver<()>> {
    let (press, pressed) = mpsc::channel(1);
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        for line in io::stdin().lines() {
            if line.is_err() || press.blocking_send(()).is_err() {
                return;
            }
        }
    })?;
    Ok(pressed)
}
