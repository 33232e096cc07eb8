//! The part of docs/PERFORMANCE.md that is written from a recorded run.

use std::error::Error;

use super::record::{Record, Row};
use super::table::{amount, ratio};

/// Lines of the document between which the figures stand.
const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "\n<!-- end -->";

impl Record {
    /// The document with these figures instead of those that it has.
    ///
    /// # Errors
    /// A document without the two lines between which they belong.
    pub(crate) fn put_into(&self, document: &str) -> Result<String, Box<dyn Error>> {
        let marks = format!("no lines {} and {}", BEGIN.trim(), END.trim());
        let (before, rest) = document.split_once(BEGIN).ok_or_else(|| marks.clone())?;
        let (_, after) = rest.split_once(END).ok_or(marks)?;
        Ok(format!("{before}{BEGIN}\n{}{END}{after}", self.markdown()))
    }

    /// The machine, where it wins and loses, and every table.
    fn markdown(&self) -> String {
        let lines = |pairs: &[(String, String)]| {
            let lines = pairs.iter().map(|(name, text)| format!("| {name} | {text} |\n"));
            lines.collect::<String>()
        };
        let mut text = format!("| measured on | {} |\n| --- | --- |\n", self.date);
        text += &lines(&self.machine);
        text += &lines(&self.settings);
        text += &lines(&self.programs);
        for left_out in &self.left_out {
            text += &format!("| left out | {left_out} |\n");
        }
        text += &self.sorted_by_outcome();
        for workload in self.workloads() {
            text += &format!("\n### {workload}\n\n![{workload}](performance/{workload}.svg)\n\n");
            text += &self.cells(workload).as_markdown();
        }
        text
    }

    /// What is slower than the best peer, and what is not, the worst first.
    fn sorted_by_outcome(&self) -> String {
        let compared = self.rows.iter().filter_map(|row| Some((row, self.to_best_peer(row)?)));
        let mut compared: Vec<_> = compared.collect();
        compared.sort_by(|a, b| a.1.ratio.total_cmp(&b.1.ratio));
        let (lost, won): (Vec<_>, Vec<_>) =
            compared.into_iter().partition(|(_, best)| best.ratio < 1.0);
        let mut text = String::new();
        for (heading, none, rows) in [
            ("Behind the best peer", "Nothing.", lost),
            ("Level with the best peer or ahead of it", "Nothing.", won),
        ] {
            text += &format!("\n### {heading}\n\n");
            if rows.is_empty() {
                text += &format!("{none}\n");
                continue;
            }
            text += "| workload | action | with | median | best peer | ratio |\n";
            text += "| --- | --- | --- | --- | --- | --- |\n";
            for (row, best) in rows {
                let value = |row: &Row| row.value().map(amount).unwrap_or_default();
                text += &format!(
                    "| {} | {} | {} | {} {} | {} {} | {} |\n",
                    row.workload,
                    row.what(),
                    row.name,
                    value(row),
                    row.unit.name(),
                    best.peer.name,
                    value(best.peer),
                    ratio(best.ratio)
                );
            }
        }
        text
    }
}
