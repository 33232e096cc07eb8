//! Which files the server has open, so that the bytes of a removed one are credited when the disk
//! has them back: when its last descriptor is closed.
//!
//! Never: knows what a credit is; it keeps something and drops it in time.
//! Invariant: a file is marked before it is opened, or while nobody else can remove it, and as long
//! as its descriptor lives; but for a new one that is closed before anybody else could remove it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::entry::FileId;
use crate::lock::lock;

/// What is kept until a file is closed.
type DeferredCredit = Box<dyn Send>;

/// The files that are open now.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    files: Mutex<HashMap<FileId, Weak<OpenFile>>>,
}

/// One open file, whoever has it open; dropped with the last of them.
#[derive(Default)]
struct OpenFile {
    credits: Mutex<Vec<DeferredCredit>>,
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened")
    }
}

/// Says that a file is open; it is dropped after the descriptor.
#[derive(Debug)]
pub(super) struct Mark {
    opened: Arc<OpenFile>,
    id: FileId,
    files: Arc<OpenFiles>,
}

impl OpenFiles {
    /// Says that a file is, or is about to be, open.
    pub(super) fn mark(self: &Arc<Self>, id: FileId) -> Mark {
        let mut files = lock(&self.files);
        let opened = files.get(&id).and_then(Weak::upgrade).unwrap_or_else(|| {
            let opened = Arc::default();
            files.insert(id, Arc::downgrade(&opened));
            opened
        });
        Mark { opened, id, files: Arc::clone(self) }
    }

    /// A name of the file was removed just now, and its inode is still held: who has it open, if
    /// anybody. Where that was its last name, the number may soon be another file's, which is
    /// marked apart from it.
    pub(super) fn removed(self: &Arc<Self>, id: FileId, was_last: bool) -> Option<Mark> {
        let mut files = lock(&self.files);
        let opened = if was_last {
            files.remove(&id).and_then(|opened| opened.upgrade())
        } else {
            files.get(&id).and_then(Weak::upgrade)
        };
        Some(Mark { opened: opened?, id, files: Arc::clone(self) })
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        lock(&self.files).len()
    }
}

impl Mark {
    /// Keeps the credit until everybody else has closed the file.
    pub(super) fn keep(self, credit: DeferredCredit) {
        lock(&self.opened.credits).push(credit);
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let mut files = lock(&self.files.files);
        // Nobody can join it while the map is locked.
        let is_last = Arc::strong_count(&self.opened) == 1;
        let is_known = |known: &Weak<OpenFile>| std::ptr::eq(known.as_ptr(), &*self.opened);
        if is_last && files.get(&self.id).is_some_and(is_known) {
            files.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::fs::fstat;

    use super::*;

    struct Counts(Arc<AtomicU32>);

    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_credit_is_kept_until_the_last_one_has_closed_the_file() {
        let dir = std::fs::File::open("/").unwrap();
        let id = FileId::of(&fstat(&dir).unwrap());
        let files = Arc::<OpenFiles>::default();
        let given = Arc::new(AtomicU32::new(0));
        let credit = || Box::new(Counts(Arc::clone(&given)));
        let so_far = || given.load(Ordering::SeqCst);
        assert!(files.removed(id, true).is_none(), "nobody has it open");

        let (one, two) = (files.mark(id), files.mark(id));
        files.removed(id, true).unwrap().keep(credit());
        // Another file that got the same number is another file.
        let later = files.mark(id);
        assert_eq!(files.count(), 1);
        drop(one);
        assert_eq!(so_far(), 0);
        drop(two);
        assert_eq!(so_far(), 1);

        files.removed(id, false).unwrap().keep(credit());
        assert_eq!((so_far(), files.count()), (1, 1));
        drop(later);
        assert_eq!((so_far(), files.count()), (2, 0));
    }
}
