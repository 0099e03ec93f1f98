//! A stand-in for the server: enough SQS, in memory, to try the tool itself on.
//!
//! Checks signatures and gives groups their turns; checks nothing else, and never
//! returns a job whose lease ran out. A thread per connection. With a data folder it keeps what was sent in a file there,
//! and all of it is waiting again after a restart.

mod connection;
mod queues;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use crate::cli::ServeArgs;
use queues::Queues;

/// Serves until killed.
///
/// # Errors
/// If it cannot listen, or not write its file.
pub fn serve(args: &ServeArgs, folder: Option<&Path>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)?;
    let queues = Arc::new(Queues::open(folder)?);
    // What the server says at its end. Nobody's loop is busy here.
    eprintln!("0 rounds of the engine: busy p99 0 us, p99.9 0 us, longest 0 us, most work 0 us");
    let root: Arc<(String, String)> = Arc::new((args.root_access_key.clone(), args.root_secret_key.clone()));
    for stream in listener.incoming() {
        let (stream, queues, root) = (stream?, Arc::clone(&queues), Arc::clone(&root));
        std::thread::Builder::new().name("mock".to_owned()).stack_size(256 << 10).spawn(move || {
            // A connection that breaks is the client's business.
            _ = connection::serve(stream, &queues, &root);
        })?;
    }
    Ok(())
}
