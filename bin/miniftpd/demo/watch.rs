//! How the demo shows a transfer: a bar on a terminal, a line elsewhere.

use std::io::{self, IsTerminal, Stderr, Write};
use std::time::{Duration, Instant};

use miniftp::client::{Error, Outcome, Progress};
use pbr::{ProgressBar, Units};

/// One transfer, watched.
pub(crate) struct Watch {
    what: &'static str,
    bar: Option<ProgressBar<Stderr>>,
    began: Instant,
}

impl Watch {
    /// `what` is done.
    pub(crate) fn new(what: &'static str) -> Watch {
        Watch { what, bar: None, began: Instant::now() }
    }
}

impl Progress for Watch {
    fn begin(&mut self, name: &str, total: Option<u64>, already: u64) {
        if io::stderr().is_terminal() {
            let mut bar = ProgressBar::on(io::stderr(), total.unwrap_or(0));
            bar.set_units(Units::Bytes);
            bar.set_max_refresh_rate(Some(Duration::from_millis(50)));
            bar.message(&format!("   {} {name} ", self.what));
            bar.set(already);
            self.bar = Some(bar);
        }
    }

    fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &mut self.bar {
            bar.add(bytes);
        }
    }

    fn note(&mut self, text: &str) {
        let before = if self.bar.is_some() { "\r\n" } else { "" };
        let _ = writeln!(io::stderr(), "{before}   {text}");
    }

    fn end(&mut self, outcome: &Result<Outcome, &Error>) {
        if let Some(bar) = &mut self.bar {
            bar.finish();
            let _ = writeln!(io::stderr());
        }
        if let Ok(Outcome::Stored { size, .. }) = outcome {
            let secs = self.began.elapsed().as_secs_f64().max(0.001);
            let rate = *size as f64 / 1e6 / secs;
            let what = self.what;
            let _ =
                writeln!(io::stdout(), "   {what}: {size} bytes in {secs:.2} s ({rate:.0} MB/s)");
        }
    }
}
