//! Writing into parts: each byte is charged, or was covered, before it is written. A small file has
//! no part: it is covered as a whole, and counts when it is put in its place.
//!
//! Invariant: however a write ends, in success, failure or panic, the charge is what the file says
//! is on the disk.

use super::ClaimGuard;
use crate::error::{Error, Result};
use crate::quota::{Amount, Charge};
use crate::vfs::{NewFile, View};

/// The disk and what must stay free on it.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    view: View,
    min_free: Amount,
}

impl Disk {
    pub(super) fn new(view: &View, min_free: Amount) -> Disk {
        Disk { view: view.clone(), min_free }
    }

    /// The root that it is, as the account sees it.
    pub(super) fn view(&self) -> &View {
        &self.view
    }

    pub(super) fn keeps_parts(&self) -> bool {
        self.view.keeps_parts()
    }

    /// Refuses growth for which the disk, less its reserve, has no room.
    pub(super) fn check(&self, growth: Amount) -> Result<()> {
        check_free(&self.view, self.min_free, growth)
    }

    /// Somebody else fills the disk.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        self.min_free.bytes = u64::MAX;
    }

    /// Charges what `write` adds up to `end`, if there is room for it, and lets it write.
    pub(super) fn write(
        &self,
        held: &mut ClaimGuard<'_>,
        new_file: &mut NewFile,
        end: u64,
        write: impl FnOnce(&mut NewFile) -> Result<()>,
    ) -> Result<()> {
        let whole = Amount::file(end.max(new_file.held()));
        let charge = held.charge();
        self.check(whole.minus(charge.held()))?;
        charge.spend(whole)?;
        let paid = ChargedFile { new_file, charge };
        write(&mut *paid.new_file)
    }

    /// Lets `write` add what was covered before, `growth`: whatever has become of the limit since.
    pub(super) fn write_covered(
        &self,
        held: &mut ClaimGuard<'_>,
        new_file: &mut NewFile,
        growth: Amount,
        write: impl FnOnce(&mut NewFile) -> Result<()>,
    ) -> Result<()> {
        self.check(growth)?;
        let paid = ChargedFile { new_file, charge: held.charge() };
        write(&mut *paid.new_file)
    }
}

/// Refuses growth for which the disk of a view, less what must stay free, has no room.
pub fn check_free(view: &View, min_free: Amount, growth: Amount) -> Result<()> {
    if growth == Amount::NOTHING {
        return Ok(());
    }
    let free = view.free()?;
    let each = [
        ("bytes", growth.bytes, free.bytes, min_free.bytes),
        ("entries", growth.entries, free.entries, min_free.entries),
    ];
    match each.into_iter().find(|(_, need, free, reserve)| need.saturating_add(*reserve) > *free) {
        None => Ok(()),
        Some((what, need, free, reserve)) => Err(Error::DiskReserve { what, need, free, reserve }),
    }
}

/// A new file whose charge is settled when it is dropped.
struct ChargedFile<'a> {
    new_file: &'a mut NewFile,
    charge: &'a mut Charge,
}

impl Drop for ChargedFile<'_> {
    fn drop(&mut self) {
        self.charge.settle(Amount::file(self.new_file.held()));
    }
}
