//! A server that is one node of a cluster: the log on several machines, and every request to the one that leads.
//!
//! A data folder belongs to a cluster if there is a [`folder::FILE`] in it (`evenkeel cluster init`, `evenkeel serve --join`); any other is a single
//! node's, and none of this runs for it. What this node knows of the others is in three places:
//!
//! 1. Who is a member and who leads: the log says so. A thread ([`watch`]) looks, tells the rest ([`Standing`]), and gives learners a vote once
//!    they have caught up.
//! 2. Where they are: each node tells its own address to all that it meets, and what it heard of others ([`book`]).
//! 3. Who they are: certificates (`evenkeel-peers`).
//!
//! A node that is too far behind for entries fetches the leader's state ([`offer`], [`fetch`]). Replicas compare what they hold ([`compare`]), and one whose data
//! is damaged or wrong gets it anew ([`repair`]). The feature level is raised once all know the new one ([`level`]).
//! Requests that come to a node that does not lead go to the one that does ([`forward`]), which checks their signature as if they had come to it.

pub(crate) mod admin;
mod book;
mod compare;
mod decision;
mod fetch;
mod folder;
mod forward;
mod given;
mod house;
mod init;
mod join;
mod level;
mod line;
mod node;
mod nodes;
mod offer;
mod quarantine;
mod recover;
mod repair;
pub(crate) mod skip;
mod tokens;
mod verdict;
mod watch;
mod wire;

pub(crate) use fetch::settle;
pub(crate) use folder::is_member;
pub(crate) use forward::Unanswered;
pub(crate) use init::init;
pub(crate) use join::{Asking, join};
pub(crate) use node::{Cluster, Gifts, Setup};
pub(crate) use recover::Left;
pub(crate) use repair::{is_damage, repair};
pub(crate) use verdict::Verdict;
pub(crate) use wire::{decode_request, encode_response};
