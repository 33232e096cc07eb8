//! An answer for people: sentences, and columns that stand below each other.

use super::{Answer, AnswerShape, Cell};
use crate::text::{Escaped, Harmless, Moment, Size, Span};

/// Columns to which cells are padded: an answer comes from a server, and one long cell must not
/// make every line as long.
const WIDEST: usize = 200;

impl Cell {
    fn shown(&self) -> String {
        match self {
            Cell::Absent => "-".to_owned(),
            Cell::Text(text) => Harmless(text).to_string(),
            Cell::Name(name) => Escaped(name).to_string(),
            Cell::Bytes(bytes) => Size(*bytes).to_string(),
            Cell::Count(count) => count.to_string(),
            Cell::Moment(secs) => Moment(*secs).to_string(),
            Cell::Span(secs) => Span(*secs).to_string(),
            Cell::YesNo(true) => "yes".to_owned(),
            Cell::YesNo(false) => "no".to_owned(),
        }
    }

    fn is_figure(&self) -> bool {
        matches!(self, Cell::Bytes(_) | Cell::Count(_))
    }
}

impl Answer {
    /// The lines for people.
    pub fn text(&self) -> Vec<String> {
        match self.shape {
            AnswerShape::Line => vec![Harmless(&self.text).to_string()],
            AnswerShape::Record => self.record_lines(),
            AnswerShape::Report => {
                self.rows.iter().map(|row| row.last().map_or(String::new(), Cell::shown)).collect()
            }
            AnswerShape::Table if self.rows.is_empty() => vec![Harmless(&self.text).to_string()],
            AnswerShape::Table => self.table_lines(),
        }
    }

    fn record_lines(&self) -> Vec<String> {
        let width = self.columns.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let width = width.min(WIDEST);
        let line = |(name, cell): (&String, &Cell)| {
            format!("{:width$}  {}", Escaped(name).to_string(), cell.shown()).trim_end().to_owned()
        };
        let cells = self.rows.iter().flatten();
        self.columns.iter().zip(cells).map(line).collect()
    }

    fn table_lines(&self) -> Vec<String> {
        let heads = self.columns.iter().map(|name| Escaped(name).to_string());
        let heads: Vec<String> = heads.collect();
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
        let wide = |text: &String| text.chars().count();
        let column = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(wide);
            let width = cells.chain(heads.get(at).map(wide)).max().unwrap_or(0).min(WIDEST);
            // A column of figures stands to the right, whatever stands for a missing one.
            let is_figure = self.rows.iter().filter_map(|row| row.get(at)).any(Cell::is_figure);
            (width, is_figure)
        };
        let columns: Vec<(usize, bool)> = (0..heads.len()).map(column).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&columns).map(|(cell, (width, is_figure))| {
                if *is_figure { format!("{cell:>width$}") } else { format!("{cell:width$}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        std::iter::once(&heads).chain(&rows).map(line).collect()
    }
}
