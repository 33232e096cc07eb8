//! Uploads in chunks: opened by a session, and written by others of the same account too.

use super::{Alive, Session, UploadOptions};
use crate::audit::Verb;
use crate::digest::Algorithm;
use crate::error::{Fate, Result};
use crate::transfer::{OpenUpload, Upload};

impl Session {
    /// Opens an upload.
    pub fn upload(
        &self,
        wanted: &UploadOptions<'_>,
        algorithm: Algorithm,
        size: u64,
        fresh: bool,
        alive: &mut Alive<'_>,
    ) -> Result<Upload> {
        let begun = self.place_to_fill(wanted.path, alive).and_then(|place| {
            self.presence.about(place.1.as_str());
            Upload::begin(&self.spec(&place, wanted), algorithm, size, fresh)
        });
        begun.inspect_err(|e| self.refused(Verb::Put, wanted.path, e))
    }

    /// Begins an upload that holds nothing with the content of the file that it replaces, as far as
    /// whole chunks of both go, so that only what differs has to come; returns how many bytes that
    /// is. Where nothing is there, or it may not be read, that is none.
    ///
    /// # Errors
    /// [`crate::error::Error::Changed`] if another program writes it meanwhile; what `alive` says,
    /// and the disk.
    pub fn begin_with_old(&self, upload: &mut Upload, alive: &mut Alive<'_>) -> Result<u64> {
        let old = self.at(upload.path().as_str()).and_then(|(user, path)| user.vfs.source(&path));
        match old {
            Ok(old) => upload.begin_with(&old, alive),
            Err(e) if e.fate() == Fate::Answer => Ok(0),
            Err(e) => Err(e),
        }
    }

    /// This session's hold on an upload that it has opened.
    pub fn hold(&self, upload: Upload) -> Result<OpenUpload> {
        Ok(OpenUpload::new(upload, &self.user()?.by))
    }

    /// Lets other sessions of the account write ranges of the upload; returns the token that they
    /// join with.
    ///
    /// # Errors
    /// [`crate::error::Error::WrongState`] if this session has joined it itself.
    pub fn split(&self, upload: &mut OpenUpload) -> Result<u64> {
        upload.split(&self.shared().split_uploads)
    }

    /// Joins in an upload that another session of the account has opened and split.
    ///
    /// # Errors
    /// [`crate::error::Error::WrongState`] if there is none of this token.
    pub fn join(&self, token: u64, algorithm: Algorithm) -> Result<OpenUpload> {
        let by = &self.user()?.by;
        let upload = OpenUpload::join(&self.shared().split_uploads, token, by, algorithm)?;
        self.presence.about(upload.path().as_str());
        Ok(upload)
    }
}
