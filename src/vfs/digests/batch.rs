//! Slots of many files, written together: those of files that were made one after the other lie
//! side by side.

use std::sync::Arc;

use super::slot::Slot;
use super::{DigestKind, DigestStore};

/// Slots that are about to be written; dropped, it writes them.
#[derive(Debug, Default)]
pub struct DigestBatch {
    store: Option<Arc<DigestStore>>,
    kind: Option<DigestKind>,
    slots: Vec<Slot>,
}

impl DigestBatch {
    pub(super) fn add(&mut self, store: &Arc<DigestStore>, kind: DigestKind, slot: Slot) {
        let is_same = self.store.as_ref().is_some_and(|own| Arc::ptr_eq(own, store));
        if !is_same || self.kind != Some(kind) {
            self.write();
            (self.store, self.kind) = (Some(Arc::clone(store)), Some(kind));
        }
        self.slots.push(slot);
    }

    fn write(&mut self) {
        let (Some(store), Some(kind)) = (&self.store, self.kind) else { return };
        self.slots.sort_unstable_by_key(|slot| slot.state.inode);
        for run in self.slots.chunk_by(|a, b| a.state.inode.checked_add(1) == Some(b.state.inode)) {
            store.keep(kind, run);
        }
        self.slots.clear();
    }
}

impl Drop for DigestBatch {
    fn drop(&mut self) {
        self.write();
    }
}
