//! From a request to its action, step by step.

use crate::{
    actions::{Action, Call, Next, Waiting},
    caller::{Caller, Head},
    error::SqsError,
    ids::Ids,
    protocol::Face,
    query,
    queue_attributes::POLICY,
    response::Response,
    text::echo,
};
use evenkeel_access::Policies;
use evenkeel_engine::{Answer, Request};
use std::sync::Arc;

/// The door: shared by all threads, changes nothing.
pub struct Door {
    pub(crate) ids: Ids,
    pub(crate) region: String,
    /// Whether a deleted queue's name stays taken for a minute.
    pub(crate) keeps_names: bool,
    /// What stands before queues.
    pub(crate) policies: Arc<Policies>,
}

/// What is to be done next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this to the client; the request is done.
    Respond(Response),
    /// Ask the engine, and give its answer to [`Pending::answer`].
    Ask(Request, Pending),
}

/// A request that waits for the engine. Dropping it is fine: nobody will be answered, and what the engine was asked may
/// be done all the same.
#[derive(Debug)]
pub struct Pending {
    waiting: Waiting,
    face: Face,
}

impl Door {
    /// A door to the log whose secret made `ids`. `region` stands in the queues' ARNs.
    #[must_use]
    pub fn new(ids: Ids, region: impl Into<String>) -> Self {
        Self { ids, region: region.into(), keeps_names: false, policies: Arc::new(Policies::new(POLICY)) }
    }

    /// Lets the names of deleted queues stay taken for a minute, as on AWS, or not.
    #[must_use]
    pub fn keeping_names(self, keeps_names: bool) -> Self {
        Self { keeps_names, ..self }
    }

    /// Asks these policies who is let in. Whoever owns them must have them follow the note [`POLICY`](crate::POLICY) of the queues.
    #[must_use]
    pub fn guarded_by(self, policies: Arc<Policies>) -> Self {
        Self { policies, ..self }
    }

    /// Takes a request that was authenticated, in either protocol. Any bytes will do; what is wrong with them is answered.
    ///
    /// Costs one pass over the body and its MD5, and a pass more in the Query protocol; nothing waits here.
    pub fn accept(&self, caller: Caller<'_>, head: Head<'_>, body: &[u8]) -> Step {
        let mut face = Face::of(&head);
        let next = match &face {
            Face::Json { .. } => self.accept_json(&caller, &head, body, &mut face),
            Face::Xml { .. } => self.accept_form(&caller, &head, body, &mut face),
        };
        step(face, next)
    }

    /// The ids it gives out; see [`Ids::message_place`].
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    fn accept_json(
        &self,
        caller: &Caller<'_>,
        head: &Head<'_>,
        body: &[u8],
        face: &mut Face,
    ) -> Result<Next, SqsError> {
        let target = head.target.ok_or(SqsError::MissingAction)?;
        let action = target.strip_prefix("AmazonSQS.").ok_or_else(|| SqsError::UnknownAction(echo(target)))?;
        let action = Action::of_name(action)?;
        face.called(action);
        caller.may_do(action.name())?;
        action.accept(&Call { door: self, action, caller, head, body })
    }

    fn accept_form(
        &self,
        caller: &Caller<'_>,
        head: &Head<'_>,
        body: &[u8],
        face: &mut Face,
    ) -> Result<Next, SqsError> {
        let (action, body) = query::read(head, body)?;
        face.called(action);
        caller.may_do(action.name())?;
        action.accept(&Call { door: self, action, caller, head, body: &body })
    }
}

impl Pending {
    /// Goes on with the engine's answer.
    pub fn answer(self, door: &Door, answer: Answer) -> Step {
        step(self.face, self.waiting.answer(door, answer))
    }
}

/// What an action wants, in its client's protocol.
fn step(face: Face, next: Result<Next, SqsError>) -> Step {
    match next {
        Ok(Next::Ask(request, waiting)) => Step::Ask(request, Pending { waiting, face }),
        Ok(Next::Tell(told)) => Step::Respond(face.told(told)),
        Err(error) => Step::Respond(face.refused(&error)),
    }
}
