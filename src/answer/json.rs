//! An answer for programs: one JSON value (RFC 8259), a list with one row a line.

use std::fmt::Write;

use super::{Answer, AnswerShape, Cell};
use crate::text::{Moment, is_harmful};

/// Appends a text in quotes; whatever could act on a terminal is `\uXXXX`.
pub fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            // What is harmful has four digits: it all lies below U+10000. Writing to a text cannot
            // fail.
            c if is_harmful(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

impl Cell {
    fn put_json(&self, out: &mut String) {
        match self {
            Cell::Absent => out.push_str("null"),
            Cell::Text(text) | Cell::Name(text) => quote_into(out, text),
            Cell::Bytes(number) | Cell::Count(number) | Cell::Span(number) => {
                out.push_str(&number.to_string());
            }
            Cell::Moment(secs) => {
                quote_into(out, &format!("{}Z", Moment(*secs).to_string().replace(' ', "T")));
            }
            Cell::YesNo(is_so) => out.push_str(if *is_so { "true" } else { "false" }),
        }
    }
}

impl Answer {
    /// The lines of one JSON value: an object for a line or one thing, else an array of objects.
    /// Bytes and seconds are numbers, moments are as in RFC 3339.
    pub fn json(&self) -> Vec<String> {
        let is_one = matches!(self.shape, AnswerShape::Line | AnswerShape::Record);
        let text = (self.shape == AnswerShape::Line).then_some(self.text.as_str());
        let objects: Vec<String> = self.rows.iter().map(|row| self.object(text, row)).collect();
        if is_one {
            return objects;
        }
        let last = objects.len().saturating_sub(1);
        let rows = objects.into_iter().enumerate();
        let rows = rows.map(|(at, object)| if at < last { object + "," } else { object });
        let (begin, end) = (std::iter::once("[".to_owned()), std::iter::once("]".to_owned()));
        begin.chain(rows).chain(end).collect()
    }

    fn object(&self, text: Option<&str>, row: &[Cell]) -> String {
        let mut out = String::from("{");
        if let Some(text) = text {
            out.push_str("\"text\":");
            quote_into(&mut out, text);
        }
        for (name, cell) in self.columns.iter().zip(row) {
            if out.len() > 1 {
                out.push(',');
            }
            quote_into(&mut out, name);
            out.push(':');
            cell.put_json(&mut out);
        }
        out + "}"
    }
}
