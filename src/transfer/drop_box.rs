//! The name that a file gets in a drop box: the first one that nobody has or changes, since whoever
//! stores something there may not see what is there.

use std::sync::Arc;

use super::{Claim, ClaimRequest, Claimant, Scope};
use crate::error::{Error, Result};
use crate::quota::{Charge, Charged, Ledger};
use crate::vfs::{Freed, NewFile, names_beside};

/// Who writes a name of a drop box, in a refusal that others read; no account can have a name with
/// a blank.
const SOMEBODY: &str = "another user";

/// The names of a drop box.
pub(super) struct DropBoxNames<'a> {
    /// The uploader's own.
    pub(super) claim: &'a Claim,
    pub(super) ledger: &'a Arc<Ledger>,
    pub(super) charged: &'a Charged,
}

impl DropBoxNames<'_> {
    /// Puts a file under the first name that nobody has or changes.
    pub(super) fn place(&self, new_file: &mut NewFile) -> Result<Freed> {
        let (meant, claims) = (new_file.path().clone(), self.claim.claims());
        for name in names_beside(&meant) {
            let name = name?;
            let key = new_file.name_key(&name);
            // Not waited for: whoever may look may take long over it.
            if claims.is_taken(&key) {
                continue;
            }
            let charge = Charge::open(self.ledger, self.charged)?;
            let wanted = ClaimRequest { key, path: name.as_str(), scope: Scope::Name, charge };
            let _taken = match claims
                .take_all(vec![wanted], Claimant { by: SOMEBODY, session: 0, is_stream: false })
            {
                Err(Error::Busy { .. }) => continue,
                taken => taken?,
            };
            new_file.aim_at(&name);
            match new_file.rename_into_place(false) {
                Err(Error::Exists { .. }) => {}
                placed => return placed,
            }
        }
        Err(Error::Changed { path: meant.as_str().to_owned() })
    }
}
