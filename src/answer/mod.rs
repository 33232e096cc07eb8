//! What an admin command answers: a sentence, one thing, a list or a report, of typed cells.
//!
//! It is one value for all interfaces: [`Answer::text`] shows it to people, [`Answer::json`] to
//! programs, and `wire` carries it.
//!
//! Invariant: what is rendered has no character that could act on a terminal or end a line.

mod json;
mod text;

pub use self::json::quote_into;

/// The option that asks for an answer as JSON, in every interface.
pub const JSON_OPTION: &str = "--json";

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell {
    /// Not known, or not there.
    Absent,
    /// A text whose names have been made harmless already.
    Text(String),
    /// A name or path as it came.
    Name(String),
    /// A number of bytes.
    Bytes(u64),
    /// A number of anything else.
    Count(u64),
    /// Seconds since 1970.
    Moment(i64),
    /// A number of seconds.
    Span(u64),
    /// Yes or no.
    YesNo(bool),
}

impl Cell {
    /// What limits something: `unlimited` without one.
    pub fn limit(limit: Option<u64>, of: fn(u64) -> Cell) -> Cell {
        limit.map_or_else(|| Cell::Text("unlimited".to_owned()), of)
    }

    /// A value that may not be known.
    pub fn known<T>(value: Option<T>, of: impl Fn(T) -> Cell) -> Cell {
        value.map_or(Cell::Absent, of)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

/// How the cells belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerShape {
    /// A sentence for people, and the figures in it for programs.
    Line,
    /// One thing: a value for each column.
    Record,
    /// Rows with the same columns.
    Table,
    /// Rows of `done` (yes, no, or absent for a remark) and `what`: one sentence each.
    Report,
}

impl AnswerShape {
    /// All of them; each is its place in here, counted from 1, on the wire.
    pub const ALL: [AnswerShape; 4] =
        [AnswerShape::Line, AnswerShape::Record, AnswerShape::Table, AnswerShape::Report];
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How the cells belong together.
    pub shape: AnswerShape,
    /// The sentence of a line; of a table, what is shown in place of no rows.
    pub text: String,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

fn named(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

impl Answer {
    /// A sentence, with the figures in it.
    pub fn line(text: impl Into<String>, facts: Vec<(&str, Cell)>) -> Answer {
        Answer { shape: AnswerShape::Line, text: text.into(), ..Answer::record(facts) }
    }

    /// One thing.
    pub fn record(facts: Vec<(&str, Cell)>) -> Answer {
        let (columns, cells): (Vec<&str>, Vec<Cell>) = facts.into_iter().unzip();
        let columns = named(&columns);
        Answer { shape: AnswerShape::Record, text: String::new(), columns, rows: vec![cells] }
    }

    /// Rows; `none` is said where there are none.
    pub fn table(columns: &[&str], rows: Vec<Vec<Cell>>, none: &str) -> Answer {
        Answer { shape: AnswerShape::Table, text: none.to_owned(), columns: named(columns), rows }
    }

    /// Sentences: whether each was done; `None` is a remark.
    pub fn report(lines: Vec<(Option<bool>, String)>) -> Answer {
        let row = |(done, what)| vec![Cell::known(done, Cell::YesNo), Cell::Text(what)];
        let rows = lines.into_iter().map(row).collect();
        Answer {
            shape: AnswerShape::Report,
            ..Answer::table(&["done", "what"], rows, "nothing to do")
        }
    }

    /// The cell of a column in the first row.
    pub fn fact(&self, column: &str) -> Option<&Cell> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.rows.first()?.get(at)
    }

    /// A number of the first row.
    pub fn number(&self, column: &str) -> Option<u64> {
        match self.fact(column)? {
            Cell::Bytes(number) | Cell::Count(number) => Some(*number),
            _ => None,
        }
    }

    /// The lines for people, or for programs.
    pub fn lines(&self, json: bool) -> Vec<String> {
        if json { self.json() } else { self.text() }
    }

    /// Whether anything was done, of a report.
    pub fn is_done(&self) -> bool {
        let is_done = |row: &Vec<Cell>| row.first() == Some(&Cell::YesNo(true));
        self.shape != AnswerShape::Report || self.rows.iter().any(is_done)
    }

    /// Takes what was not done out of a report.
    pub fn take_undone(&mut self) -> Vec<String> {
        if self.shape != AnswerShape::Report {
            return Vec::new();
        }
        let is_undone = |row: &Vec<Cell>| row.first() == Some(&Cell::YesNo(false));
        let (undone, done) = std::mem::take(&mut self.rows).into_iter().partition(is_undone);
        self.rows = undone;
        let lines = self.text();
        self.rows = done;
        lines
    }
}

#[cfg(test)]
mod tests;
