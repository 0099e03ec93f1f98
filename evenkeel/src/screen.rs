//! What the commands write to: a terminal with its width and colours, or a pipe or file without.

use rustix::termios::tcgetwinsize;
use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

/// Where there is no terminal to ask. Also what a terminal must have for the demo to look as it should.
pub(crate) const COLUMNS: usize = 80;

/// What standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    pub(crate) is_terminal: bool,
    pub(crate) has_colours: bool,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Screen {
    /// A pipe or a file: no colours, [`COLUMNS`] wide.
    pub(crate) const PLAIN: Self = Self { is_terminal: false, has_colours: false, columns: COLUMNS, rows: 24 };

    /// Looks at standard output, and at NO_COLOR and TERM.
    pub(crate) fn look() -> Self {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Self::PLAIN;
        }
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let size = tcgetwinsize(&stdout).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
        let (columns, rows) = size.map_or((COLUMNS, 24), |size| (size.ws_col.into(), size.ws_row.into()));
        Self { is_terminal: true, has_colours: !is_set("NO_COLOR") && !is_dumb, columns, rows }
    }

    /// `text` in that style, if there are colours.
    pub(crate) fn paint<T: fmt::Display>(self, style: Style, text: T) -> Painted<T> {
        Painted { style: self.has_colours.then_some(style), text }
    }
}

/// The few styles there are; all are readable on light and on dark, and none carries a meaning that words do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Red,
    Green,
}

/// A text that may have a style. Width and padding of a format are applied to the text only.
pub(crate) struct Painted<T> {
    style: Option<Style>,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(style) = self.style else { return self.text.fmt(f) };
        f.write_str(match style {
            Style::Bold => "\x1b[1m",
            Style::Dim => "\x1b[2m",
            Style::Red => "\x1b[31m",
            Style::Green => "\x1b[32m",
        })?;
        self.text.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}

/// A line on standard error that is written over and over, if that is a terminal; nothing else.
pub(crate) struct StatusLine {
    is_shown: bool,
    has_line: bool,
}

impl StatusLine {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { is_shown: is_wanted && io::stderr().is_terminal(), has_line: false }
    }

    /// Shows this in the place of what was there.
    pub(crate) fn show(&mut self, line: fmt::Arguments<'_>) {
        if self.is_shown {
            self.has_line = true;
            // Nobody is helped if this fails.
            let mut stderr = io::stderr().lock();
            _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
        }
    }

    /// Leaves the terminal as if nothing had been.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.has_line) {
            let mut stderr = io::stderr().lock();
            _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_only_where_they_are_wanted() {
        let colourful = Screen { has_colours: true, ..Screen::PLAIN };
        assert_eq!(colourful.paint(Style::Bold, "a").to_string(), "\x1b[1ma\x1b[0m");
        assert_eq!(format!("{:>3}", colourful.paint(Style::Bold, "a")), "\x1b[1m  a\x1b[0m");
        assert_eq!(format!("{:>3}", Screen::PLAIN.paint(Style::Bold, "a")), "  a");
    }
}
