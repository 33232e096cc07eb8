//! Where a command's transfers are shown: a line for people, or events for programs.

use miniftp::client::{Adjusted, Progress, TreeReport};

use crate::bar::{Bar, Detail, Messages};
use crate::events::Events;
use crate::failure::Failure;
use crate::screen::Screen;

/// What shows the transfers of one command.
pub(crate) trait Display {
    /// What the library reports to.
    fn progress(&mut self) -> &mut (dyn Progress + Send);
    /// The user's side.
    fn screen(&mut self) -> &mut Screen;
    /// Whether it is worth counting before what is to come.
    fn wants_totals(&self) -> bool;
    /// So many files and bytes are to come in all.
    fn expect(&mut self, files: u64, bytes: u64);
    /// From now on come the files of a folder.
    fn begin_tree(&mut self);
    /// The folder has come to its end, good or bad; its name is escaped.
    fn end_tree(&mut self, name: &str, is_good: bool);
    /// A comparison has come to its end, with so many differences; its name is escaped.
    fn end_comparison(&mut self, name: &str, differing: usize);
    /// All files and folders have come to their end.
    fn end_all(&mut self);
    /// What has ended so far.
    fn tally(&self) -> TreeReport;
    /// So much was removed, beside what was transferred.
    fn removed(&mut self, count: u64);
    /// So much was set of files that are equal.
    fn adjusted(&mut self, adjusted: &Adjusted);
    /// One of several files failed; its name is escaped.
    fn file_failed(&mut self, name: &str, failure: &Failure);
}

/// The display of a command.
pub(crate) fn display<'a>(verb: &'static str, screen: &'a mut Screen) -> Box<dyn Display + 'a> {
    if screen.manner.json {
        Box::new(Events::new(verb, screen))
    } else {
        Box::new(Bar::new(verb, screen))
    }
}

impl Display for Bar<'_, Screen> {
    fn progress(&mut self) -> &mut (dyn Progress + Send) {
        self
    }

    fn screen(&mut self) -> &mut Screen {
        self.screen
    }

    fn wants_totals(&self) -> bool {
        self.screen.has_bars()
    }

    fn expect(&mut self, files: u64, bytes: u64) {
        Bar::expect(self, files, bytes);
    }

    fn begin_tree(&mut self) {
        Bar::begin_tree(self);
    }

    fn end_tree(&mut self, name: &str, is_good: bool) {
        Bar::end_tree(self, name, is_good);
    }

    fn end_comparison(&mut self, name: &str, differing: usize) {
        Bar::end_comparison(self, name, differing);
    }

    fn end_all(&mut self) {
        Bar::end_all(self);
    }

    fn tally(&self) -> TreeReport {
        Bar::tally(self)
    }

    fn removed(&mut self, count: u64) {
        if self.screen.detail() > Detail::Quiet {
            self.screen.print(&format!("removed: {count}"));
        }
    }

    fn adjusted(&mut self, adjusted: &Adjusted) {
        let counts = [("times", adjusted.times), ("permission bits", adjusted.modes)];
        for (what, count) in counts {
            if count > 0 && self.screen.detail() > Detail::Quiet {
                self.screen.print(&format!("{what} set: {count}"));
            }
        }
    }

    fn file_failed(&mut self, name: &str, _: &Failure) {
        // Why is reported by whoever ends it.
        self.count_failed(name);
    }
}
