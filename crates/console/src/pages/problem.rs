//! A page that says why there is no other.

use super::frame::Frame;
use crate::{Response, who::Who};

/// Nobody leads, so there is nothing to look at but the nodes.
pub(crate) fn no_leader() -> Response {
    Frame { title: "No node leads", who: None, is_live: false }.page(503, |html| {
        html.raw("<div class=\"card problem\"><h1>No node leads</h1><p>As far as this one knows. Most elections take less than a second.</p>");
        html.raw("<p><a href=\"/\">To the queues</a> · <a href=\"/console/nodes\">To the nodes</a></p></div>");
    })
}

/// What is wrong, and what can be done.
pub(crate) fn problem(status: u16, title: &str, words: &str, who: Option<&Who>) -> Response {
    Frame { title, who, is_live: false }.page(status, |html| {
        html.raw("<div class=\"card problem\"><h1>").text(title).raw("</h1><p>").text(words);
        html.raw("</p><p><a href=\"/\">To the queues</a></p></div>");
    })
}
