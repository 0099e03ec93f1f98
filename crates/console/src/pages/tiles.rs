//! Tiles: a few figures that matter, large.

use crate::html::Html;
use std::fmt::Display;

/// Writes tiles one after the other.
pub(crate) struct Tiles<'h>(&'h mut Html);

impl<'h> Tiles<'h> {
    pub(crate) fn begin(html: &'h mut Html) -> Self {
        html.raw("<dl class=\"tiles\">");
        Self(html)
    }

    /// One, with a remark below it.
    pub(crate) fn tile(&mut self, name: &'static str, value: impl Display, remark: impl Display) {
        self.0
            .raw("<div><dt>")
            .raw(name)
            .raw("</dt><dd>")
            .text(value)
            .raw("<small>")
            .text(remark)
            .raw("</small></dd></div>");
    }

    pub(crate) fn end(self) {
        self.0.raw("</dl>");
    }
}
