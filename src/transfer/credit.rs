//! Giving back what became free, to who paid for it, when the disk has it.

use std::sync::Arc;

use crate::quota::{Ledger, Purse};
use crate::vfs::{Freed, Payer};

/// What is given back when this is dropped.
struct Credit {
    ledger: Arc<Ledger>,
    purse: Purse,
    bytes: u64,
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.ledger.give_back(&self.purse, self.bytes);
    }
}

/// Credits what became free to `purse`: at once, or when the server has closed the last descriptor
/// of the file.
pub fn credit(ledger: &Arc<Ledger>, purse: &Purse, freed: Freed) {
    let (ledger, purse, bytes) = (Arc::clone(ledger), purse.clone(), freed.bytes);
    freed.when_closed(Box::new(Credit { ledger, purse, bytes }));
}

/// The same for a name in a root whose payer is `payer`: to `purse`, or to whom the file named.
pub fn give_back(ledger: &Arc<Ledger>, purse: &Purse, payer: Payer, freed: Freed) {
    match paid_by(purse, payer, freed.owner.as_deref()) {
        Some(purse) => credit(ledger, &purse, freed),
        None => freed.when_closed(Box::new(())),
    }
}

/// Who pays for a name in a root whose payer is `payer`: `purse`, or who stored it, which is
/// `owner`; nobody, where the operator put it there.
pub fn paid_by(purse: &Purse, payer: Payer, owner: Option<&str>) -> Option<Purse> {
    match payer {
        Payer::Writer => owner.map(Purse::account),
        Payer::Owner | Payer::Itself => Some(purse.clone()),
    }
}
