//! Crediting what became free, to whoever paid for it, when the disk has it back.

use std::sync::Arc;

use crate::quota::{Amount, Charged, Credit, Ledger};
use crate::vfs::Freed;

/// Credits what became free: at once, or when the server has closed the last descriptor of it.
pub fn credit(ledger: &Arc<Ledger>, charged: &Charged, freed: Freed) {
    let amount = Amount { bytes: freed.bytes, entries: freed.entries };
    if amount != Amount::NOTHING {
        freed.when_closed(Box::new(Credit::new(ledger, charged, amount)));
    }
}

/// The same for something that may have been stored by another account than the one that `charged`
/// names: where the directory keeps owners, its own is credited.
pub fn give_back(ledger: &Arc<Ledger>, charged: &Charged, freed: Freed) {
    let owner = charged.owner.as_ref().and(freed.owner.as_deref()).map(Arc::from);
    credit(ledger, &Charged { directory: charged.directory, owner }, freed);
}
