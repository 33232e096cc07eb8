//! A workload's rows as cells, for a terminal and for a document.

use super::record::{Record, Role, Row, Unit, median};

/// A table of texts; the first row is the heading.
pub(crate) struct Cells(pub(crate) Vec<Vec<String>>);

/// A column: its heading, and what it holds for a row.
type Column = (&'static str, fn(&Record, &Row) -> String);

const COLUMNS: [Column; 11] = [
    ("action", |_, row| row.what()),
    ("size", |_, row| row.size.map(|size| size.to_string()).unwrap_or_default()),
    ("with", |_, row| row.name.clone()),
    ("median", |_, row| row.value().map(amount).unwrap_or_default()),
    ("range", |_, row| row.range()),
    ("to cp", |record, row| record.to_copy(row).map(ratio).unwrap_or_default()),
    ("to best peer", |record, row| {
        let best = record.to_best_peer(row);
        best.map(|best| format!("{} {}", ratio(best.ratio), best.peer.name)).unwrap_or_default()
    }),
    ("slowest, fastest", |_, row| row.spread()),
    ("server CPU", |_, row| row.cpu_cost()),
    ("client memory", |_, row| kibibytes(&row.client_kib)),
    ("server memory", |_, row| kibibytes(&row.server_kib)),
];

impl Record {
    /// The table of one workload, without columns in which nothing stands.
    pub(crate) fn cells(&self, workload: &str) -> Cells {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| row.workload == workload).collect();
        // Those that do the same stand together, however they came in turn.
        let actions: Vec<String> = rows.iter().map(|row| row.what()).collect();
        rows.sort_by_key(|row| actions.iter().position(|action| *action == row.what()));
        let texts = COLUMNS.map(|(heading, cell)| {
            let cells: Vec<String> = rows.iter().map(|row| cell(self, row)).collect();
            (heading, cells)
        });
        let used = texts.iter().filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
        let used: Vec<_> = used.collect();
        let heading = used.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        let lines = (0..rows.len()).map(|i| {
            used.iter().map(|(_, cells)| cells.get(i).cloned().unwrap_or_default()).collect()
        });
        Cells(std::iter::once(heading).chain(lines).collect())
    }
}

impl Row {
    /// What was done, and by how many.
    pub(crate) fn what(&self) -> String {
        match self.clients {
            1 => self.action.clone(),
            n => format!("{}, {n} clients", self.action),
        }
    }

    fn range(&self) -> String {
        let least = self.values.iter().copied().min_by(f64::total_cmp);
        let most = self.values.iter().copied().max_by(f64::total_cmp);
        match (least, most) {
            (Some(least), Some(most)) => {
                format!("{} to {} {}", amount(least), amount(most), self.unit.name())
            }
            _ => String::new(),
        }
    }

    fn spread(&self) -> String {
        match (median(&self.slowest), median(&self.fastest)) {
            (Some(slowest), Some(fastest)) => format!("{}, {}", amount(slowest), amount(fastest)),
            _ => String::new(),
        }
    }

    fn cpu_cost(&self) -> String {
        let is_once = matches!(self.unit, Unit::Kibibytes | Unit::Millis);
        match median(&self.cpu).filter(|_| self.role != Role::Copy && !is_once) {
            Some(cpu) => format!("{cpu:.3} {}", self.unit.of_cpu()),
            None => String::new(),
        }
    }
}

fn kibibytes(values: &[f64]) -> String {
    median(values).map(|kib| format!("{} KiB", amount(kib))).unwrap_or_default()
}

/// A number with its thousands apart, and with decimals only where it is small.
pub(crate) fn amount(number: f64) -> String {
    if number != 0.0 && number.abs() < 10.0 {
        return format!("{number:.2}");
    }
    if number.abs() < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn ratio(ratio: f64) -> String {
    format!("{ratio:.2}")
}

impl Cells {
    /// Lines for a terminal; texts to the left, numbers to the right.
    pub(crate) fn for_terminal(&self) -> String {
        let Some(heading) = self.0.first() else { return String::new() };
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.0 {
            let cells =
                row.iter().zip(&widths).zip(heading).map(|((cell, width), heading)| match heading
                    .as_str()
                {
                    "median" | "to cp" => format!("{cell:>width$}"),
                    _ => format!("{cell:width$}"),
                });
            let line = cells.collect::<Vec<_>>().join("  ");
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    pub(crate) fn as_markdown(&self) -> String {
        let mut lines = self.0.iter().map(|row| format!("| {} |\n", row.join(" | ")));
        let Some(heading) = lines.next() else { return String::new() };
        let columns = self.0.first().map_or(0, Vec::len);
        let rule = format!("|{}\n", " --- |".repeat(columns));
        std::iter::once(heading).chain([rule]).chain(lines).collect()
    }
}
