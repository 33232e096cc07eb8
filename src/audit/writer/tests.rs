//! A log that nobody reads for a while.

use super::*;
use crate::audit::Log;
use crossbeam_channel::{Receiver, bounded};

/// A standard error that nobody reads until a word is said.
struct Stuck(Receiver<()>, Arc<Mutex<Vec<u8>>>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        lock(&self.1).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_that_stands_still_costs_one_wait_and_counted_lines() {
    let (go, wait) = bounded(0);
    let out = Arc::<Mutex<Vec<u8>>>::default();
    let log = Log::open(LogTargets::default(), true, Stuck(wait, Arc::clone(&out))).unwrap();
    let line = "x".repeat(1000);
    let begun = Instant::now();
    let said = 3 * limits::LOG_QUEUE / 1000;
    (0..said).for_each(|_| log.write(log::Level::Info, &line));
    // Each line would have waited for so long.
    assert!(begun.elapsed() < limits::LOG_WAIT * 100);
    drop(go);
    log.finish();
    let text = String::from_utf8(lock(&out).clone()).unwrap();
    let kept = text.lines().filter(|text| text.ends_with(&line)).count();
    let lost = format!("the log could not keep up: {} lines are lost", said - kept);
    assert!(kept < said && text.contains(&lost), "{kept} of {said}");
}
