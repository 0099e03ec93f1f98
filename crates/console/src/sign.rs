//! Signing in and out.
//!
//! A form is taken only from our own page: browsers say where a form comes from (`Sec-Fetch-Site`, and `Origin` where they do not yet), and
//! the cookie does not come along from elsewhere (`SameSite=Strict`). A sign-out carries the session's own token besides.

use crate::{
    Console, Response, Visit, form, pages,
    session::{Claim, Token},
    who::Who,
};
use evenkeel_access::Standing;
use subtle::ConstantTimeEq as _;

const COOKIE: &str = "evenkeel_session";
const NOT_SO: &str = "There is no such key, or its secret is another.";

/// Whose session a visit belongs to: one that has not ended, of a key that is still good and has its secret of then.
pub(crate) fn session(console: &Console, visit: &Visit<'_>) -> Option<Who> {
    let token = form::cookie(visit.cookies, COOKIE)?;
    let session = console.memory().sessions.find(token, visit.now.monotonic)?;
    let known = console.directory.get(&session.claim.access_key)?;
    let is_good = known.standing(visit.now.wall) == Standing::Active && known.rotated_at == session.claim.rotated_at;
    is_good.then(|| Who::new(console, visit, known, Some(session.form_token)))
}

pub(crate) fn sign_in(console: &Console, visit: &Visit<'_>) -> Response {
    if !is_our_form(visit) {
        return pages::sign_in(403, "That form came from another site.");
    }
    let now = visit.now.monotonic;
    if let Some(wait) = console.memory().throttle.wait(visit.peer, now) {
        let seconds = wait.0.div_ceil(1_000_000).to_string();
        let words = "Too many sign-ins failed from your address. Wait a little.";
        return pages::sign_in(429, words).with("retry-after", seconds);
    }
    let sent = std::str::from_utf8(visit.body).unwrap_or_default();
    let field = |name| form::value(sent, name).map(|value| value.trim().to_owned());
    let known = field("access_key").zip(field("secret_key"));
    let known = known.and_then(|(id, secret)| console.directory.at(visit.now.wall).who(&id, &secret));
    let mut memory = console.memory();
    let Some(known) = known else {
        memory.throttle.failed(visit.peer, now);
        drop(memory);
        return pages::sign_in(403, NOT_SO);
    };
    let claim = Claim { access_key: known.id.clone(), rotated_at: known.rotated_at };
    match memory.sessions.begin(claim, now) {
        Some(token) => Response::see_other("/").with("set-cookie", cookie(token.as_str(), "")),
        None => pages::sign_in(503, "The system gives no random numbers, so nobody can sign in."),
    }
}

pub(crate) fn sign_out(console: &Console, visit: &Visit<'_>) -> Response {
    let given = std::str::from_utf8(visit.body).ok().and_then(|sent| form::value(sent, "token")).unwrap_or_default();
    let Some(who) = session(console, visit) else { return Response::see_other("/console/sign-in") };
    let wanted = who.form_token.as_ref().map(Token::as_str).unwrap_or_default();
    if !is_our_form(visit) || !bool::from(given.as_bytes().ct_eq(wanted.as_bytes())) {
        return pages::problem(403, "Not signed out", "That form came from another site.", Some(&who));
    }
    if let Some(token) = form::cookie(visit.cookies, COOKIE) {
        console.memory().sessions.end(token);
    }
    Response::see_other("/console/sign-in").with("set-cookie", cookie("", "; Max-Age=0"))
}

/// Not `Secure`: the server speaks HTTP, and what encrypts before it is another's.
fn cookie(token: &str, more: &str) -> String {
    format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{more}")
}

/// Whether a form was sent by a page of ours. A program that sends neither header has no cookies of a browser to misuse.
fn is_our_form(visit: &Visit<'_>) -> bool {
    let is_here = |origin: &str| {
        let bare = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        bare.is_some_and(|host| host.eq_ignore_ascii_case(visit.host))
    };
    visit.fetch_site.is_none_or(|site| site == "same-origin") && visit.origin.is_none_or(is_here)
}
