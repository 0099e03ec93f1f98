//! The sign-in.

use super::frame::Frame;
use crate::Response;

/// The form, with what was wrong with the last one.
pub(crate) fn sign_in(status: u16, problem: &str) -> Response {
    let frame = Frame { title: "Sign in", who: None, is_live: false };
    frame.page(status, |html| {
        html.raw("<form class=\"card sign-in\" method=\"post\" action=\"/console/sign-in\">");
        html.raw("<img src=\"/console/icon.svg\" alt=\"\" width=\"48\" height=\"48\"><h1>Sign in to Evenkeel</h1>");
        if !problem.is_empty() {
            html.raw("<p class=\"alert\" role=\"alert\">").text(problem).raw("</p>");
        }
        html.raw(
            "<label>Access key<input name=\"access_key\" required autofocus autocomplete=\"username\" maxlength=\"128\" \
             spellcheck=\"false\" autocapitalize=\"off\"></label>\
             <label>Secret key<input name=\"secret_key\" type=\"password\" required autocomplete=\"current-password\" \
             maxlength=\"256\"></label><button class=\"main\">Sign in</button>\
             <p class=\"hint\">The first start of the server prints the root key, and keeps it in <code>root-credentials.toml</code> in the \
             data folder. <code>evenkeel keys create</code> makes others, which see the queues that they are for.</p></form>",
        );
    })
}
