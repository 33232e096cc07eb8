//! What a session does with the content of files.

use std::time::{Duration, Instant};

use super::refusals::RefusedUpload;
use super::{Alive, Session, User};
use crate::audit::{TransferEntry, Verb};
use crate::buffer::Buffer;
use crate::digest::{Algorithm, Digest, Plain};
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Charged;
use crate::transfer::{
    self, Copying, Download, Group, Ready, Spec, Start, Stored, StreamingUpload, Sums,
};
use crate::vfs::{DigestKind, EntryKind, Mtime, ParentDir, Source, VPath, View};

/// What an upload is to be.
#[derive(Clone, Copy, Debug)]
pub struct UploadOptions<'a> {
    /// Where to, as the user wrote it.
    pub path: &'a str,
    /// The file's time, where the sender tells it.
    pub mtime: Option<Mtime>,
    /// Its permission bits, where the sender tells them.
    pub mode: Option<u16>,
    /// Whether a file that is there may be replaced.
    pub replace: bool,
    /// The folder of a small file that waits for its commit, so that it is not looked for again.
    pub beside: Option<&'a ParentDir>,
}

/// Until when the server computes digests for a session.
#[derive(Debug)]
pub struct DigestBound(Option<(Instant, u64)>);

impl DigestBound {
    /// Refuses to go on when the time is over.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub fn check(&self) -> Result<()> {
        match self.0 {
            Some((until, secs)) if Instant::now() >= until => Err(Error::TooLong { secs }),
            _ => Ok(()),
        }
    }
}

impl Session {
    /// For how long the server computes the digests that are asked for now: where somebody is
    /// logged in without an account, not for hours.
    pub fn digest_bound(&self) -> DigestBound {
        let is_guest = self.user.as_ref().is_some_and(|user| user.name.is_guest());
        let secs = self.shared().config().guests.digest_secs;
        let until = Instant::now().checked_add(Duration::from_secs(secs));
        DigestBound(until.filter(|_| is_guest).map(|until| (until, secs)))
    }

    /// The ordinary digest of a whole file, and its size.
    pub fn hash(&self, path: &str, digest: &str, alive: &mut Alive<'_>) -> Result<(String, u64)> {
        let what = "digest: one of md5, sha256, blake3, crc32";
        let kind = DigestKind::plain(digest).ok_or(Error::BadArgument { what })?;
        let mut plain = Plain::from_name(digest).ok_or(Error::BadArgument { what })?;
        let (user, path) = self.at(path)?;
        let source = user.vfs.source(&path)?;
        if let Some(known) = source.plain_digest(kind) {
            return Ok((known.to_string(), source.size()));
        }
        let can_be_kept = source.has_rested();
        // Anonymous logins are free, so a bound for each of them would bound nothing.
        let _turn =
            if user.name.is_guest() { Some(self.shared().guest_digest_turn()?) } else { None };
        let bound = self.digest_bound();
        let mut buffer = Buffer::new(limits::CONTENT_BLOCK);
        let mut done = 0u64;
        loop {
            let n = source.read_at(&mut buffer, done)?;
            if n == 0 {
                break;
            }
            plain.update(buffer.get(..n).unwrap_or_default());
            done += n as u64;
            bound.check()?;
            alive(done, source.size())?;
        }
        if done != source.size() || !source.unchanged()? {
            return Err(Error::Changed { path: path.as_str().to_string() });
        }
        let digest = plain.finish();
        if can_be_kept {
            source.keep_plain_digest(kind, &digest)?;
        }
        Ok((digest.to_string(), done))
    }

    /// Where a file is to be put: who it is, the path, the root that it is in, and what is charged.
    pub(super) fn place(
        &self,
        path: &str,
        alive: &mut Alive<'_>,
    ) -> Result<(&User, VPath, &View, Charged)> {
        let (user, path) = self.at(path)?;
        let view = user.vfs.to_write(&path)?;
        let charged = self.shared().charged(&user.vfs, view, alive)?;
        Ok((user, path, view, charged))
    }

    /// Where a file is put that comes now: as [`Session::place`] says, and its folder is made where
    /// it is shown and nowhere on the disk.
    pub(super) fn place_to_fill(
        &self,
        path: &str,
        alive: &mut Alive<'_>,
    ) -> Result<(&User, VPath, &View, Charged)> {
        let (user, to) = self.at(path)?;
        self.make_way(user, &to, alive)?;
        self.place(path, alive)
    }

    /// Whether what is at a path may be looked at, and whether a file there may be replaced.
    pub fn may_compare_and_replace(&self, path: &str) -> (bool, bool) {
        let rights = self.at(path).and_then(|(user, path)| Ok(user.vfs.view(&path)?.rights()));
        rights.map_or((false, false), |rights| (rights.read, rights.modify))
    }

    pub(super) fn spec<'a>(
        &'a self,
        (user, path, view, charged): &'a (&User, VPath, &View, Charged),
        wanted: &UploadOptions<'a>,
    ) -> Spec<'a> {
        let shared = self.shared();
        Spec {
            view,
            ledger: &shared.ledger,
            by: &user.by,
            charged,
            claims: &shared.claims,
            session: self.presence.id(),
            subject: &self.subject,
            path,
            from: None,
            mtime: wanted.mtime,
            mode: wanted.mode,
            replace: wanted.replace,
            beside: wanted.beside,
            min_free: shared.config().min_free(),
        }
    }

    /// Whether a file of `size` bytes is at `path`, and nobody is about to put another there.
    pub fn is_settled(&self, path: &str, size: u64) -> bool {
        let Ok((user, path)) = self.at(path) else { return false };
        let Ok(view) = user.vfs.view(&path) else { return false };
        let there = user.vfs.stat(&path);
        there.is_ok_and(|there| there.kind == EntryKind::File && there.size == size)
            && !self.shared().claims.is_taken(&view.key(&path))
    }

    /// Takes a whole small file, ready to be committed. Of a refusal whoever asked says with
    /// [`Session::refused`] that it is the last word.
    pub fn store(
        &self,
        wanted: &UploadOptions<'_>,
        algorithm: Algorithm,
        digests: &[Digest],
        whole: &[u8],
        data: &[u8],
        alive: &mut Alive<'_>,
    ) -> Result<Ready> {
        let place = self.place_to_fill(wanted.path, alive)?;
        transfer::store(&self.spec(&place, wanted), algorithm, digests, whole, data)
    }

    /// Puts a whole file in its place.
    ///
    /// The rights are asked once more: they may have changed since it was begun. Refused, what was
    /// received stays as a part.
    pub fn commit(&mut self, mut ready: Ready, alive: &mut Alive<'_>) -> Result<Stored> {
        let user = self.user();
        let path = ready.path().clone();
        ready.ask_again(user.and_then(|user| user.vfs.to_write(&path)))?;
        let stored = transfer::commit(ready, self.shared().config().storage.durability, alive)?;
        self.refusals.forget(&path);
        if !stored.is_digested {
            let user = self.user()?;
            self.shared().digest_later(&user.name, stored.dropped_at.as_ref().unwrap_or(&path));
        }
        self.note_dropped(&path, stored.dropped_at.as_ref().unwrap_or(&path));
        Ok(stored)
    }

    /// Refuses an upload whose mount or home is none any more, so that what came of it can be
    /// kept.
    pub fn check_mounted(&self, streaming: &StreamingUpload) -> Result<()> {
        streaming.check_for(self.user()?.vfs.view(streaming.path()).ok())
    }

    /// Begins a group of small files that will be committed together, before the first is stored.
    pub fn group(&self) -> Result<Group> {
        Group::begin(&self.shared().home, self.shared().config().storage.durability)
    }

    /// Opens a range of a file for sending.
    pub fn download(
        &self,
        path: &str,
        algorithm: Algorithm,
        range: (u64, u64),
        version: u64,
    ) -> Result<Download> {
        let (user, path) = self.at(path)?;
        self.presence.about(path.as_str());
        Download::open(user.vfs.source(&path)?, &path, algorithm, range, version)
    }

    /// Does it, and writes its line in the log.
    pub fn get(
        &self,
        path: &str,
        algorithm: Algorithm,
        range: (u64, u64),
        version: u64,
    ) -> Result<(Download, TransferEntry)> {
        let opened = self.download(path, algorithm, range, version).and_then(|download| {
            let mut note = TransferEntry::begin(&self.subject, Verb::Get, &self.at(path)?.1);
            let size_bytes = download.source().size();
            let end = size_bytes - download.left();
            note.is_of(end, Some(size_bytes));
            Ok((download, note))
        });
        opened.inspect_err(|e| self.refused(Verb::Get, path, e))
    }

    /// Opens a file for sending it as it is, from `offset` on, with the line that it leaves.
    pub fn send(&self, path: &str, offset: u64) -> Result<(Source, TransferEntry)> {
        let opened = self.source(path).and_then(|source| {
            if offset > source.size() {
                return Err(Error::BadOffset { got: offset, want: source.size() });
            }
            let mut note = TransferEntry::begin(&self.subject, Verb::Get, &self.at(path)?.1);
            note.is_of(offset, Some(source.size()));
            Ok((source, note))
        });
        opened.inspect_err(|e| self.refused(Verb::Get, path, e))
    }

    /// Copies a file on the server. The copy is stored as an upload is, with the permission bits of
    /// the file and a time of its own.
    pub fn copy(
        &mut self,
        from: &str,
        to: &str,
        replace: bool,
        alive: &mut Alive<'_>,
    ) -> Result<Stored> {
        let begun = self.begin_copy(from, to, replace, alive);
        let begun = begun.inspect_err(|e| self.copy_refused(from, to, e))?;
        self.commit(begun.fill(alive)?, alive)
    }

    fn begin_copy(
        &self,
        from: &str,
        to: &str,
        replace: bool,
        alive: &mut Alive<'_>,
    ) -> Result<Copying> {
        let source = self.source(from)?;
        let origin = self.at(from)?.1;
        if origin == self.at(to)?.1 {
            return Err(Error::BadArgument { what: "to: a file cannot be copied onto itself" });
        }
        let mode = u16::try_from(self.stat(from)?.0.mode & 0o777).ok();
        let wanted = UploadOptions { path: to, mtime: None, mode, replace, beside: None };
        let place = self.place_to_fill(to, alive)?;
        let spec = Spec { from: Some(&origin), ..self.spec(&place, &wanted) };
        Copying::begin(&spec, source)
    }

    /// Whether the file at `path` has `size` bytes and the digest `whole` over its chunk digests.
    pub fn is_equal(
        &self,
        path: &str,
        algorithm: Algorithm,
        (size, whole): (u64, &[u8]),
        buffer: &mut [u8],
        alive: &mut Alive<'_>,
    ) -> Result<bool> {
        let mut sums: Sums = match self.download(path, algorithm, (0, u64::MAX), 0) {
            Ok(sums) if sums.source().size() == size => sums,
            Ok(_) | Err(Error::NotFound { .. }) => return Ok(false),
            Err(e) => return Err(e),
        };
        if let Some(is_equal) = sums.is_known_as(whole) {
            return Ok(is_equal);
        }
        let bound = self.digest_bound();
        let mut digests = Vec::with_capacity(limits::CHUNKS_IN_FRAME);
        while sums.left() > 0 {
            sums.next(buffer, &mut digests)?;
            bound.check()?;
            alive(size - sums.left(), size)?;
        }
        Ok(sums.finish()?.1.as_bytes() == whole)
    }

    /// Opens a file for reading as it is.
    pub fn source(&self, path: &str) -> Result<Source> {
        let (user, path) = self.at(path)?;
        self.presence.about(path.as_str());
        user.vfs.source(&path)
    }

    /// Opens an upload whose size is known only at its end. `declared` bytes are asked for before
    /// anything is made. What was refused already is refused again while there is no more room,
    /// unless its size is known. Of a refusal whoever asked says with [`Session::refused`] that it
    /// is the last word.
    pub fn streaming(
        &self,
        wanted: &UploadOptions<'_>,
        start: Start,
        declared: Option<u64>,
        alive: &mut Alive<'_>,
    ) -> Result<StreamingUpload> {
        let place = self.place_to_fill(wanted.path, alive)?;
        self.presence.about(place.1.as_str());
        if (start, declared) == (Start::Fresh, None) {
            self.refusals.check(&place.1, self.shared().ledger.usage_of(&place.3))?;
        }
        StreamingUpload::begin(&self.spec(&place, wanted), start, declared)
    }

    /// Bytes of an unfinished upload to `path`, where no file is: what a client that asks for the
    /// size of the file can go on behind.
    pub fn resumable(&self, path: &str) -> Result<Option<u64>> {
        let (user, path) = self.at(path)?;
        user.vfs.view(&path)?.part_sound(&path)
    }

    /// Ends an upload of unknown size for which there is no room, so that nothing of it is left,
    /// and remembers that.
    pub fn no_room(&mut self, streaming: StreamingUpload, e: &Error) {
        let (path, goes_on) = (streaming.path().clone(), streaming.kept() > 0);
        let need = match streaming.give_up(e) {
            Ok(need) => need,
            Err(e) => {
                log::warn!("what was received of `{path}` stays: {e}");
                return;
            }
        };
        let (false, Error::OverQuota { of_mount, .. }) = (goes_on, e) else { return };
        // It was counted before the upload began, so there is nothing to wait for.
        let usage = self.place(path.as_str(), &mut |_, _| Err(Error::Interrupted)).ok();
        let usage = usage.and_then(|(.., charged)| self.shared().ledger.usage_of(&charged));
        if let Some(usage) = usage {
            let left = usage.left().bytes;
            let refused = RefusedUpload { path, need, left, of_mount: *of_mount };
            self.refusals.note(refused);
        }
    }
}
