//! Rows of seconds, printed as rates and ratios.

/// Seconds by row; the first row is what the others are compared with.
pub(crate) struct Table {
    unit: &'static str,
    amount: f64,
    yardstick: &'static str,
    rows: Vec<Row>,
}

/// What was done, and with whom where there are several.
struct Row {
    what: String,
    with: String,
    secs: Vec<f64>,
}

/// Whose rows the others' rows of the same work are compared with.
const YARDSTICK: &str = "vsftpd";

impl Table {
    /// A table of rates of so much in each row.
    pub(crate) fn new(unit: &'static str, amount: f64) -> Table {
        Table { unit, amount, yardstick: YARDSTICK, rows: Vec::new() }
    }

    /// Compares with this one's rows instead.
    pub(crate) fn beside(mut self, yardstick: &'static str) -> Table {
        self.yardstick = yardstick;
        self
    }

    /// Notes one run; round 0 warms up and makes the row.
    pub(crate) fn note(&mut self, round: usize, what: &str, secs: f64) {
        self.note_with(round, what, "", secs);
    }

    /// The same for work done with one of several servers.
    pub(crate) fn note_with(&mut self, round: usize, what: &str, with: &str, secs: f64) {
        let row = self.rows.iter_mut().find(|row| row.what == what && row.with == with);
        match row {
            Some(row) => row.secs.push(secs),
            None if round == 0 => {
                self.rows.push(Row { what: what.into(), with: with.into(), secs: Vec::new() });
            }
            None => {}
        }
    }

    /// Prints the medians.
    pub(crate) fn print(&mut self) {
        for row in &mut self.rows {
            row.secs.sort_by(f64::total_cmp);
        }
        let base = self.rows.first().and_then(Row::median);
        for row in &self.rows {
            let Some(median) = row.median() else { continue };
            let name = [row.what.as_str(), row.with.as_str()].join("  ");
            let (rate, unit) = (self.amount / median, self.unit);
            let to_cp = base.map_or(1.0, |base| base / median);
            let peer = self.rows.iter().find(|peer| {
                peer.what == row.what && peer.with == self.yardstick && !row.with.is_empty()
            });
            let to_peer = peer.and_then(Row::median).map(|peer| format!("{:>9.2}", peer / median));
            println!("{name:40} {rate:>7.0} {unit:7} {to_cp:>5.2}{}", to_peer.unwrap_or_default());
        }
        println!();
    }
}

impl Row {
    fn median(&self) -> Option<f64> {
        self.secs.get(self.secs.len() / 2).copied()
    }
}
