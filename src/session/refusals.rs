//! Uploads of unknown size for which there was no room: tried again while there is no more of it,
//! they would only send everything once more.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Usage;
use crate::vfs::VPath;

/// What this session was refused, the oldest first.
#[derive(Debug, Default)]
pub(super) struct RefusedUploads {
    refused: VecDeque<RefusedUpload>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct RefusedUpload {
    pub(super) path: VPath,
    /// Bytes that it had at least.
    pub(super) need: u64,
    /// Bytes that could be stored, when it had left nothing behind.
    pub(super) left: u64,
    /// Whether the limit was a mount's.
    pub(super) of_mount: bool,
}

impl RefusedUploads {
    pub(super) fn note(&mut self, refusal: RefusedUpload) {
        self.forget(&refusal.path);
        if self.refused.len() >= limits::REFUSALS {
            self.refused.pop_front();
        }
        self.refused.push_back(refusal);
    }

    pub(super) fn forget(&mut self, path: &VPath) {
        self.refused.retain(|refusal| refusal.path != *path);
    }

    /// Refuses what was refused already, unless there is more room now.
    pub(super) fn check(&self, path: &VPath, usage: Option<Usage>) -> Result<()> {
        let refusal = self.refused.iter().find(|refusal| refusal.path == *path);
        let (Some(refusal), Some(usage)) = (refusal, usage) else { return Ok(()) };
        let (left, Some(limit)) = (usage.left().bytes, usage.limits.bytes) else { return Ok(()) };
        if left > refusal.left || left >= refusal.need {
            return Ok(());
        }
        let (need, of_mount) = (refusal.need, refusal.of_mount);
        Err(Error::OverQuota { need, left, limit, replacing: false, of_mount })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{Amount, QuotaLimits};

    #[test]
    fn a_refusal_counts_until_there_is_more_room_and_the_oldest_goes() {
        let path = |n: usize| VPath::root().join(&n.to_string()).unwrap();
        let usage = |bytes| {
            let limits = QuotaLimits { bytes: Some(100), entries: None };
            Some(Usage { used: Amount::file(bytes), reserved: Amount::NOTHING, limits })
        };
        let mut refusals = RefusedUploads::default();
        for n in 0..=limits::REFUSALS {
            refusals.note(RefusedUpload { path: path(n), need: 90, left: 50, of_mount: false });
        }
        assert!(refusals.check(&path(0), usage(50)).is_ok(), "forgotten");
        let refused = refusals.check(&path(1), usage(60)).unwrap_err().to_string();
        assert_eq!(refused, "over quota: needs 90 bytes, 40 bytes left of 100 bytes");
        assert!(refusals.check(&path(1), usage(50)).is_err(), "no more than then");
        assert!(refusals.check(&path(1), usage(49)).is_ok());
        assert!(refusals.check(&path(99), usage(50)).is_ok(), "another name");
        refusals.forget(&path(1));
        assert!(refusals.check(&path(1), usage(60)).is_ok());
    }
}
