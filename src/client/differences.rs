//! How a folder here and one on the server differ, name by name, without moving content.
//!
//! It is what `check` reports, what a dry run would do, and what a mirror then does.
//! Never: changes anything on either side.
//! Invariant: what could not be read or listed to its end is counted as failed, so that whoever
//! removes something can tell that not everything was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Client;
use super::adjust::{Adjustment, lacks};
use super::compared::{Compared, Comparison, Difference, DifferenceKind, Way};
use super::error::{Error, Result, shown};
use super::get_small::Fetched;
use super::names::{join, mistake_in, remote_name};
use super::progress::{FileProgress, Policy, Progress};
use super::rows::list_directory;
use super::sides::{FilePair, Pair, Side, SideKind, local_side, remote_side};
use super::tree::{DirContents, PendingDir, Sides, Tree};
use crate::limits::LISTING_KEPT;
use crate::wire::Code;

/// Bytes of what differs that are kept: a million files. A directory more is not begun.
const DIFFERENCES_KEPT: usize = 512 * 1024 * 1024;

/// The pair of folders that is being compared.
struct OpenPair {
    local: PathBuf,
    remote: String,
    pairs: std::vec::IntoIter<Pair>,
    /// What cannot be compared, by its name.
    odd: Vec<DirContents<FilePair>>,
}

/// How far the comparison has come.
#[derive(Default)]
pub(super) struct Comparing {
    pub(super) how: Comparison,
    top: String,
    open: Option<OpenPair>,
    pub(super) fetched: Fetched,
    differences: Vec<Difference>,
    adjustments: Vec<Adjustment>,
    differences_bytes: usize,
    pub(super) equal_bytes: u64,
}

impl Client {
    /// Compares a file or folder here with one on the server. Files whose size and time are the
    /// same count as equal, unless [`Comparison::by_digest`] says otherwise; where only the size
    /// is, their digests are compared.
    ///
    /// # Errors
    /// What ends the whole, as for [`Client::get_tree`]; a side that cannot be looked at.
    pub fn differences(
        &mut self,
        local: &Path,
        remote: &str,
        how: &Comparison,
        progress: &mut dyn Progress,
    ) -> Result<Compared> {
        let top = remote.trim_end_matches('/');
        self.differences_below(top, (local, remote), how, progress)
    }

    /// The same of something below what is compared, which has the path `top` on the server.
    pub(super) fn differences_below(
        &mut self,
        top: &str,
        (local, remote): (&Path, &str),
        how: &Comparison,
        progress: &mut dyn Progress,
    ) -> Result<Compared> {
        let here = match fs::metadata(local) {
            Ok(meta) => Some(local_side(&meta)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::local(local, "read it", e)),
        };
        let there = match self.stat(remote) {
            Ok(entry) => Some(remote_side(&entry)),
            Err(e) if e.is_refusal(Code::NotFound) => None,
            Err(e) => return Err(e),
        };
        let needed = match how.way {
            Some(Way::Up) => here.is_none(),
            Some(Way::Down) => there.is_none(),
            // A name that was mistyped is no difference.
            None => here.is_none(),
        };
        if needed {
            return Err(match how.way {
                Some(Way::Down) => self.stat(remote).err().unwrap_or_else(Error::gone),
                _ => Error::local(local, "read it", Errno::NOENT.into()),
            });
        }
        let top = top.to_owned();
        let mut comparing = Comparing { how: how.clone(), top, ..Comparing::default() };
        let first = comparing.judge(local.to_owned(), remote.to_owned(), (here, there));
        let policy = Policy::default();
        let name = Client::shown(remote);
        let mut tree = Tree::new(&policy, comparing, name.clone());
        match first {
            Some(DirContents::Directory(root)) => {
                tree.directories.push(PendingDir { root: true, ..root });
            }
            Some(DirContents::File(file)) => tree.todo.push_back(file),
            Some(DirContents::Other(name, what)) => tree.report.pass_over(progress, &name, what),
            Some(DirContents::Failed(name, e)) => tree.report.count(progress, name, Err(e)),
            None => {}
        }
        let report = self.carry_out(&mut tree, &mut FileProgress::new(progress, name))?;
        let mut differences = std::mem::take(&mut tree.direction.differences);
        differences.sort_by(|a, b| a.remote.cmp(&b.remote));
        let Comparing { top, equal_bytes, mut adjustments, .. } = tree.direction;
        adjustments.sort_by(|a, b| a.remote.cmp(&b.remote));
        Ok(Compared { report, equal_bytes, differences, adjustments, top })
    }
}

impl Comparing {
    /// Reads both folders.
    pub(super) fn begin(&mut self, client: &mut Client, directory: &PendingDir) -> Result<()> {
        if self.differences_bytes > DIFFERENCES_KEPT {
            let (what, most_bytes) = ("what differs needs", DIFFERENCES_KEPT as u64);
            return Err(Error::TooMuch { what, most_bytes });
        }
        let PendingDir { local, remote, sides, .. } = directory;
        let mut odd = Vec::new();
        let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
        if sides.is_here() {
            self.read_here(local, &mut pairs, &mut odd)?;
        }
        if sides.is_there() {
            self.read_there(client, remote, &mut pairs, &mut odd)?;
        }
        let is_source = |pair: &Pair| match self.how.way {
            Some(Way::Down) => pair.there.is_some(),
            _ => true,
        };
        let sources: BTreeSet<String> = pairs
            .values()
            .filter(|pair| is_source(pair))
            .map(|pair| pair.name.to_lowercase())
            .collect();
        let pairs: Vec<Pair> = pairs
            .into_values()
            .filter(|pair| {
                is_source(pair)
                    || !sources.contains(&pair.name.to_lowercase())
                    || !is_caseless(local, &pair.name)
            })
            .collect();
        let (local, remote) = (local.clone(), remote.clone());
        self.open = Some(OpenPair { local, remote, pairs: pairs.into_iter(), odd });
        Ok(())
    }

    fn read_here(
        &self,
        local: &Path,
        pairs: &mut BTreeMap<String, Pair>,
        odd: &mut Vec<DirContents<FilePair>>,
    ) -> Result<()> {
        let failed = |e| Error::local(local, "read it", e);
        for entry in fs::read_dir(local).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let meta = match fs::symlink_metadata(&path) {
                Ok(meta) => meta,
                // What vanishes while it is listed is not there.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => {
                    odd.push(DirContents::Failed(shown(&path), Error::local(&path, "read it", e)));
                    continue;
                }
            };
            match remote_name(&path) {
                Ok(name) => {
                    let side = local_side(&meta);
                    let pair = Pair { name: name.to_owned(), here: Some(side), there: None };
                    pairs.insert(name.to_owned(), pair);
                }
                // Where it only might have to go, it stays, and the server cannot have it.
                Err(_) if self.how.way == Some(Way::Down) => {}
                Err(e) => odd.push(DirContents::Failed(shown(&path), e)),
            }
        }
        Ok(())
    }

    fn read_there(
        &self,
        client: &mut Client,
        remote: &str,
        pairs: &mut BTreeMap<String, Pair>,
        odd: &mut Vec<DirContents<FilePair>>,
    ) -> Result<()> {
        let conn = client.now()?;
        list_directory(conn, remote, LISTING_KEPT, &mut |entry| {
            if let Some(why) = mistake_in(remote, &entry) {
                // That this machine cannot have it says nothing about whether it should be there.
                if self.how.way != Some(Way::Up) {
                    let name = Client::shown(&join(remote, &entry.name));
                    odd.push(DirContents::Failed(name.clone(), Error::BadName { name, why }));
                }
                return Ok(());
            }
            let side = Some(remote_side(&entry));
            let name = entry.name.clone().into_owned();
            let pair = pairs.entry(name.clone());
            pair.or_insert(Pair { name, here: None, there: None }).there = side;
            Ok(())
        })?;
        Ok(())
    }

    /// See [`super::tree::Direction::next`].
    pub(super) fn found(&mut self) -> Option<DirContents<FilePair>> {
        loop {
            let open = self.open.as_mut()?;
            if let Some(odd) = open.odd.pop() {
                return Some(odd);
            }
            let Some(Pair { name, here, there }) = open.pairs.next() else {
                self.open = None;
                return None;
            };
            let (local, remote) = (open.local.join(&name), join(&open.remote, &name));
            if let Some(found) = self.judge(local, remote, (here, there)) {
                return Some(found);
            }
        }
    }

    /// What is to be done about an entry; what only differs is noted.
    fn judge(
        &mut self,
        local: PathBuf,
        remote: String,
        (here, there): (Option<Side>, Option<Side>),
    ) -> Option<DirContents<FilePair>> {
        let below = remote.strip_prefix(&self.top).unwrap_or(&remote).trim_start_matches('/');
        let is = |side: Option<Side>, kind| side.is_some_and(|side| side.kind == kind);
        let is_directory = is(here, SideKind::Directory) || is(there, SideKind::Directory);
        if !below.is_empty() && self.how.excluded.has(below, is_directory) {
            return None;
        }
        // What is never taken along is no reason for anything on the other side.
        let source = match self.how.way {
            Some(Way::Down) => there,
            Some(Way::Up) => here,
            None => here.or(there),
        };
        if let Some(Side { kind: SideKind::Other(what), .. }) = source {
            let is_here = here.is_some() && self.how.way != Some(Way::Down);
            let name = if is_here { shown(&local) } else { Client::shown(&remote) };
            return Some(DirContents::Other(name, what));
        }
        let other = source.is_none() && !is_directory && !is(here.or(there), SideKind::File);
        if other {
            return None;
        }
        let pending =
            |sides| PendingDir { sides, ..PendingDir::below(local.clone(), remote.clone()) };
        let (kind, contents) = match (here, there) {
            (Some(h), Some(t)) if h.kind == SideKind::Directory && t.kind == h.kind => {
                return Some(DirContents::Directory(pending(Sides::Both)));
            }
            (Some(h), Some(t)) if h.kind == SideKind::File && t.kind == h.kind => {
                if h.size == t.size {
                    let is_same = !self.how.by_digest && h.mtime.is_same(t.mtime);
                    return Some(DirContents::File(self.pair(local, remote, (h, t), is_same)));
                }
                (DifferenceKind::Content, None)
            }
            (Some(_), Some(_)) => (DifferenceKind::Kind, None),
            (Some(h), None) => {
                let goes_on = h.kind == SideKind::Directory && self.how.way == Some(Way::Up);
                (DifferenceKind::OnlyHere, goes_on.then(|| pending(Sides::Here)))
            }
            (None, Some(t)) => {
                let goes_on = t.kind == SideKind::Directory && self.how.way == Some(Way::Down);
                (DifferenceKind::OnlyThere, goes_on.then(|| pending(Sides::There)))
            }
            (None, None) => return None,
        };
        self.note(kind, source, (here, there), (local, remote));
        contents.map(DirContents::Directory)
    }

    fn pair(
        &self,
        local: PathBuf,
        remote: String,
        (here, there): (Side, Side),
        is_same: bool,
    ) -> FilePair {
        let (version, tries, is_second) = (0, 0, false);
        // What is set is set for the version that was compared.
        let looks = lacks(&self.how, (here.mtime, here.mode), there).is_some();
        FilePair { local, remote, here, there, version, is_same, looks, tries, is_second }
    }

    fn note(
        &mut self,
        kind: DifferenceKind,
        source: Option<Side>,
        (here, there): (Option<Side>, Option<Side>),
        (local, remote): (PathBuf, String),
    ) {
        let target = match self.how.way {
            Some(Way::Up) => there,
            Some(Way::Down) => here,
            None => None,
        };
        let is_plain = target.is_some_and(|side| !matches!(side.kind, SideKind::Other(_)));
        let source = source.or(here).or(there);
        let only = match kind {
            DifferenceKind::OnlyHere => here,
            DifferenceKind::OnlyThere => there,
            _ => source,
        };
        self.differences_bytes += size_of::<Difference>() + 2 * remote.len();
        self.differences.push(Difference {
            kind,
            is_directory: only.is_some_and(|side| side.kind == SideKind::Directory),
            size: only.map_or(0, |side| side.size),
            is_in_the_way: kind == DifferenceKind::Kind && is_plain,
            mode: there.and_then(|side| side.mode),
            local,
            remote,
        });
    }

    /// Two files of the same size have other digests.
    pub(super) fn differs(&mut self, file: FilePair) {
        let sides = (Some(file.here), Some(file.there));
        let source = if self.how.way == Some(Way::Down) { file.there } else { file.here };
        self.note(DifferenceKind::Content, Some(source), sides, (file.local, file.remote));
    }

    /// Two equal files differ in what is not content.
    pub(super) fn is_to_adjust(&mut self, adjustment: Adjustment) {
        self.differences_bytes += size_of::<Adjustment>() + 2 * adjustment.remote.len();
        self.adjustments.push(adjustment);
    }
}

/// Whether the file system here takes names for the same that differ in capitals only: then what
/// has one of them is no other file than what has another.
fn is_caseless(directory: &Path, name: &str) -> bool {
    let (upper, lower) = (name.to_uppercase(), name.to_lowercase());
    let other = if upper == name { lower } else { upper };
    other != name && fs::symlink_metadata(directory.join(other)).is_ok()
}
