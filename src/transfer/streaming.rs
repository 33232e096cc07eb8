//! A file that is being received in one stream of bytes whose size is known only at its end, as FTP
//! sends it. It ends in the same commit as every other upload.
//!
//! A short file is kept in memory until its end and stored in one go; a longer one, or one that
//! breaks off, lies in a part, which the next attempt goes on with.
//!
//! Never: writes into a file that is in its place. What continues one begins with a copy of it, so
//! every reader sees the old file or the new one, at the price of room for both meanwhile.

use std::io;

use super::credit::credit;
use super::incoming::Incoming;
use super::known_content::KnownContent;
use super::{Alive, ClaimGuard, Ready, Spec};
use crate::buffer::{Buffer, Gathered};
use crate::digest;
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Amount;
use crate::vfs::{Keep, NewFile, Source, VPath, View};

/// Where the bytes that come belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the beginning of a new file.
    Fresh,
    /// Behind the first so many bytes of what is there.
    At(u64),
    /// Behind all of what is there.
    End,
}

/// A file received as one stream of unknown size. Dropped before [`StreamingUpload::finish`] it
/// leaves what it had written as a part.
#[derive(Debug)]
pub struct StreamingUpload {
    body: Body,
    incoming: Incoming,
    /// Whether a file is there that will be replaced.
    replacing: bool,
    /// Bytes that were there at the beginning.
    kept: u64,
}

/// The bytes, apart from the right to write them.
#[derive(Debug)]
struct Body {
    /// The part, once there is one.
    new_file: Option<NewFile>,
    /// Bytes that the file is to have, where that was said, now or when its part was begun.
    whole: Option<u64>,
    /// What has come while there is no part; it is covered, and not on the disk yet.
    waiting: Gathered,
    /// Bytes of the file so far.
    end: u64,
    /// Whether its part was there before it.
    goes_on: bool,
    /// What is to be taken over before the first byte is written. It waits until then, so that a
    /// stream that never begins changes nothing.
    behind: Behind,
}

/// What the bytes that come are put behind.
#[derive(Debug, Default)]
enum Behind {
    #[default]
    Nothing,
    /// The part that is there.
    Part,
    /// A copy of the file that is there.
    File(Source),
}

impl StreamingUpload {
    /// Begins: claims the path, and asks for the room that is `declared`, before anything is made.
    /// Of who goes on this may be the whole (so does lftp) or the rest; what can be the whole is.
    pub fn begin(spec: &Spec<'_>, start: Start, declared: Option<u64>) -> Result<StreamingUpload> {
        // A name that the server chose is no reason to push anybody aside.
        let (claim, target) = spec.begin(spec.replace)?;
        let replacing = target.replacing;
        let mut held_claim = claim.hold()?;
        let part = spec.view.part_held(spec.path)?;
        let old = if replacing { Some(spec.view.source(spec.path)?) } else { None };
        if let (false, Some(directory)) = (target.has_found_directory(), spec.path.parent()) {
            // A short file meets its folder only at its end, which is late for a refusal.
            spec.view.check_directory(&directory)?;
        }
        drop(target);
        // Nothing is compared here, so only what is known to be of one file is gone on with.
        let sound = if part.is_some() { spec.view.part_sound(spec.path)? } else { None };
        let sound = sound.unwrap_or(0);
        let there = old.as_ref().map_or(sound, Source::size);
        let kept = match start {
            Start::Fresh => 0,
            Start::End => there,
            Start::At(offset) if offset <= there => offset,
            Start::At(got) => return Err(Error::BadOffset { got, want: there }),
        };
        let goes_on = !replacing && kept > 0;
        if let (false, Some(_)) = (goes_on, part) {
            // An upload that begins again has given it up, and may need its space.
            let freed = spec.view.drop_part(spec.path)?;
            credit(spec.ledger, spec.charged, freed);
        }
        let there = part.filter(|_| goes_on).map(Amount::file).unwrap_or_default();
        let declared =
            declared.map(|bytes| if bytes < kept { kept.saturating_add(bytes) } else { bytes });
        let whole = declared.unwrap_or(kept);
        let disk = spec.disk();
        held_claim.charge().adopt(there);
        held_claim.charge().cover(Amount::file(whole), replacing)?;
        drop(held_claim);
        disk.check(Amount::file(whole).minus(there))?;
        let known = if goes_on { spec.view.part_declared(spec.path)? } else { None };
        let behind = match old {
            _ if kept == 0 => Behind::Nothing,
            Some(old) => Behind::File(old),
            None => Behind::Part,
        };
        let body = Body {
            new_file: None,
            waiting: Gathered::default(),
            whole: declared.or(known),
            end: kept,
            goes_on,
            behind,
        };
        let mut incoming = Incoming::new(spec, claim, replacing);
        incoming.note.holds(there.bytes);
        incoming.note.is_of(kept, body.whole);
        Ok(StreamingUpload { body, incoming, replacing, kept })
    }

    /// Shows that the transfer is alive, though nothing is to be written yet.
    pub fn touch(&self) {
        self.incoming.claim.touch();
    }

    /// Where the file will be.
    pub fn path(&self) -> &VPath {
        &self.incoming.path
    }

    /// Whether a file that is there will be replaced.
    pub fn is_replacing(&self) -> bool {
        self.replacing
    }

    /// Whether what came stays for another session, if it breaks off.
    pub fn keeps_part(&self) -> bool {
        self.incoming.disk.view().keeps_parts()
    }

    /// Bytes that were there before this began.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// The bytes are those of a text, whose line ends were another.
    pub fn as_text(&mut self) {
        self.incoming.note.as_text();
    }

    /// Bytes of the file so far.
    pub fn end(&self) -> u64 {
        self.body.end
    }

    /// Whether fewer bytes are here than the file is to have, as far as that was ever said.
    pub fn is_short(&self) -> bool {
        self.body.whole.is_some_and(|whole| self.body.end < whole)
    }

    /// Whether exactly as many bytes are here as the file is to have, which was said.
    pub fn is_whole(&self) -> bool {
        self.body.whole == Some(self.body.end)
    }

    #[cfg(test)]
    pub(super) fn take_the_room(&mut self) {
        self.incoming.disk.fill();
    }

    #[cfg(test)]
    pub(super) fn fall_silent(&self) {
        self.incoming.claim.fall_silent();
    }

    /// Takes the next bytes. After a refusal what was written before stays as a part. `alive` is
    /// called while the file that is there is copied, which comes before the first byte.
    pub fn write(&mut self, bytes: &[u8], alive: &mut Alive<'_>) -> Result<()> {
        let written = self.take(bytes, alive);
        let held = self.body.new_file.as_ref().map_or(0, NewFile::held);
        self.incoming.note_taken(bytes.len(), &written, (Some(self.body.end), held));
        written
    }

    fn take(&mut self, bytes: &[u8], alive: &mut Alive<'_>) -> Result<()> {
        let body = &mut self.body;
        if !bytes.is_empty() {
            body.take_over(&self.incoming, alive)?;
        }
        let held = &mut self.incoming.claim.hold()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if body.new_file.is_none() && body.waiting.len() + bytes.len() <= limits::STREAMING_SMALL {
            return body.wait(&self.incoming, held, bytes, self.replacing);
        }
        body.spill(&self.incoming, held)?;
        body.append(&self.incoming, held, bytes)
    }

    /// The stream broke off: what has come stays as a part, for the next attempt. Tells the bytes
    /// of the part; where nothing came it is the one that was there before.
    pub fn keep(mut self) -> Result<u64> {
        let held = &mut self.incoming.claim.hold()?;
        if self.body.end > self.kept {
            self.body.spill(&self.incoming, held)?;
        }
        let held = held.charge().held().bytes;
        self.incoming.note.holds(held);
        Ok(held)
    }

    /// There is no room for it, as `e` says: what it has written is given back. What it went on
    /// behind stays. Tells how many bytes it had at least.
    pub fn give_up(mut self, e: &Error) -> Result<u64> {
        let held = &mut self.incoming.claim.hold()?;
        let need = match e {
            Error::OverQuota { need, .. } => held.charge().held().bytes.saturating_add(*need),
            _ => self.body.end,
        };
        self.incoming.note.holds(0);
        let Some(mut new_file) = self.body.new_file.take() else { return Ok(need) };
        if self.body.goes_on {
            new_file.truncate(self.kept)?;
            held.charge().settle(Amount::file(new_file.held()));
            self.incoming.note.holds(new_file.held());
            return Ok(need);
        }
        self.incoming.discard(held, new_file)?;
        Ok(need)
    }

    /// Refuses another directory than the one that it is for, or none.
    pub fn check_for(&self, view: Option<&View>) -> Result<()> {
        let own = self.incoming.disk.view();
        let is_it = view.is_some_and(|view| view.directory() == own.directory());
        if is_it { Ok(()) } else { Err(own.displaced()) }
    }

    /// Why it breaks off.
    pub fn because(&mut self, why: &str) {
        self.incoming.note.because(why);
    }

    /// The stream is at its end: the file is ready to be committed. `alive` is called as by
    /// [`StreamingUpload::write`].
    pub fn finish(self, alive: &mut Alive<'_>) -> Result<Ready> {
        let StreamingUpload { mut body, mut incoming, .. } = self;
        let whole = body.take_over(&incoming, alive).and_then(|()| {
            incoming.claim.hold()?.needs_no_peer();
            match body.new_file {
                Some(new_file) => Ok((new_file, false)),
                None => {
                    let mut new_file = incoming.disk.view().new_small_file(&incoming.path, None)?;
                    new_file.write_at(0, &body.waiting)?;
                    Ok((new_file, true))
                }
            }
        });
        let (new_file, small) = whole.inspect_err(|e| incoming.note.refused(e))?;
        let ready = incoming.ready(new_file, body.end, small);
        // A longer one is read again later: digested on the way it would come a quarter slower.
        Ok(if small { ready.digested(&body.waiting, digest::fastest()) } else { ready })
    }
}

impl Body {
    /// Takes over what the new bytes are put behind.
    fn take_over(&mut self, upload: &Incoming, alive: &mut Alive<'_>) -> Result<()> {
        match std::mem::take(&mut self.behind) {
            Behind::Nothing => Ok(()),
            Behind::Part => self.go_on(upload, &mut upload.claim.hold()?),
            Behind::File(old) => {
                let kept = self.end;
                let copied = self.copy(&old, upload, alive);
                if copied.is_err() {
                    self.end = kept;
                    self.drop_copy(upload);
                }
                copied
            }
        }
    }

    /// Part of a copy is of no use to anybody, and takes room.
    fn drop_copy(&mut self, upload: &Incoming) {
        let Some(new_file) = self.new_file.take() else { return };
        let dropped = upload.claim.hold().and_then(|mut held| upload.discard(&mut held, new_file));
        if let Err(e) = dropped {
            log::warn!("part of a copy of {} stays: {e}", upload.path);
        }
    }

    fn part(&self, upload: &Incoming, keep: Keep) -> Result<NewFile> {
        upload.disk.view().new_file(&upload.path, keep, self.whole, upload.mtime)
    }

    /// Takes the part that is there, as far as it is kept.
    fn go_on(&mut self, upload: &Incoming, claim: &mut ClaimGuard<'_>) -> Result<()> {
        let mut new_file = self.part(upload, Keep::Held)?;
        new_file.forget_digests();
        if new_file.held() > self.end {
            new_file.truncate(self.end)?;
        }
        claim.charge().settle(Amount::file(new_file.held()));
        new_file.vouch(None)?;
        if new_file.held() != self.end {
            return Err(Error::BadOffset { got: self.end, want: new_file.held() });
        }
        self.new_file = Some(new_file);
        Ok(())
    }

    /// Begins the part with what is kept of the file that is there.
    fn copy(&mut self, old: &Source, upload: &Incoming, alive: &mut Alive<'_>) -> Result<()> {
        let kept = std::mem::take(&mut self.end);
        self.spill(upload, &mut upload.claim.hold()?)?;
        let mut block = Buffer::new(limits::CONTENT_BLOCK);
        let mut known = KnownContent::of(old);
        while self.end < kept {
            let want = block.len().min(usize::try_from(kept - self.end).unwrap_or(usize::MAX));
            let piece = block.get_mut(..want).unwrap_or_default();
            if old.read_at(piece, self.end)? != want {
                return Err(Error::Changed { path: upload.path.as_str().to_string() });
            }
            if !known.is_so(self.end, piece) {
                // What is damaged on the disk does not become good by being copied.
                let damaged = io::ErrorKind::InvalidData.into();
                return Err(Error::io("copying a file that is damaged", damaged));
            }
            self.append(upload, &mut upload.claim.hold()?, piece)?;
            alive(self.end, kept)?;
        }
        Ok(())
    }

    /// Keeps bytes in memory, and room for them.
    fn wait(
        &mut self,
        upload: &Incoming,
        claim: &mut ClaimGuard<'_>,
        bytes: &[u8],
        replacing: bool,
    ) -> Result<()> {
        let end = self.end.saturating_add(bytes.len() as u64);
        upload.disk.check(Amount::file(end))?;
        claim.charge().cover(Amount::file(end), replacing)?;
        self.waiting.extend_from_slice(bytes);
        self.end = end;
        Ok(())
    }

    /// Moves what waits in memory into a part, if there is none yet.
    fn spill(&mut self, upload: &Incoming, claim: &mut ClaimGuard<'_>) -> Result<()> {
        if self.new_file.is_some() {
            return Ok(());
        }
        let mut new_file = self.part(upload, Keep::Fresh)?;
        upload.credit(claim, new_file.take_cleared());
        claim.charge().settle(Amount::file(new_file.held()));
        let new_file = self.new_file.insert(new_file);
        let waiting = std::mem::take(&mut self.waiting);
        let growth = Amount { bytes: waiting.len() as u64, entries: 0 };
        self.end = 0;
        upload
            .disk
            .write_covered(claim, new_file, growth, |new_file| new_file.write_at(0, &waiting))?;
        self.end = waiting.len() as u64;
        Ok(())
    }

    /// Charges bytes and writes them behind the others.
    fn append(
        &mut self,
        upload: &Incoming,
        claim: &mut ClaimGuard<'_>,
        bytes: &[u8],
    ) -> Result<()> {
        let nothing = Error::WrongState { what: "nothing is open to write to" };
        let new_file = self.new_file.as_mut().ok_or(nothing)?;
        let (at, end) = (self.end, self.end.saturating_add(bytes.len() as u64));
        upload.disk.write(claim, new_file, end, |new_file| new_file.write_at(at, bytes))?;
        self.end = end;
        Ok(())
    }
}
