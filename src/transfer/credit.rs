//! Crediting what became free, when the disk has it back.

use std::sync::Arc;

use crate::quota::{Charged, Credit, Ledger};
use crate::vfs::Freed;

/// Credits what became free to what it was charged to: at once, or when the server has closed the
/// last descriptor of the file.
pub fn credit(ledger: &Arc<Ledger>, charged: &Charged, freed: Freed) {
    let credit = Credit::new(ledger, charged, freed.amount());
    freed.when_closed(Box::new(credit));
}

/// Credits a name in the directory of `charged`, to the owner that the file named, where
/// owners are kept.
pub fn give_back(ledger: &Arc<Ledger>, charged: &Charged, freed: Freed) {
    let owner = freed.owner.as_deref().filter(|_| charged.owner.is_some()).map(Arc::from);
    let directory = charged.directory;
    credit(ledger, &Charged { directory, owner }, freed);
}
