//! An upload that is open, as the sessions hold it that write it: the one that opened it, and those
//! of the same account that it lets in, each of which sends ranges of the file.
//!
//! Digests are computed before the upload is locked, so that the sessions compute at once and only
//! write one after the other.
//! Invariant: an upload ends with the session that opened it. Whoever joined has nothing to write
//! from then on, and can neither store nor drop anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, TryLockError, Weak};

use super::Upload;
use super::checked::CheckedChunks;
use crate::digest::{Algorithm, Digest};
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::vfs::VPath;

const OVER: Error = Error::WrongState { what: "the upload is over; its session has ended it" };
const NOT_YOURS: Error =
    Error::WrongState { what: "only the session that opened the upload may do that" };

/// A session's hold on an upload.
#[derive(Debug)]
pub struct OpenUpload {
    upload: Arc<SharedUpload>,
    role: Role,
    /// The digests of what came last.
    computed: Vec<Digest>,
}

#[derive(Debug)]
enum Role {
    /// It opened the upload; others are let in while the entry is there.
    Owner(Option<SplitEntry>),
    Joined,
}

#[derive(Debug)]
struct SharedUpload {
    path: VPath,
    algorithm: Algorithm,
    account: Box<str>,
    /// `None` once its session has ended it.
    open: Mutex<Option<Upload>>,
}

/// The uploads that sessions may join, by their tokens.
#[derive(Debug, Default)]
pub struct SplitUploads(Mutex<HashMap<u64, Weak<SharedUpload>>>);

/// An upload's place among them, which is free again when this is dropped.
#[derive(Debug)]
struct SplitEntry {
    uploads: Arc<SplitUploads>,
    token: u64,
}

impl Drop for SplitEntry {
    fn drop(&mut self) {
        lock(&self.uploads.0).remove(&self.token);
    }
}

impl OpenUpload {
    /// The hold of the session of `account` that has opened the upload.
    pub fn new(upload: Upload, account: &str) -> OpenUpload {
        let (path, algorithm) = (upload.path().clone(), upload.algorithm());
        let open = Mutex::new(Some(upload));
        let shared = SharedUpload { path, algorithm, account: account.into(), open };
        OpenUpload { upload: Arc::new(shared), role: Role::Owner(None), computed: Vec::new() }
    }

    /// From now on the file comes in ranges, in any order, and sessions of the account that know
    /// the token may join in. The same token again, if there is one.
    ///
    /// # Errors
    /// [`Error::WrongState`] for a session that has joined itself; the system's, where it has no
    /// random numbers.
    pub fn split(&mut self, uploads: &Arc<SplitUploads>) -> Result<u64> {
        let Role::Owner(entry) = &mut self.role else { return Err(NOT_YOURS) };
        if let Some(entry) = entry {
            return Ok(entry.token);
        }
        self.upload.with(|upload| {
            upload.comes_in_ranges();
            Ok(())
        })?;
        let mut known = lock(&uploads.0);
        let token = loop {
            let token = random()?;
            if !known.contains_key(&token) {
                break token;
            }
        };
        known.insert(token, Arc::downgrade(&self.upload));
        *entry = Some(SplitEntry { uploads: Arc::clone(uploads), token });
        Ok(token)
    }

    /// Joins in an upload of the same account.
    ///
    /// # Errors
    /// [`Error::WrongState`] if there is none of this token that the account has open;
    /// [`Error::BadArgument`] where its chunks carry another digest.
    pub fn join(
        uploads: &SplitUploads,
        token: u64,
        account: &str,
        algorithm: Algorithm,
    ) -> Result<OpenUpload> {
        let upload = lock(&uploads.0).get(&token).and_then(Weak::upgrade);
        let upload = upload.filter(|upload| *upload.account == *account).ok_or(OVER)?;
        if upload.algorithm != algorithm {
            return Err(Error::BadArgument { what: "digest: the upload's chunks carry another" });
        }
        upload.with(|_| Ok(()))?;
        Ok(OpenUpload { upload, role: Role::Joined, computed: Vec::new() })
    }

    /// Where the file will be.
    pub fn path(&self) -> &VPath {
        &self.upload.path
    }

    /// Shows that the peer is alive: bytes of a frame have come. While somebody else has the upload
    /// it is written, which shows as much.
    pub fn touch(&self) {
        match self.upload.open.try_lock() {
            Ok(open) => open.iter().for_each(Upload::touch),
            Err(TryLockError::Poisoned(open)) => open.get_ref().iter().for_each(Upload::touch),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Refuses what may not be written there, before it is read.
    pub fn check_chunks(&self, offset: u64, count: usize, bytes: usize) -> Result<()> {
        self.upload.with(|upload| upload.check_chunks(offset, count, bytes).map(drop))
    }

    /// Takes consecutive chunks. Those whose digest is wrong are not written and must come again;
    /// [`Error::Mismatch`] names them.
    pub fn write(&mut self, offset: u64, digests: &[Digest], data: &[u8]) -> Result<()> {
        let algorithm = self.upload.algorithm;
        let chunks = CheckedChunks::new(algorithm, (offset, digests, data), &mut self.computed);
        self.upload.with(|upload| upload.write(&chunks))
    }

    /// Does something with the upload that is only for the session that opened it.
    pub fn with<T>(&self, work: impl FnOnce(&mut Upload) -> Result<T>) -> Result<T> {
        match self.role {
            Role::Owner(_) => self.upload.with(work),
            Role::Joined => Err(NOT_YOURS),
        }
    }

    /// Takes the upload from all who write it, to store or drop it; `None` for a session that has
    /// joined, which is out of it then.
    pub fn end(self) -> Option<Upload> {
        match self.role {
            Role::Owner(_) => lock(&self.upload.open).take(),
            Role::Joined => None,
        }
    }

    fn is_own(&self) -> bool {
        matches!(self.role, Role::Owner(_))
    }
}

impl Drop for OpenUpload {
    /// However its session ends, by a panic too, nobody else goes on with the upload.
    fn drop(&mut self) {
        if self.is_own() {
            drop(lock(&self.upload.open).take());
        }
    }
}

impl SharedUpload {
    fn with<T>(&self, work: impl FnOnce(&mut Upload) -> Result<T>) -> Result<T> {
        work(lock(&self.open).as_mut().ok_or(OVER)?)
    }
}

/// A number that nobody can guess: guests of one account do not know each other.
fn random() -> Result<u64> {
    Ok(u64::from_ne_bytes(crate::scram::random_bytes()?))
}
