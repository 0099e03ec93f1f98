//! Sessions: who signed in, by a random token in a cookie. In memory only, so that a restart ends them all.

use crate::limits::{SESSION_LIFE, SESSIONS_MAX};
use evenkeel_types::{Micros, WallTime};
use std::{collections::BTreeMap, fmt};

/// A random token: 256 bits in hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// A new one; `None` if the system has no randomness, and then nobody can sign in.
    pub(crate) fn draw() -> Option<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// With what somebody signed in. Whether it is still good is asked each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The key.
    pub(crate) access_key: Box<str>,
    /// When it had got the secret that was given.
    pub(crate) rotated_at: WallTime,
}

/// Who signed in, and until when.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) claim: Claim,
    /// What a form of this session must carry.
    pub(crate) form_token: Token,
    until: Micros,
}

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    by_token: BTreeMap<Token, Session>,
}

impl Sessions {
    /// Begins one: what its cookie holds.
    pub(crate) fn begin(&mut self, claim: Claim, now: Micros) -> Option<Token> {
        self.by_token.retain(|_, session| session.until > now);
        if self.by_token.len() >= SESSIONS_MAX {
            let oldest = self.by_token.iter().min_by_key(|(_, session)| session.until).map(|(token, _)| token.clone());
            oldest.map(|oldest| self.by_token.remove(&oldest));
        }
        let (token, form_token) = (Token::draw()?, Token::draw()?);
        let until = Micros(now.0.saturating_add(SESSION_LIFE.0));
        self.by_token.insert(token.clone(), Session { claim, form_token, until });
        Some(token)
    }

    /// The session of a cookie, if it has not ended. Tokens are compared letter by letter: of 256 random bits nobody guesses the first
    /// 60 to learn from the time that it takes.
    pub(crate) fn find(&self, token: &str, now: Micros) -> Option<Session> {
        self.by_token.get(&Token(token.into())).filter(|session| session.until > now).cloned()
    }

    pub(crate) fn end(&mut self, token: &str) {
        self.by_token.remove(&Token(token.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim { access_key: "key".into(), rotated_at: WallTime(0) }
    }

    #[test]
    fn a_session_ends_by_itself_and_when_it_is_told_to() {
        let mut sessions = Sessions::default();
        let token = sessions.begin(claim(), Micros(7)).unwrap();
        assert_eq!(token.as_str().len(), 64);
        assert_eq!(sessions.find(token.as_str(), Micros(8)).unwrap().claim, claim());
        assert!(sessions.find(token.as_str(), Micros(7 + SESSION_LIFE.0)).is_none());
        assert!(sessions.find("", Micros(8)).is_none());
        sessions.end(token.as_str());
        assert!(sessions.find(token.as_str(), Micros(8)).is_none());
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut sessions = Sessions::default();
        let first = sessions.begin(claim(), Micros(0)).unwrap();
        let others: Vec<_> = (1..=SESSIONS_MAX).map(|at| sessions.begin(claim(), Micros(at as u64)).unwrap()).collect();
        assert!(sessions.find(first.as_str(), Micros(1)).is_none());
        assert!(others.iter().all(|token| sessions.find(token.as_str(), Micros(1)).is_some()));
    }
}
