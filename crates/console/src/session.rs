//! Sessions: who signed in, by a random token in a cookie. In memory only, so that a restart ends them all.

use crate::limits::{SESSION_LIFE, SESSIONS_MAX};
use evenkeel_types::Micros;
use std::collections::BTreeMap;

/// A random token: 256 bits in hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(String);

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

/// Who signed in, and until when.
#[derive(Clone)]
pub(crate) struct Session {
    /// With which key. Whether it is still good is asked each time.
    pub(crate) access_key: String,
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
    pub(crate) fn begin(&mut self, access_key: &str, now: Micros) -> Option<Token> {
        self.by_token.retain(|_, session| session.until > now);
        if self.by_token.len() >= SESSIONS_MAX {
            let oldest = self.by_token.iter().min_by_key(|(_, session)| session.until).map(|(token, _)| token.clone());
            oldest.map(|oldest| self.by_token.remove(&oldest));
        }
        let (token, form_token) = (Token::draw()?, Token::draw()?);
        let until = Micros(now.0.saturating_add(SESSION_LIFE.0));
        self.by_token.insert(token.clone(), Session { access_key: access_key.into(), form_token, until });
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

    #[test]
    fn a_session_ends_by_itself_and_when_it_is_told_to() {
        let mut sessions = Sessions::default();
        let token = sessions.begin("key", Micros(7)).unwrap();
        assert_eq!(token.as_str().len(), 64);
        assert_eq!(sessions.find(token.as_str(), Micros(8)).unwrap().access_key, "key");
        assert!(sessions.find(token.as_str(), Micros(7 + SESSION_LIFE.0)).is_none());
        assert!(sessions.find("", Micros(8)).is_none());
        sessions.end(token.as_str());
        assert!(sessions.find(token.as_str(), Micros(8)).is_none());
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut sessions = Sessions::default();
        let first = sessions.begin("key", Micros(0)).unwrap();
        let others: Vec<_> = (1..=SESSIONS_MAX).map(|at| sessions.begin("key", Micros(at as u64)).unwrap()).collect();
        assert!(sessions.find(first.as_str(), Micros(1)).is_none());
        assert!(others.iter().all(|token| sessions.find(token.as_str(), Micros(1)).is_some()));
    }
}
