//! Sending a folder: the walk through it.
//!
//! A folder that was not there before needs no listing; one that was is listed once, and what is
//! there with the same size is offered by its digest only.
//! Invariant: what is done again after a break is found to be equal.

use std::collections::HashMap;
use std::fs::{self, DirEntry, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

use super::Client;
use super::commands::ListedKind;
use super::error::{Error, Result, shown};
use super::names::{join, remote_name};
use super::progress::{ExistsChoice, Policy, Progress};
use super::put_small::{SmallFile, UploadRequest};
use super::report::TreeReport;
use super::rows::list_directory;
use super::stamp::permission_bits;
use super::tree::{DirContents, PendingDir, Tree};
use crate::limits::LISTING_KEPT;
use crate::wire::{self, Code, Mkdir};

/// What is on the server in a folder: kind and size by name. As large as the folder's listing.
type RemoteListing = HashMap<String, (ListedKind, u64)>;

/// The directory that is being sent.
#[derive(Default)]
pub(super) struct Sending {
    open: Option<OpenSource>,
}

struct OpenSource {
    local: PathBuf,
    remote: String,
    /// It was not there before, so nothing is in it.
    new: bool,
    entries: ReadDir,
    there: RemoteListing,
}

impl Client {
    /// Sends a folder with all it holds into `remote`, which is made if it is not there. Links are
    /// left out; a file that is not stored, for whatever reason, is named to [`Progress::failed`]
    /// and counted, and does not stop the others.
    ///
    /// # Errors
    /// What ends the whole: the line ([`Error::GaveUp`]), [`Error::Interrupted`], a folder that
    /// cannot be read. Files that failed are in the report.
    pub fn put_tree(
        &mut self,
        local: &Path,
        remote: &str,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<TreeReport> {
        let meta = fs::metadata(local).map_err(|e| Error::local(local, "read it", e))?;
        if !meta.is_dir() {
            return Err(Error::LocalKind { path: shown(local), needed: "a folder" });
        }
        let (paths, name) = ((local, remote), Client::shown(remote));
        self.whole_tree(paths, name, policy, Sending::default(), progress)
            .map_err(|e| self.kept_or_not(e))
    }

    /// What is in a folder on the server, which is made if it is not there.
    fn list_directory(&mut self, remote: &str, mode: u16) -> Result<RemoteListing> {
        let conn = self.now()?;
        let mut listing = RemoteListing::new();
        let listed = list_directory(conn, remote, LISTING_KEPT, &mut |entry| {
            listing.insert(entry.name.into_owned(), (entry.kind, entry.size));
            Ok(())
        });
        match listed {
            // Without the permission to list, as in a drop box, it puts what there is room for a
            // name for.
            Err(e) if e.is_refusal(Code::NotFound) || e.is_refusal(Code::Denied) => {
                conn.ask("MKDIR", &Mkdir::new(remote, 1, mode))?;
                Ok(listing)
            }
            other => other.map(|_| listing),
        }
    }
}

impl Sending {
    /// See [`super::tree::Direction::open`].
    pub(super) fn begin(
        tree: &mut Tree<'_, Sending>,
        client: &mut Client,
        directory: &PendingDir,
    ) -> Result<()> {
        let PendingDir { local, remote, new, .. } = directory;
        let entries = fs::read_dir(local).map_err(|e| Error::local(local, "read it", e))?;
        let mode = directory_mode(tree.policy, local);
        let there = if *new {
            tree.todo.push_back(UploadRequest::Mkdir(remote.clone(), mode));
            RemoteListing::new()
        } else {
            client.list_directory(remote, mode)?
        };
        let (local, remote, new) = (local.clone(), remote.clone(), *new);
        tree.direction.open = Some(OpenSource { local, remote, new, entries, there });
        Ok(())
    }

    /// See [`super::tree::Direction::next`].
    pub(super) fn found(&mut self, policy: &Policy) -> Option<DirContents<UploadRequest>> {
        let open = self.open.as_mut()?;
        let read = |entry: io::Result<DirEntry>| entry.and_then(|e| Ok((e.file_type()?, e.path())));
        let (kind, local) = match open.entries.next().map(read) {
            Some(Ok(found)) => found,
            end => {
                // A folder that cannot be read on may fail for ever.
                let local = self.open.take()?.local;
                let error = Error::local(&local, "read it", end?.err()?);
                return Some(DirContents::Failed(shown(&local), error));
            }
        };
        if !kind.is_dir() && !kind.is_file() {
            let what = if kind.is_symlink() { "a link" } else { "neither a file nor a folder" };
            return Some(DirContents::Other(shown(&local), what));
        }
        let name = match remote_name(&local) {
            Ok(name) => name,
            Err(e) => return Some(DirContents::Failed(shown(&local), e)),
        };
        let remote = join(&open.remote, name);
        let there = open.there.get(name).copied();
        if kind.is_dir() {
            let new = open.new || there.is_none();
            return Some(DirContents::Directory(PendingDir {
                new,
                ..PendingDir::below(local, remote)
            }));
        }
        let mut item = SmallFile::new(local, remote);
        item.probe = there.is_some_and(|(kind, _)| kind == ListedKind::File);
        // What is there and equal costs nothing, and about what differs the server knows more than
        // its listing; only where it is replaced anyway it need not be asked about another size.
        if let (Some((ListedKind::File, there)), ExistsChoice::Replace) = (there, policy.exists) {
            item.replace = fs::metadata(&item.local).is_ok_and(|meta| meta.len() != there);
            item.probe = !item.replace;
        }
        Some(DirContents::File(UploadRequest::File(item)))
    }
}

/// The permission bits that are sent with a folder.
pub(super) fn directory_mode(policy: &Policy, local: &Path) -> u16 {
    let meta = if policy.no_mode { None } else { fs::metadata(local).ok() };
    meta.as_ref().and_then(permission_bits).unwrap_or(wire::NO_MODE)
}
