//! Files that came without digests, as FTP sends them, and are digested once they have rested.
//!
//! Never: holds a file or directory open while it waits, or keeps anybody waiting.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::accounts::AccountName;
use crate::limits;
use crate::vfs::VPath;

/// A file that is to be digested.
#[derive(Debug)]
pub struct UndigestedFile {
    pub(super) account: AccountName,
    pub(super) path: VPath,
    stored: Instant,
}

impl UndigestedFile {
    pub(super) fn new(account: &AccountName, path: &VPath) -> UndigestedFile {
        UndigestedFile { account: account.clone(), path: path.clone(), stored: Instant::now() }
    }

    /// How long it has to rest yet, so that a change beside it would be seen.
    pub fn rest(&self) -> Duration {
        limits::DIGEST_REST.saturating_sub(self.stored.elapsed())
    }
}

/// The files that wait.
#[derive(Debug)]
pub(super) struct UndigestedQueue {
    /// Where they are put.
    pub(super) waiting: Sender<UndigestedFile>,
    /// From where the thread takes them that digests them.
    pub(super) taken: Receiver<UndigestedFile>,
}

impl Default for UndigestedQueue {
    fn default() -> UndigestedQueue {
        let (waiting, taken) = bounded(limits::UNDIGESTED);
        UndigestedQueue { waiting, taken }
    }
}
