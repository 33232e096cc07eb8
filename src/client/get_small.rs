//! Fetching a folder: the requests, and what came of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Client;
use super::compare::{Content, digest};
use super::conn::{Connection, Received};
use super::error::{Error, Result, no_file, shown};
use super::fetch::{STRANGE, heed_piece};
use super::get::GetFile;
use super::get_tree::Fetching;
use super::local::{LocalFile, LocalMtime};
use super::part;
use super::progress::{Policy, Progress, Question, TransferOutcome};
use super::tree::{DirContents, Direction, PendingDir, Tree};
use crate::digest::{Algorithm, Digest, WholeDigest};
use crate::limits::{CHUNK_TRIES, CHUNKS_IN_FRAME, FRAME_DATA, TREE_WAITING};
use crate::wire::{self, Code, Get, Got, Message, Piece, Summed, SumsOf};

/// Bytes of a file that is fetched among others: one frame.
pub(super) const SMALL: u64 = FRAME_DATA as u64;

/// A file of the folder.
#[derive(Clone)]
pub(super) struct FetchedFile {
    pub(super) remote: String,
    pub(super) local: PathBuf,
    pub(super) size: u64,
    mode: Option<u16>,
    /// Nothing of its name was here when its folder was begun.
    new: bool,
    /// What of its name is here was looked at.
    settled: bool,
    /// Compare digests only: a file of this size is here.
    probe: bool,
    replace: bool,
    pub(super) tries: u32,
}

impl FetchedFile {
    /// A file about which it is settled that it is fetched, over the one that is here if `replace`.
    pub(super) fn settled(
        remote: String,
        local: PathBuf,
        size: u64,
        mode: Option<u16>,
        replace: bool,
    ) -> FetchedFile {
        let file = FetchedFile::new(remote, local, size, mode, !replace);
        FetchedFile { settled: true, replace, ..file }
    }

    pub(super) fn new(
        remote: String,
        local: PathBuf,
        size: u64,
        mode: Option<u16>,
        new: bool,
    ) -> FetchedFile {
        let (settled, probe, replace) = (false, false, false);
        FetchedFile { remote, local, size, mode, new, settled, probe, replace, tries: 0 }
    }
}

/// What came of one request.
#[derive(Default)]
pub(super) struct Fetched {
    content: Vec<u8>,
    digests: Vec<Digest>,
}

/// What came for one small file.
pub(super) enum FetchOutcome {
    /// Its content, checked.
    Content(LocalMtime),
    /// Its digests.
    Digests,
    /// It is larger by now than it was in the listing.
    Larger,
    /// It is to be asked for again, and why.
    Again(&'static str),
    Refused(Error),
}

impl Direction for Fetching {
    type Request = FetchedFile;
    const DOING: &'static str = "fetched";

    const WAITING: usize = TREE_WAITING;

    fn asks(_: &PendingDir) -> bool {
        true
    }

    fn open(tree: &mut Tree<'_, Self>, client: &mut Client, directory: &PendingDir) -> Result<()> {
        tree.direction.begin(client, directory, tree.policy)
    }

    fn next(&mut self, policy: &Policy) -> Option<DirContents<FetchedFile>> {
        self.found(policy)
    }

    fn content(item: &FetchedFile) -> usize {
        match item {
            item if item.probe => 0,
            item if item.size > SMALL => usize::MAX,
            item => item.size as usize,
        }
    }

    fn send(
        tree: &mut Tree<'_, Self>,
        client: &mut Client,
        mut item: FetchedFile,
        to: &mut dyn Progress,
    ) -> Result<()> {
        if item.size <= SMALL && !item.new && !item.settled {
            if let Some(left) = tree.look_here(&mut item, to).transpose() {
                to.about(Some(&item.local), &item.remote);
                tree.report.file(to, shown(&item.local), item.size, left);
                return Ok(());
            }
            item.settled = true;
        }
        if item.size > SMALL {
            let file = if item.new && fs::symlink_metadata(&item.local).is_ok() {
                Err(Error::LocalAppeared { path: shown(&item.local) })
            } else {
                Ok(GetFile::new(&item.remote, &item.local, tree.policy)
                    .shared(tree.crew.map(|crew| &crew.board)))
            };
            return tree.large(client, (&item.local, &item.remote), file, to);
        }
        let conn = client.now()?;
        let queued = if item.probe {
            let sums = SumsOf::new(&item.remote, 0, CHUNKS_IN_FRAME as u32, 0);
            conn.queue("SUMS", &sums, &[])
        } else {
            conn.queue("GET", &Get::new(&item.remote, 0, SMALL, 0), &[])
        };
        let content = Fetching::content(&item);
        tree.pipe.push(item, *queued.as_ref().unwrap_or(&0), content);
        queued.map(drop)
    }

    fn answer(tree: &mut Tree<'_, Self>, client: &mut Client, to: &mut dyn Progress) -> Result<()> {
        let algorithm = client.algorithm;
        let came = gather(client.now()?, algorithm, &mut tree.direction.fetched)?;
        let mut item = tree.pipe.pop().ok_or(STRANGE)?;
        let Fetching { fetched, last_dir, .. } = &mut tree.direction;
        let size = fetched.content.len() as u64;
        let path = shown(&item.local);
        let result = match came {
            FetchOutcome::Content(mtime) => {
                client.moved += size;
                let finish = tree.policy.finish(mtime, item.mode, item.replace);
                part::store(last_dir, &item.local, &fetched.content, finish)
                    .map(|()| TransferOutcome::Stored { sent_bytes: size, size })
            }
            FetchOutcome::Digests => match equal_file(algorithm, fetched, (&item.local, item.size))
            {
                Ok(Some(_)) => Ok(TransferOutcome::Equal { size: item.size }),
                Ok(None) => match tree.settle(&item, to).transpose() {
                    Some(left) => left,
                    None => {
                        (item.probe, item.replace) = (false, true);
                        tree.todo.push_back(item);
                        return Ok(());
                    }
                },
                Err(e) => Err(e),
            },
            FetchOutcome::Larger => {
                (item.size, item.probe) = (u64::MAX, false);
                tree.todo.push_back(item);
                return Ok(());
            }
            FetchOutcome::Again(why) if item.tries < CHUNK_TRIES => {
                item.tries += 1;
                to.note(&format!("{path}: {why}; fetched again"));
                tree.todo.push_back(item);
                return Ok(());
            }
            FetchOutcome::Again(_) => Err(Error::Damaged { path: path.clone() }),
            FetchOutcome::Refused(e) => Err(e),
        };
        if let Err(Error::LocalFull { .. }) = result {
            return result.map(drop);
        }
        to.about(Some(&item.local), &item.remote);
        tree.report.file(to, path, size, result);
        Ok(())
    }
}

impl Tree<'_, Fetching> {
    /// A file of the name may be here: whether it is compared, replaced or left.
    fn look_here(
        &self,
        item: &mut FetchedFile,
        to: &mut dyn Progress,
    ) -> Result<Option<TransferOutcome>> {
        let Ok(here) = fs::symlink_metadata(&item.local) else { return Ok(None) };
        if !here.is_file() {
            return Err(no_file(&item.local, &here));
        }
        if here.len() == item.size {
            item.probe = true;
            return Ok(None);
        }
        let left = self.settle(item, to)?;
        item.replace = left.is_none();
        Ok(left)
    }

    /// What the policy says about a file here that differs; `None`: it is fetched and replaced.
    fn settle(&self, item: &FetchedFile, to: &mut dyn Progress) -> Result<Option<TransferOutcome>> {
        let there = fs::symlink_metadata(&item.local).map_or(0, |meta| meta.len());
        let name = shown(&item.local);
        let refusal = Error::LocalExists { path: name.clone(), size: there };
        let question = Question::Replace { name, there, new: item.size };
        self.policy.settle(to, &question, true, refusal)
    }
}

/// Reads the parts and the answer of the oldest request, whatever it says, to its end.
pub(super) fn gather(
    conn: &mut Connection,
    algorithm: Algorithm,
    fetched: &mut Fetched,
) -> Result<FetchOutcome> {
    let Fetched { content, digests } = fetched;
    content.clear();
    digests.clear();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    let mut damaged = false;
    loop {
        match conn.receive()? {
            Received::More(0) => {
                let piece = Piece::decode(conn.part())?;
                wire::digests(algorithm, piece.digests, &mut theirs)?;
            }
            Received::More(len) => {
                let offset = heed_piece(conn, algorithm, len, &mut theirs)?;
                let start = content.len();
                if offset != start as u64 || start + len > FRAME_DATA {
                    return Err(STRANGE);
                }
                content.resize(start + len, 0);
                let into = content.get_mut(start..).unwrap_or_default();
                conn.data(into)?;
                digest(algorithm, into, &mut ours, None);
                damaged |= ours != theirs;
            }
            Received::Answer(Some(Code::Sent)) => {
                let mut whole = WholeDigest::new(algorithm);
                digests.iter().for_each(|digest| whole.push(digest));
                let got: Got<'_> = conn.reply()?;
                return Ok(if got.size > SMALL {
                    FetchOutcome::Larger
                } else if damaged || got.digest != whole.finish().as_bytes() {
                    FetchOutcome::Again("damaged on the way")
                } else if got.size != content.len() as u64 {
                    FetchOutcome::Again("changed meanwhile")
                } else {
                    FetchOutcome::Content(LocalMtime {
                        secs: got.mtime_secs,
                        nanos: got.mtime_nanos,
                    })
                });
            }
            Received::Answer(Some(Code::Sums)) => {
                conn.reply::<Summed<'_>>()?;
                return Ok(FetchOutcome::Digests);
            }
            Received::Answer(Some(Code::Changed)) => {
                return Ok(FetchOutcome::Again("changed meanwhile"));
            }
            Received::Answer(_) => return Ok(FetchOutcome::Refused(conn.refusal())),
            Received::Alive(..) => continue,
        }
        if digests.len() + theirs.len() > CHUNKS_IN_FRAME {
            return Err(STRANGE);
        }
        digests.append(&mut theirs);
    }
}

/// The file here, if it is of this size and has the digests that came.
pub(super) fn equal_file(
    algorithm: Algorithm,
    fetched: &mut Fetched,
    (local, size): (&Path, u64),
) -> Result<Option<LocalFile>> {
    let mut source = LocalFile::open_plain(local)?;
    if source.size != size {
        return Ok(None);
    }
    fetched.content.resize(source.size as usize, 0);
    if source.read(0, &mut fetched.content).is_err() {
        return Ok(None);
    }
    let mut ours = Vec::new();
    digest(algorithm, &fetched.content, &mut ours, None);
    Ok((ours == fetched.digests && source.is_unchanged()).then_some(source))
}
