//! The pages, a file each. A page first says what it must know ([`open`]), and is made of the answers ([`Pending::answer`]).

mod frame;
mod job;
mod nodes;
mod problem;
mod queue;
mod queues;
mod sign_in;
mod tiles;

use problem::no_leader;
pub(crate) use problem::problem;
pub(crate) use sign_in::sign_in;

use crate::{Console, Step, Visit, who::Who};
use evenkeel_engine::{Answer, EngineError};

/// A page that waits for the engine.
#[derive(Debug)]
pub struct Pending(Page);

#[derive(Debug)]
enum Page {
    Queues(queues::Asked),
    Queue(queue::Asked),
    Job(job::Asked),
}

/// The page of that path.
pub(crate) fn open(console: &Console, path: &str, visit: &Visit<'_>, who: &Who) -> Step {
    if !who.may_look() {
        let words = "This key may not look at queues: that takes the right to sqs:GetQueueAttributes.";
        return Step::Respond(problem(403, "Nothing to see with this key", words, Some(who)));
    }
    match path {
        "/" => queues::open(visit, who),
        "/console/queue" => queue::open(visit, who),
        "/console/job" => job::open(console, visit, who),
        "/console/nodes" if who.sees_nodes => Step::Respond(match console.nodes() {
            Some(nodes) => nodes::page(&nodes, who),
            None => problem(503, "This node does not serve", "It starts or stops.", Some(who)),
        }),
        _ => Step::Respond(problem(404, "No such page", "There is nothing here.", Some(who))),
    }
}

impl Pending {
    /// Goes on with the engine's answers, in the order of its questions.
    pub fn answer(self, console: &Console, answers: Vec<Answer>) -> Step {
        // All or nothing: an engine that stops between two questions has no page.
        if let Some(Answer::Failed(error)) = answers.iter().find(|answer| matches!(answer, Answer::Failed(_))) {
            if *error == EngineError::NotLeading {
                return Step::Respond(no_leader());
            }
            return Step::Respond(problem(503, "The server does not serve", &format!("It says: {error}."), None));
        }
        match self.0 {
            Page::Queues(asked) => asked.show(console, answers),
            Page::Queue(asked) => asked.show(console, answers),
            Page::Job(asked) => asked.show(console, answers),
        }
    }
}

/// What was looked at, each of a kind once.
macro_rules! looked {
    ($answers:expr, $kind:ident) => {
        $answers.iter().find_map(|answer| match answer {
            ::evenkeel_engine::Answer::Looked(Ok(::evenkeel_engine::Looked::$kind(looked))) => Some(looked),
            _ => None,
        })
    };
}
use looked;
