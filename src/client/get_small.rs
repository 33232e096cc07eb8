//! The small files of a folder that is being fetched: requests into the window, content out of it.
//!
//! Invariant: a request is in the pipe until all of its answer was read, so that nothing is
//! forgotten when the line breaks.

use super::Client;
use super::compare::digest;
use super::conn::Heard;
use super::error::{Error, Result, shown};
use super::fetch::heed_piece;
use super::get_tree::{Item, SMALL, TreeJob, leave_or_replace};
use super::local::{Mtime, Source};
use super::part::{self, Finish};
use super::progress::{Bar, Outcome, Progress};
use super::tree::is_fatal;
use crate::digest::{Algorithm, Whole};
use crate::limits::{CHUNK_TRIES, CHUNKS_IN_FRAME, FRAME_DATA};
use crate::wire::{self, Code, Get, Got, Message, Piece, Summed, SumsOf};

const STRANGE: Error = Error::Protocol { what: "content that was not asked for" };

/// What came for one small file.
enum Came {
    /// Its content, checked, is in the buffer.
    Content(Mtime),
    /// Its digests are in the list.
    Digests,
    /// It is larger by now than it was in the listing.
    Larger,
    /// It is to be asked for again, and why.
    Again(&'static str),
    Refused(Error),
}

impl Client {
    /// Asks for a small file as soon as the window allows; a large one has the line for itself.
    pub(super) fn ask_item(
        &mut self,
        job: &mut TreeJob<'_>,
        item: Item,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if item.size > SMALL {
            return self.get_large(job, item, progress);
        }
        let content = if item.probe { 0 } else { item.size as usize };
        if let Err(e) = self.get_room(job, content, progress) {
            job.todo.push_front(item);
            return Err(e);
        }
        let conn = self.now()?;
        let queued = if item.probe {
            let sums = SumsOf::new(&item.remote, 0, CHUNKS_IN_FRAME as u32, 0);
            conn.queue("SUMS", &sums, &[])
        } else {
            conn.queue("GET", &Get::new(&item.remote, 0, SMALL, 0), &[])
        };
        job.pipe.push(item, *queued.as_ref().unwrap_or(&0), content);
        queued.map(drop)
    }

    fn get_large(
        &mut self,
        job: &mut TreeJob<'_>,
        item: Item,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if let Err(e) = self.get_drain(job, progress) {
            job.todo.push_front(item);
            return Err(e);
        }
        let mut bar = Bar::new(progress, Client::shown(super::names::last(&item.remote)));
        let result = if item.new && std::fs::symlink_metadata(&item.local).is_ok() {
            Err(Error::LocalAppeared { path: shown(&item.local) })
        } else {
            self.get_file(&item.remote, &item.local, job.policy, &mut bar)
        };
        bar.end(&result);
        match result {
            Err(e) if is_fatal(&e) => Err(e),
            result => {
                job.report.count(progress, shown(&item.local), result);
                // What it left unread, if it failed, must not meet the next file.
                self.line().map(drop)
            }
        }
    }

    fn get_room(
        &mut self,
        job: &mut TreeJob<'_>,
        content: usize,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        while !job.pipe.has_room(content) {
            self.get_answer(job, progress)?;
            while !job.pipe.is_empty() && self.now()?.has_frame() {
                self.get_answer(job, progress)?;
            }
        }
        Ok(())
    }

    pub(super) fn get_drain(
        &mut self,
        job: &mut TreeJob<'_>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        while !job.pipe.is_empty() {
            self.get_answer(job, progress)?;
        }
        Ok(())
    }

    /// Reads all of the oldest request's answer.
    pub(super) fn get_answer(
        &mut self,
        job: &mut TreeJob<'_>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let came = self.gather(job)?;
        let mut item = job.pipe.pop().ok_or(STRANGE)?;
        let size = job.content.len() as u64;
        let name = || shown(&item.local);
        let result = match came {
            Came::Content(mtime) => {
                self.moved += size;
                let finish = Finish { mtime, mode: item.mode, replace: item.replace };
                part::store(&item.local, &job.content, finish)
                    .map(|()| Outcome::Stored { sent_bytes: size, size })
            }
            Came::Digests => match compare_here(self.algorithm, job, &item) {
                Ok(true) => Ok(Outcome::Equal { size: item.size }),
                Ok(false) => match leave_or_replace(job.policy, &mut item, progress) {
                    Some(result) => result,
                    None => {
                        job.todo.push_back(item);
                        return Ok(());
                    }
                },
                Err(e) => Err(e),
            },
            Came::Larger => {
                (item.size, item.probe) = (u64::MAX, false);
                job.todo.push_back(item);
                return Ok(());
            }
            Came::Again(why) => {
                item.tries += 1;
                if item.tries <= CHUNK_TRIES {
                    progress.note(&format!("{}: {why}; fetched again", name()));
                    job.todo.push_back(item);
                    return Ok(());
                }
                Err(Error::Damaged { path: name() })
            }
            Came::Refused(e) => Err(e),
        };
        let fatal = match result {
            Err(Error::LocalFull { path }) => return Err(Error::LocalFull { path }),
            result => result,
        };
        job.report.file(progress, shown(&item.local), size, fatal);
        Ok(())
    }

    /// Reads the parts and the answer of the oldest request, whatever it says, to its end.
    fn gather(&mut self, job: &mut TreeJob<'_>) -> Result<Came> {
        job.content.clear();
        job.theirs.clear();
        let algorithm = self.algorithm;
        let mut whole = Whole::new(algorithm);
        let mut damaged = false;
        let conn = self.now()?;
        loop {
            match conn.hear()? {
                Heard::More(0) => {
                    let piece = Piece::decode(conn.part())?;
                    wire::digests(algorithm, piece.digests, &mut job.piece)?;
                    if job.theirs.len() + job.piece.len() > CHUNKS_IN_FRAME {
                        return Err(STRANGE);
                    }
                    job.theirs.extend_from_slice(&job.piece);
                }
                Heard::More(len) => {
                    let offset = heed_piece(conn, algorithm, len, &mut job.piece)?;
                    let start = job.content.len();
                    if offset != start as u64 || start + len > FRAME_DATA {
                        return Err(STRANGE);
                    }
                    job.content.resize(start + len, 0);
                    let into = job.content.get_mut(start..).unwrap_or_default();
                    conn.data(into)?;
                    digest(algorithm, into, &mut job.ours, None);
                    damaged |= job.ours != job.piece;
                    job.piece.iter().for_each(|digest| whole.push(digest));
                }
                Heard::Answer(code) => {
                    return Ok(match Code::of(code) {
                        Some(Code::Sent) => {
                            let got: Got<'_> = conn.reply()?;
                            let mtime = Mtime { secs: got.mtime_secs, nanos: got.mtime_nanos };
                            if got.size > SMALL {
                                Came::Larger
                            } else if damaged || got.digest != whole.finish().as_bytes() {
                                Came::Again("damaged on the way")
                            } else if got.size != job.content.len() as u64 {
                                Came::Again("changed meanwhile")
                            } else {
                                Came::Content(mtime)
                            }
                        }
                        Some(Code::Sums) => {
                            conn.reply::<Summed<'_>>()?;
                            Came::Digests
                        }
                        Some(Code::Changed) => Came::Again("changed meanwhile"),
                        _ => Came::Refused(conn.refusal()),
                    });
                }
                Heard::Alive(..) => {}
            }
        }
    }
}

/// Whether the file here has the digests that came.
fn compare_here(algorithm: Algorithm, job: &mut TreeJob<'_>, item: &Item) -> Result<bool> {
    let mut source = Source::open_plain(&item.local)?;
    if source.size != item.size {
        return Ok(false);
    }
    job.content.resize(source.size as usize, 0);
    if source.read(0, &mut job.content).is_err() {
        return Ok(false);
    }
    digest(algorithm, &job.content, &mut job.ours, None);
    Ok(job.ours == job.theirs && source.is_unchanged())
}
