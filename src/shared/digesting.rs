//! Making the digests of files that came without.
//!
//! Never: keeps whoever stores a file waiting.

use crossbeam_channel::Receiver;

use super::{Shared, UndigestedFile};
use crate::accounts::AccountName;
use crate::digest;
use crate::error::Result;
use crate::transfer::Download;
use crate::vfs::{Source, VPath};

impl Shared {
    /// Notes that a file was stored whose digests nobody knows. Where too many wait it is digested
    /// when somebody asks for it.
    pub fn digest_later(&self, account: &AccountName, path: &VPath) {
        let file = UndigestedFile::new(account, path);
        if self.undigested.waiting.try_send(file).is_err() {
            log::debug!("`{path}` is not digested before somebody asks for it");
        }
    }

    /// The files that wait to be digested.
    pub fn undigested(&self) -> &Receiver<UndigestedFile> {
        &self.undigested.taken
    }

    /// Reads a file, so that its digests are known. `rest` is called after every block.
    ///
    /// # Errors
    /// That of `rest`; what keeps the file from being read, or that it has gone.
    pub fn digest_stored(
        &self,
        file: &UndigestedFile,
        buffer: &mut [u8],
        rest: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let Some(source) = self.undigested_source(file)? else { return Ok(()) };
        let all = (0, u64::MAX);
        let mut reading = Download::open(source, &file.path, digest::fastest(), all, 0)?;
        if reading.is_known() {
            return Ok(());
        }
        let mut digests = Vec::new();
        while reading.left() > 0 {
            reading.next(buffer, &mut digests)?;
            if reading.source().is_removed()? {
                // Whoever has removed it gets its bytes back when it is closed here.
                return Ok(());
            }
            rest()?;
        }
        reading.finish().map(drop)
    }

    fn undigested_source(&self, file: &UndigestedFile) -> Result<Option<Source>> {
        let views = match self.accounts().account(file.account.as_str()) {
            Some(account) => Some(self.views_of(account)?),
            None if file.account.is_guest() => self.views_of_guest()?,
            None => None,
        };
        // Whoever stored it need not have the right to read it.
        views.map(|views| views.view(&file.path)?.source(&file.path)).transpose()
    }
}
