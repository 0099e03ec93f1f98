//! A page that says why there is no other.

use super::frame::Frame;
use crate::{Response, who::Who};

/// What is wrong, and what can be done.
pub(crate) fn problem(status: u16, title: &str, words: &str, who: Option<&Who>) -> Response {
    Frame { title, who, is_live: false }.page(status, |html| {
        html.raw("<div class=\"card problem\"><h1>").text(title).raw("</h1><p>").text(words);
        html.raw("</p><p><a href=\"/\">To the queues</a></p></div>");
    })
}
