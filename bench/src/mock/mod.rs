//! A stand-in for the server: enough SQS, in memory, to try the tool itself on.
//!
//! Checks signatures and gives groups their turns; checks nothing else, forgets everything at its end, and never
//! returns a job whose lease ran out. A thread per connection.

mod connection;
mod queues;

use std::net::TcpListener;
use std::sync::Arc;

use crate::cli::ServeArgs;
use queues::Queues;

/// Serves until killed.
///
/// # Errors
/// If it cannot listen.
pub fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)?;
    let queues = Arc::new(Queues::default());
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
