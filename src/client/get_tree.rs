//! Fetching a folder: the walk through it.
//!
//! Never: lets a name from the server be more than a name here, or goes through a local link where
//! a folder should be.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Client;
use super::commands::{self, ListedKind, RemoteEntry};
use super::error::{Error, Result, shown};
use super::get_small::{Fetched, FetchedFile};
use super::names::{join, mistake_in};
use super::progress::{Policy, Progress};
use super::report::TreeReport;
use super::rows::list_directory;
use super::target_dir::TargetDir;
use super::tree::{DirContents, PendingDir};
use crate::limits::LISTING_KEPT;
use crate::text::is_harmful;

/// The folder that is being fetched.
struct OpenDestination {
    local: PathBuf,
    remote: String,
    /// Still to be done; as large as the folder's listing.
    entries: std::vec::IntoIter<RemoteEntry>,
    /// Names that were here before.
    here: HashSet<OsString>,
}

/// How far the walk has come, and what came of the oldest request.
#[derive(Default)]
pub(super) struct Fetching {
    open: Option<OpenDestination>,
    pub(super) fetched: Fetched,
    /// Where the last small file was stored.
    pub(super) last_dir: Option<TargetDir>,
}

impl Client {
    /// Fetches a folder with all it holds into `local`, which is made if it is not there, with what
    /// is above it. Links are left out; a file that does not arrive, for whatever reason, is named
    /// to [`Progress::failed`] and counted, and does not stop the others.
    ///
    /// # Errors
    /// What ends the whole: the line ([`Error::GaveUp`]), [`Error::Interrupted`],
    /// [`Error::LocalFull`], a folder that cannot be listed. Files that failed are in the report.
    pub fn get_tree(
        &mut self,
        remote: &str,
        local: &Path,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<TreeReport> {
        let (paths, name) = ((local, remote), Client::shown(remote));
        self.whole_tree(paths, name, policy, Fetching::default(), progress)
    }
}

impl Fetching {
    /// Lists a folder on the server and makes the local one.
    pub(super) fn begin(
        &mut self,
        client: &mut Client,
        directory: &PendingDir,
        policy: &Policy,
    ) -> Result<()> {
        let conn = client.now()?;
        let PendingDir { local, remote, .. } = directory;
        let mode = match directory.root && !policy.no_mode {
            true => Some(commands::stat(conn, remote)?.mode),
            false => directory.mode,
        };
        let mut entries = Vec::new();
        list_directory(conn, remote, LISTING_KEPT, &mut |entry| {
            entries.push(entry);
            Ok(())
        })?;
        let here = make_directory(directory, mode)?;
        let (local, remote, entries) = (local.clone(), remote.clone(), entries.into_iter());
        self.open = Some(OpenDestination { local, remote, entries, here });
        Ok(())
    }

    /// See [`super::tree::Direction::next`].
    pub(super) fn found(&mut self, policy: &Policy) -> Option<DirContents<FetchedFile>> {
        let open = self.open.as_mut()?;
        let Some(entry) = open.entries.next() else {
            self.open = None;
            return None;
        };
        let remote = join(&open.remote, &entry.name);
        let name = shown_entry(&open.remote, &entry);
        match entry.kind {
            ListedKind::Link => return Some(DirContents::Other(name, "a link")),
            ListedKind::Other(_) => {
                return Some(DirContents::Other(name, "neither a file nor a folder"));
            }
            ListedKind::File | ListedKind::Directory => {}
        }
        if let Some(why) = mistake_in(&open.remote, &entry) {
            return Some(DirContents::Failed(name.clone(), Error::BadName { name, why }));
        }
        let local = open.local.join(&*entry.name);
        let new = !open.here.contains(std::ffi::OsStr::new(&*entry.name));
        let mode = (!policy.no_mode).then_some(entry.mode);
        Some(match entry.kind {
            ListedKind::Directory => {
                DirContents::Directory(PendingDir { new, mode, ..PendingDir::below(local, remote) })
            }
            _ => DirContents::File(FetchedFile::new(remote, local, entry.size, mode, new)),
        })
    }
}

/// An entry's whole path for people. The server has escaped an odd name already.
fn shown_entry(directory: &str, entry: &RemoteEntry) -> String {
    if entry.is_odd() && !entry.name.chars().any(is_harmful) {
        return join(&Client::shown(directory), &entry.name);
    }
    Client::shown(&join(directory, &entry.name))
}

/// Makes a folder; if it is here already, gives the names in it. A link is not a folder, unless the
/// user has named it as the target, and one that was not here a moment ago is the same as another
/// name.
pub(super) fn make_directory(
    directory: &PendingDir,
    mode: Option<u16>,
) -> Result<HashSet<OsString>> {
    let local = &directory.local;
    let failed = |e| Error::local(local, "make this folder", e);
    if let (true, Some(above)) = (directory.root, local.parent()) {
        fs::create_dir_all(above).map_err(failed)?;
    }
    match fs::create_dir(local) {
        Ok(()) => {
            set_directory_mode(local, mode);
            return Ok(HashSet::new());
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(e)),
    }
    if directory.new {
        return Err(Error::LocalAppeared { path: shown(local) });
    }
    let look = if directory.root { fs::metadata } else { fs::symlink_metadata };
    if !look(local).map_err(failed)?.is_dir() {
        return Err(Error::LocalKind { path: shown(local), needed: "a folder" });
    }
    let mut names = HashSet::new();
    for entry in fs::read_dir(local).map_err(failed)? {
        names.insert(entry.map_err(failed)?.file_name());
    }
    Ok(names)
}

/// Gives a folder that was made here its permission bits; its owner can always use it. Where they
/// cannot be set it is as the system made it.
#[cfg(unix)]
fn set_directory_mode(local: &Path, mode: Option<u16>) {
    if let Some(mode) = mode {
        let mode = (u32::from(mode) & 0o777) | 0o700;
        let _ = rustix::fs::chmod(local, mode.into());
    }
}

#[cfg(not(unix))]
fn set_directory_mode(_local: &Path, _mode: Option<u16>) {}
