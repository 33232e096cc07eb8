//! The answer of an admin command in frames: rows of typed cells, the columns' names first.
//!
//! A row is the number of its cells as `u16`, and for each its kind as `u8` and its value.

use super::{Answered, Fields, Sink};
use crate::answer::{Answer, AnswerShape, Cell};
use crate::error::{Error, Result};
use crate::limits;

/// Writes a row.
fn put_row(sink: &mut Sink, cells: &[Cell]) {
    sink.u16(u16::try_from(cells.len()).unwrap_or(u16::MAX));
    for cell in cells {
        sink.u8(match cell {
            Cell::Absent => 0,
            Cell::Text(_) => 1,
            Cell::Name(_) => 2,
            Cell::Bytes(_) => 3,
            Cell::Count(_) => 4,
            Cell::Moment(_) => 5,
            Cell::Span(_) => 6,
            Cell::YesNo(_) => 7,
        });
        match cell {
            Cell::Absent => {}
            Cell::Text(text) | Cell::Name(text) => sink.text(text),
            Cell::Bytes(number) | Cell::Count(number) | Cell::Span(number) => sink.u64(*number),
            Cell::Moment(secs) => sink.i64(*secs),
            Cell::YesNo(is_so) => sink.u8((*is_so).into()),
        }
    }
}

fn cell(fields: &mut Fields<'_>) -> Result<Cell> {
    Ok(match fields.u8("a cell's kind")? {
        0 => Cell::Absent,
        1 => Cell::Text(fields.text("a cell")?.to_owned()),
        2 => Cell::Name(fields.text("a cell")?.to_owned()),
        3 => Cell::Bytes(fields.u64("a cell")?),
        4 => Cell::Count(fields.u64("a cell")?),
        5 => Cell::Moment(fields.i64("a cell")?),
        6 => Cell::Span(fields.u64("a cell")?),
        7 => Cell::YesNo(fields.u8("a cell")? == 1),
        _ => return Err(Error::BadField { what: "a cell's kind" }),
    })
}

/// Writes an answer's rows in parts of at least `least` bytes, but for the last, each of which
/// `send` gets; then gives the message of the final answer.
///
/// # Errors
/// Those of `send`.
pub fn put_answer(
    answer: &Answer,
    least: usize,
    send: &mut dyn FnMut(&Sink) -> Result<()>,
) -> Result<Answered<'static>> {
    let heads: Vec<Cell> = answer.columns.iter().cloned().map(Cell::Text).collect();
    let mut part = Sink::new();
    for row in std::iter::once(&heads).chain(&answer.rows) {
        put_row(&mut part, row);
        if part.len() >= least {
            send(&part)?;
            part.clear();
        }
    }
    if !part.is_empty() {
        send(&part)?;
    }
    let shape = AnswerShape::ALL.iter().position(|shape| *shape == answer.shape).unwrap_or(0);
    Ok(Answered::new(u8::try_from(shape).unwrap_or(0) + 1, answer.rows.len() as u64))
}

/// The rows of an answer as they come.
#[derive(Debug, Default)]
pub struct Rows {
    rows: Vec<Vec<Cell>>,
    /// Cells and rows so far: one of a byte takes many of memory.
    kept: usize,
}

impl Rows {
    /// Takes the next row of a part.
    ///
    /// # Errors
    /// [`Error::BadField`] for what is no row, and for more than [`limits::ANSWER_CELLS`].
    pub fn take(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let count = fields.u16("cells of a row")?;
        self.kept = self.kept.saturating_add(usize::from(count) + 1);
        if self.kept > limits::ANSWER_CELLS {
            return Err(Error::BadField { what: "cells: too many" });
        }
        let mut cells = Vec::new();
        for _ in 0..count {
            cells.push(cell(fields)?);
        }
        self.rows.push(cells);
        Ok(())
    }

    /// The whole answer, with what came last.
    ///
    /// # Errors
    /// [`Error::BadField`] if the rows are not what the end says of them.
    pub fn end(self, answered: &Answered<'_>, text: &str) -> Result<Answer> {
        let mut rows = self.rows.into_iter();
        let heads = rows.next().ok_or(Error::BadField { what: "the columns" })?;
        let columns: Vec<String> = heads
            .into_iter()
            .map(|head| match head {
                Cell::Text(name) => Ok(name),
                _ => Err(Error::BadField { what: "the columns" }),
            })
            .collect::<Result<_>>()?;
        let rows: Vec<Vec<Cell>> = rows.collect();
        let shape =
            usize::from(answered.shape).checked_sub(1).and_then(|at| AnswerShape::ALL.get(at));
        let shape = *shape.ok_or(Error::BadField { what: "shape" })?;
        let is_whole = rows.len() as u64 == answered.rows
            && rows.iter().all(|row| row.len() == columns.len())
            && (rows.len() == 1 || matches!(shape, AnswerShape::Table | AnswerShape::Report));
        if !is_whole {
            return Err(Error::BadField { what: "rows" });
        }
        Ok(Answer { shape, text: text.to_owned(), columns, rows })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Message;

    fn cells() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Absent),
            ".{0,9}".prop_map(Cell::Text),
            ".{0,9}".prop_map(Cell::Name),
            any::<u64>().prop_map(Cell::Bytes),
            any::<u64>().prop_map(Cell::Count),
            any::<i64>().prop_map(Cell::Moment),
            any::<u64>().prop_map(Cell::Span),
            any::<bool>().prop_map(Cell::YesNo),
        ]
    }

    fn read(parts: &[Sink], answered: &Answered<'_>) -> Result<Answer> {
        let mut rows = Rows::default();
        for part in parts {
            let mut left = part.as_bytes();
            while !left.is_empty() {
                let mut fields = Fields::new(left);
                rows.take(&mut fields)?;
                left = fields.rest();
            }
        }
        rows.end(answered, "none")
    }

    #[test]
    fn an_answer_has_as_many_cells_as_it_may_and_no_more() {
        for wide in [99, 6_999, 49_999, u16::MAX] {
            let mut row = wide.to_be_bytes().to_vec();
            row.resize(2 + usize::from(wide), 0);
            let (mut rows, mut taken) = (Rows::default(), 0);
            while rows.take(&mut Fields::new(&row)).is_ok() {
                taken += usize::from(wide) + 1;
            }
            let most = limits::ANSWER_CELLS;
            assert!(taken <= most && most < taken + usize::from(wide) + 1, "{taken} of {wide}");
        }
    }

    proptest! {
        #[test]
        fn an_answer_comes_back_from_its_frames(
            rows in proptest::collection::vec(proptest::collection::vec(cells(), 2), 0..9),
            least in 1_usize..200,
        ) {
            let answer = Answer::table(&["a", "b"], rows, "none");
            let mut parts = Vec::new();
            let answered = put_answer(&answer, least, &mut |part| {
                parts.push(part.clone());
                Ok(())
            }).unwrap();
            let mut but_the_last = parts.iter().rev().skip(1);
            prop_assert!(but_the_last.all(|part| part.len() >= least));
            prop_assert_eq!(read(&parts, &answered).unwrap(), answer);
            let more = Answered::new(answered.shape, answered.rows + 1);
            prop_assert!(read(&parts, &more).is_err());
            prop_assert!(read(&parts, &Answered::new(9, answered.rows)).is_err());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut rows = Rows::default();
            let _ = rows.take(&mut Fields::new(&bytes));
            let _ = rows.end(&Answered::decode(Fields::new(&[3; 9])).unwrap(), "");
        }
    }
}
