//! Writing what was paid for: the one place where the ledger and the disk are kept in step.
//!
//! Invariant: however a write ends, in success, failure or panic, the charge is what the draft says
//! is on the disk.

use super::Held;
use crate::error::{Error, Result};
use crate::quota::Charge;
use crate::vfs::{Draft, View};

/// The disk and what must stay free on it.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    view: View,
    min_free_bytes: u64,
}

impl Disk {
    pub(super) fn new(view: &View, min_free_bytes: u64) -> Disk {
        Disk { view: view.clone(), min_free_bytes }
    }

    pub(super) fn keeps_parts(&self) -> bool {
        self.view.keeps_parts()
    }

    /// Refuses growth for which the disk, less its reserve, has no room.
    pub(super) fn check(&self, growth: u64) -> Result<()> {
        if growth > 0 && self.view.free_bytes()?.saturating_sub(self.min_free_bytes) < growth {
            return Err(Error::DiskFull);
        }
        Ok(())
    }

    /// Somebody else fills the disk.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        self.min_free_bytes = u64::MAX;
    }

    /// Charges what `write` adds up to `end`, if there is room for it, and lets it write.
    pub(super) fn write(
        &self,
        held: &mut Held<'_>,
        draft: &mut Draft,
        end: u64,
        write: impl FnOnce(&mut Draft) -> Result<()>,
    ) -> Result<()> {
        let end = end.max(draft.held());
        let charge = held.charge();
        self.check(end.saturating_sub(charge.held()))?;
        charge.spend(end)?;
        let paid = Paid { draft, charge };
        write(&mut *paid.draft)
    }
}

/// A draft whose charge is put right when it is let go.
struct Paid<'a> {
    draft: &'a mut Draft,
    charge: &'a mut Charge,
}

impl Drop for Paid<'_> {
    fn drop(&mut self) {
        self.charge.settle(self.draft.held());
    }
}
