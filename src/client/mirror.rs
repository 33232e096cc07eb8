//! Making one side as the other is, by what was found to differ.
//!
//! Never: removes anything outside the folder that was compared, anything while the source could
//! not be read to its end, or anything of which the source may have a copy under a name that
//! cannot be here.

use std::collections::VecDeque;
use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Client;
use super::commands::{ListedKind, RemoteEntry};
use super::compared::{Compared, Comparison, Difference, DifferenceKind, Way};
use super::error::{Error, Result, shown};
use super::get_small::FetchedFile;
use super::get_tree::{Fetching, make_directory};
use super::names::{join, mistake, remote_name};
use super::progress::{ExistsChoice, FileProgress, Policy, Progress};
use super::put_small::{SmallFile, UploadRequest};
use super::put_tree::{Sending, directory_mode};
use super::report::TreeReport;
use super::tree::{PendingDir, Tree};
use crate::limits::LISTING_KEPT;
use crate::wire::Code;

impl Client {
    /// Transfers what was found to be missing or different on the other side; what is of another
    /// kind there is a failure, unless it will be removed (`removes`). What becomes of files that
    /// are there says the policy.
    ///
    /// # Errors
    /// What ends the whole, as for [`Client::put_tree`] and [`Client::get_tree`]. Files that failed
    /// are in the report.
    pub fn bring(
        &mut self,
        compared: &Compared,
        (way, removes): (Way, bool),
        policy: &Policy,
        progress: &mut (dyn Progress + Send),
    ) -> Result<TreeReport> {
        let source = match way {
            Way::Up => DifferenceKind::OnlyHere,
            Way::Down => DifferenceKind::OnlyThere,
        };
        let mut report = TreeReport::default();
        let mut wanted = Vec::new();
        for difference in &compared.differences {
            match difference.kind {
                DifferenceKind::Kind if removes && difference.is_in_the_way => {}
                DifferenceKind::Kind => {
                    let path = shown(&difference.local);
                    progress.about(Some(&difference.local), &difference.remote);
                    report.count(progress, path.clone(), Err(Error::KindDiffers { path }));
                }
                DifferenceKind::Content => wanted.push(difference),
                kind if kind == source => wanted.push(difference),
                _ => {}
            }
        }
        let Some(first) = wanted.first() else { return Ok(report) };
        let name = Client::shown(&first.remote);
        let brought = match way {
            Way::Up => self.send_all(&wanted, &name, policy, progress)?,
            Way::Down => self.fetch_all(&wanted, &name, policy, &mut report, progress)?,
        };
        Ok(report.plus(&brought))
    }

    fn send_all(
        &mut self,
        wanted: &[&Difference],
        name: &str,
        policy: &Policy,
        progress: &mut (dyn Progress + Send),
    ) -> Result<TreeReport> {
        let mut tree = Tree::new(policy, Sending::default(), name.to_owned());
        let mut files = VecDeque::new();
        for (index, difference) in wanted.iter().enumerate() {
            let Difference { local, remote, is_directory, kind, .. } = difference;
            if *is_directory && index == 0 {
                // Of the first one what is above it may be missing too.
                self.mkdir(remote, true)?;
            } else if *is_directory {
                let mode = directory_mode(policy, local);
                tree.todo.push_back(UploadRequest::Mkdir(remote.clone(), mode));
            } else {
                let mut file = SmallFile::new(local.clone(), remote.clone());
                let is_there = *kind == DifferenceKind::Content;
                file.replace = is_there && policy.exists == ExistsChoice::Replace;
                file.probe = is_there && !file.replace;
                files.push_back(UploadRequest::File(file));
            }
        }
        // The folders are there before any file, over whichever connection that comes.
        let mut bar = FileProgress::new(progress, name.to_owned());
        let made = self.carry_out(&mut tree, &mut bar)?;
        let sent = self.carry_out_all::<Sending>(name, policy, files, progress);
        sent.map(|sent| made.plus(&sent)).map_err(|e| self.kept_or_not(e))
    }

    fn fetch_all(
        &mut self,
        wanted: &[&Difference],
        name: &str,
        policy: &Policy,
        report: &mut TreeReport,
        progress: &mut (dyn Progress + Send),
    ) -> Result<TreeReport> {
        let mut files = VecDeque::new();
        for (index, difference) in wanted.iter().enumerate() {
            let Difference { local, remote, is_directory, kind, size, mode, .. } = *difference;
            let mode = mode.filter(|_| !policy.no_mode);
            let is_there = *kind == DifferenceKind::Content;
            if *is_directory {
                let directory = PendingDir::below(local.clone(), remote.clone());
                let (root, new) = (index == 0, index > 0);
                if let Err(e) = make_directory(&PendingDir { root, new, ..directory }, mode) {
                    report.count(progress, shown(local), Err(e));
                }
                continue;
            }
            if index == 0 {
                make_parent(local)?;
            }
            let (remote, local) = (remote.clone(), local.clone());
            files.push_back(match policy.exists {
                ExistsChoice::Replace => FetchedFile::settled(remote, local, *size, mode, is_there),
                _ => FetchedFile::new(remote, local, *size, mode, !is_there),
            });
        }
        self.carry_out_all::<Fetching>(name, policy, files, progress)
    }

    /// What is to be brought in the place of what was of another kind and has been removed.
    ///
    /// # Errors
    /// As for [`Client::differences`].
    pub fn differences_in_place(
        &mut self,
        compared: &Compared,
        how: &Comparison,
        progress: &mut dyn Progress,
    ) -> Result<Compared> {
        let mut all = Compared { top: compared.top.clone(), ..Compared::default() };
        for difference in compared.differences.iter().filter(|d| d.is_in_the_way) {
            let sides = (difference.local.as_path(), difference.remote.as_str());
            all.add(self.differences_below(&compared.top, sides, how, progress)?);
        }
        Ok(all)
    }

    /// Removes what only the side has that content went to, and what is of another kind there, in
    /// whose place [`Client::differences_in_place`] can be brought then. What is left out of the
    /// comparison, and what the source cannot have under its name, stays, and so does what the
    /// source has by now. Gives how much was removed.
    ///
    /// # Errors
    /// [`Error::Incomplete`], with nothing removed, if not everything was seen or brought; what
    /// ends the whole. What could not be removed is reported to [`Progress::failed`] and counted.
    pub fn remove_extra(
        &mut self,
        compared: &Compared,
        way: Way,
        how: &Comparison,
        report: &mut TreeReport,
        progress: &mut dyn Progress,
    ) -> Result<u64> {
        if compared.report.failed > 0 || report.failed > 0 {
            let failed = compared.report.failed.saturating_add(report.failed);
            return Err(Error::Incomplete { failed });
        }
        let extra = match way {
            Way::Up => DifferenceKind::OnlyThere,
            Way::Down => DifferenceKind::OnlyHere,
        };
        let mut removed = 0;
        let goes = |d: &&Difference| d.kind == extra || d.is_in_the_way;
        for difference in compared.differences.iter().filter(goes) {
            self.check_interrupt()?;
            let top = &compared.top;
            let result = match way {
                Way::Up => self.remove_there(difference, top, how, progress),
                Way::Down => self.remove_here(difference, top, how, progress),
            };
            match result {
                Ok(count) => removed += count,
                Err(e) if super::tree::is_fatal(&e) => return Err(e),
                Err(e) => {
                    let name = match way {
                        Way::Up => Client::shown(&difference.remote),
                        Way::Down => shown(&difference.local),
                    };
                    report.count(progress, name, Err(e));
                }
            }
        }
        Ok(removed)
    }

    fn remove_there(
        &mut self,
        difference: &Difference,
        top: &str,
        how: &Comparison,
        progress: &mut dyn Progress,
    ) -> Result<u64> {
        let here = match fs::symlink_metadata(&difference.local) {
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Ok(meta) if difference.is_in_the_way => Some(meta.is_dir()),
            // It is here by now, or nobody can say so.
            _ => return Ok(0),
        };
        let mut is_directory = difference.is_directory;
        if difference.is_in_the_way {
            is_directory = match self.stat(&difference.remote) {
                Err(e) if e.is_refusal(Code::NotFound) => return Ok(0),
                there => there?.kind == ListedKind::Directory,
            };
            if here.is_none_or(|here| here == is_directory) {
                // It has changed on either side.
                return Ok(0);
            }
        }
        let mut removed = 0;
        let mut waiting = vec![(difference.remote.clone(), is_directory, false)];
        while let Some((path, is_directory, is_empty)) = waiting.pop() {
            self.check_interrupt()?;
            if is_directory && !is_empty {
                let entries = self.listed(&path)?;
                let stays = |entry: &RemoteEntry| {
                    let below = join(&path, &entry.name);
                    let below = below.strip_prefix(top).unwrap_or(&below).trim_start_matches('/');
                    let is_directory = entry.kind == ListedKind::Directory;
                    entry.is_odd()
                        || mistake(&entry.name).is_some()
                        || !(is_directory || entry.kind == ListedKind::File)
                        || how.excluded.has(below, is_directory)
                };
                if !entries.iter().any(stays) {
                    waiting.push((path.clone(), true, true));
                }
                for entry in entries.iter().filter(|entry| !stays(entry)) {
                    let is_directory = entry.kind == ListedKind::Directory;
                    waiting.push((join(&path, &entry.name), is_directory, false));
                }
                continue;
            }
            let done = if is_directory { self.rmdir(&path) } else { self.rm(&path, false) };
            match done {
                // Something in it stays, or somebody has put something there.
                Err(e) if is_directory && e.is_refusal(Code::NotEmpty) => continue,
                Err(e) if e.is_refusal(Code::NotFound) => continue,
                done => done?,
            }
            removed += 1;
            progress.removed(None, &path);
        }
        Ok(removed)
    }

    /// What is in a folder there, as much as is kept.
    fn listed(&mut self, path: &str) -> Result<Vec<RemoteEntry>> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        self.ls(path, &mut |entry: RemoteEntry| {
            bytes += (size_of::<RemoteEntry>() + entry.name.len()) as u64;
            entries.push(entry);
            if bytes > LISTING_KEPT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if bytes > LISTING_KEPT {
            return Err(Error::TooMuch { what: "the server lists", most_bytes: LISTING_KEPT });
        }
        Ok(entries)
    }

    fn remove_here(
        &mut self,
        difference: &Difference,
        top: &str,
        how: &Comparison,
        progress: &mut dyn Progress,
    ) -> Result<u64> {
        match self.stat(&difference.remote) {
            Err(e) if e.is_refusal(Code::NotFound) && !difference.is_in_the_way => {}
            Err(e) => return Err(e),
            Ok(there) if difference.is_in_the_way => {
                let meta = fs::symlink_metadata(&difference.local);
                let meta = meta.map_err(|e| Error::local(&difference.local, "read it", e))?;
                let is_other = match there.kind {
                    ListedKind::File => meta.is_dir(),
                    ListedKind::Directory => meta.is_file(),
                    _ => false,
                };
                if !is_other {
                    return Ok(0);
                }
            }
            Ok(_) => return Ok(0),
        }
        let mut removed = 0;
        let first = (difference.local.clone(), difference.remote.clone());
        let mut waiting = vec![(first, false)];
        while let Some(((local, remote), is_empty)) = waiting.pop() {
            self.check_interrupt()?;
            let failed = |e| Error::local(&local, "remove it", e);
            let meta = fs::symlink_metadata(&local).map_err(failed)?;
            if meta.is_dir() && !is_empty {
                let entries = inside(&local, &remote, top, how)?;
                if !entries.iter().any(|(_, stays)| *stays) {
                    waiting.push(((local, remote), true));
                }
                let go = entries.into_iter().filter(|(_, stays)| !stays);
                waiting.extend(go.map(|(paths, _)| (paths, false)));
                continue;
            }
            let done = if meta.is_dir() { fs::remove_dir(&local) } else { fs::remove_file(&local) };
            match done {
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                // Something has been put there meanwhile.
                Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => continue,
                done => done.map_err(failed)?,
            }
            removed += 1;
            progress.removed(Some(&local), &remote);
        }
        Ok(removed)
    }
}

/// What is in a folder here that goes, and whether it stays all the same.
fn inside(
    local: &Path,
    remote: &str,
    top: &str,
    how: &Comparison,
) -> Result<Vec<((PathBuf, String), bool)>> {
    let failed = |e| Error::local(local, "read it", e);
    let mut entries = Vec::new();
    for entry in fs::read_dir(local).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        let Ok(name) = remote_name(&path) else {
            entries.push(((path, String::new()), true));
            continue;
        };
        let there = join(remote, name);
        let below = there.strip_prefix(top).unwrap_or(&there).trim_start_matches('/');
        let stays = !(kind.is_dir() || kind.is_file()) || how.excluded.has(below, kind.is_dir());
        entries.push(((path.clone(), there), stays));
    }
    Ok(entries)
}

/// Makes the folders above a file.
fn make_parent(local: &Path) -> Result<()> {
    match local.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            fs::create_dir_all(parent).map_err(|e| Error::local(parent, "make this folder", e))
        }
        _ => Ok(()),
    }
}
