//! Tables for people: columns that line up, in the width that there is.

use crate::{
    screen::{Screen, Style},
    text,
};
use std::io::{self, Write};

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Between columns.
const GAP: &str = "  ";
/// What the last column keeps, however narrow the screen.
const LAST_MIN: usize = 12;

/// Rows under a head. The last column, if it stands left, is cut to what is left of the screen; names in others are whole,
/// so that they can be copied.
pub(crate) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, one cell per column. Cells are escaped here.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        self.rows.push(cells.iter().map(|cell| text::one_line(cell)).collect());
    }

    /// Writes it.
    pub(crate) fn write(&self, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
        let mut widths: Vec<usize> = self.columns.iter().map(|(name, _)| text::width(name)).collect();
        for row in &self.rows {
            for (held, cell) in widths.iter_mut().zip(row) {
                *held = (*held).max(text::width(cell));
            }
        }
        if let (Some((_, Side::Left)), Some((last, others))) = (self.columns.last(), widths.split_last_mut()) {
            let taken: usize = others.iter().map(|width| width + GAP.len()).sum();
            *last = (*last).min(screen.columns.saturating_sub(taken).max(LAST_MIN));
        }
        let heads: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let head = self.line(&heads, &widths);
        writeln!(out, "{}", screen.paint(Style::Bold, head))?;
        for row in &self.rows {
            writeln!(out, "{}", self.line(row, &widths))?;
        }
        Ok(())
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, &width), (_, side)) in cells.iter().zip(widths).zip(&self.columns) {
            if !line.is_empty() {
                line.push_str(GAP);
            }
            let cell = text::cut(cell, width);
            let room = " ".repeat(width.saturating_sub(text::width(&cell)));
            match side {
                Side::Left => line.extend([cell.as_str(), &room]),
                Side::Right => line.extend([room.as_str(), &cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &Table, screen: Screen) -> String {
        let mut out = Vec::new();
        table.write(screen, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_line_up_and_the_last_is_cut() {
        let mut table = Table::new(&[("QUEUE", Side::Left), ("WAITING", Side::Right), ("BODY", Side::Left)]);
        table.row(&["work", "1,234", "short"]);
        table.row(&["你好", "5", &"long ".repeat(9)]);
        let narrow = Screen { columns: 34, ..Screen::PLAIN };
        assert_eq!(
            written(&table, narrow),
            "QUEUE  WAITING  BODY\n\
             work     1,234  short\n\
             你好         5  long long long lo…\n"
        );
    }

    #[test]
    fn what_is_in_cells_cannot_leave_them() {
        let mut table = Table::new(&[("A", Side::Left)]);
        table.row(&["x\n\u{1b}[2Jy"]);
        assert_eq!(written(&table, Screen::PLAIN), "A\nx\\n\\u{1b}[2Jy\n");
    }
}
