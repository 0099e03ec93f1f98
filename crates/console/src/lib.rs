//! The live page: what a person sees who opens the server in a browser. The seed of the operators' console.
//!
//! 1. It reads, and changes nothing: what it asks of the engine are looks, each bounded.
//! 2. It works without a script: pages are made here, whole, and refresh themselves. With a script they are brought up to date in place
//!    by the very same pages, so that there is one way to write them.
//! 3. Whatever comes from outside (names of groups, bodies, what somebody typed) goes through [`html::Html::text`]; markup is `'static`. The
//!    policy that goes with each page lets a browser run our one script and nothing else, and load nothing from elsewhere.
//! 4. An account sees its own queues; the root key sees all, and the nodes. Sessions are in memory, end by themselves, and end with their key.
//!
//! Pure as a door: a visit in, looks at the engine, a response out. No sockets, no clock. What jobs are called and what their bodies say is told
//! by the door that took them in ([`Interpreter`](evenkeel_engine::Interpreter)). Start at [`Console::accept`].
#![warn(missing_docs)]

mod assets;
mod chart;
mod console;
mod form;
mod history;
mod html;
pub mod limits;
mod nodes;
mod pages;
mod response;
mod session;
mod sign;
mod throttle;
mod who;
mod words;

pub use console::{Console, PREFIX, Step, Visit};
pub use nodes::{Compared, HaltedBefore, Node, Nodes, Role};
pub use pages::Pending;
pub use response::Response;
