//! The table of an account's views: the one place where a path is led to its root and rights are
//! asked.
//!
//! A path is normal before it comes here (a [`VPath`] cannot be anything else). The view with the
//! longest mount point that the path is in takes it, names being compared whole.
//!
//! Never: changes a mount point, or a folder that holds one. A folder that leads to a mount point
//! is there, whether the disk has it or not.

use std::sync::Arc;

use super::across::Moved;
use super::entry::{Entry, EntryKind, Mtime};
use super::freed::Freed;
use super::listing::Listing;
use super::part::PartNote;
use super::path::VPath;
use super::source::Source;
use super::view::View;
use crate::error::{Error, Result};
use crate::rights::Rights;

/// An account's views. A clone shares them.
#[derive(Clone, Debug)]
pub struct Vfs {
    /// The longest mount point first; the home, which every path is in, last.
    views: Arc<[View]>,
}

impl Vfs {
    /// The views of an account: its home, and what is mounted in it, each at its own place.
    pub fn new(home: View, mounted: Vec<View>) -> Vfs {
        let mut views = mounted;
        views.sort_by_key(|view| std::cmp::Reverse(view.mount_point().as_str().len()));
        views.push(home);
        Vfs { views: views.into() }
    }

    /// Returns the same views, in none of which more may be done than this.
    pub fn bounded_by(&self, most: Rights) -> Vfs {
        Vfs { views: self.views.iter().map(|view| view.with(view.rights().and(most))).collect() }
    }

    /// Everything, the home last.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The account's own home.
    pub fn home(&self) -> Option<&View> {
        self.views.last()
    }

    /// The view that a path is in.
    pub fn view(&self, path: &VPath) -> Result<&View> {
        let found = self.views.iter().find(|view| path.is_within(view.mount_point()));
        found.ok_or_else(|| Error::NotFound { path: path.for_error() })
    }

    /// Whether something is mounted exactly there.
    pub fn is_mount_point(&self, path: &VPath) -> bool {
        self.mounted().any(|view| view.mount_point() == path)
    }

    /// What is at `path`; a link is reported as a link. Mount points, and folders that lead to one,
    /// are shown to everybody.
    pub fn stat(&self, path: &VPath) -> Result<Entry> {
        let view = self.view(path)?;
        if self.leads_to_a_mount(path) {
            return self.directory_on_the_way(path);
        }
        if !view.rights().read && !self.is_mount_point(path) {
            return Err(Error::Denied { path: path.for_error() });
        }
        view.stat(path)
    }

    /// Refuses unless `path` is a folder that can be entered.
    pub fn check_directory(&self, path: &VPath) -> Result<()> {
        let view = self.view(path)?;
        if self.is_fixed(path) {
            return Ok(());
        }
        let rights = view.rights();
        may(!view.is_drop_box() && (rights.read || rights.write), path)?;
        view.check_directory(path)
    }

    /// Begins to list a folder.
    pub fn list(&self, path: &VPath) -> Result<Listing> {
        let view = self.view(path)?;
        let mounted = self.mounted_in(path)?;
        // Where nothing is shown, a folder that leads to a mount point is one that is nowhere else.
        let is_there = || view.stat(path).is_ok_and(|there| there.kind == EntryKind::Directory);
        let shows = view.rights().read || path == view.mount_point();
        if mounted.is_empty() || (shows && is_there()) {
            may(view.rights().read, path)?;
            return Ok(view.list(path)?.with(mounted));
        }
        Ok(Listing::of_nothing(path).with(mounted))
    }

    /// Opens a regular file for reading.
    pub fn source(&self, path: &VPath) -> Result<Source> {
        let view = self.view(path)?;
        if self.is_fixed(path) {
            return Err(Error::IsDirectory { path: path.for_error() });
        }
        may(view.rights().read, path)?;
        view.source(path)
    }

    /// Sets the time of a regular file. `version` is the one that is meant, or 0 for any.
    pub fn set_mtime(&self, path: &VPath, mtime: Mtime, version: u64) -> Result<()> {
        self.to_change(path)?.set_mtime(path, mtime, version)
    }

    /// Sets the permission bits of a file or folder.
    pub fn set_mode(&self, path: &VPath, mode: u16) -> Result<()> {
        self.to_change(path)?.set_mode(path, mode)
    }

    /// What has to be made so that there is a folder at `path`, the topmost first; with `parents`
    /// also those above it, and then one that is there is fine.
    pub fn to_make(&self, path: &VPath, parents: bool) -> Result<Vec<VPath>> {
        let view = self.view(path)?;
        if self.is_fixed(path) && !parents {
            return Err(Error::Exists { path: path.for_error(), size: 0 });
        }
        if self.stands(path) {
            return Ok(Vec::new());
        }
        may(view.makes_directories(), path)?;
        view.check_mounted()?;
        let missing = if parents { view.missing(path) } else { Ok(vec![path.clone()]) };
        missing.map_err(|e| unseen(view, e))
    }

    /// Makes a folder, with these permission bits if some are given.
    pub fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        let view = self.view(path)?;
        may(view.makes_directories() && !self.stands(path), path)?;
        view.check_mounted()?;
        view.mkdir(path, mode).map_err(|e| unseen(view, e))
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &VPath) -> Result<Vec<Freed>> {
        self.to_change(path)?.rmdir(path)
    }

    /// Removes a file, link, pipe or device, but no folder.
    pub fn remove(&self, path: &VPath) -> Result<Freed> {
        self.to_change(path)?.remove(path)
    }

    /// Removes a folder with all that is in it, or a file; see [`View::remove_tree`].
    pub fn remove_tree(
        &self,
        path: &VPath,
        alive: &mut dyn FnMut(Freed) -> Result<()>,
    ) -> Result<()> {
        self.to_change(path)?.remove_tree(path, alive)
    }

    /// Whether a move from one path to another leaves its view.
    pub fn is_across(&self, from: &VPath, to: &VPath) -> Result<bool> {
        Ok(!self.view(from)?.is_same(self.view(to)?))
    }

    /// Refuses to move a folder within a view to where not all of it could be named. `alive` is
    /// called for every name in it; its error ends this.
    pub fn check_reach(
        &self,
        from: &VPath,
        to: &VPath,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let view = self.to_change(from)?;
        view.check_reach((from, to), view, alive)
    }

    /// Moves a file, folder or link within a view, and tells what became free because it replaced
    /// a file.
    pub fn rename(&self, from: &VPath, to: &VPath, replace: bool) -> Result<Moved> {
        let view = self.to_change(from)?;
        if self.is_fixed(to) {
            return Err(Error::Mounted { path: to.for_error() });
        }
        view.rename(from, to, replace)
    }

    /// Refuses what is never given another name: a mount point, what leads to one, and the root.
    pub fn check_movable(&self, path: &VPath) -> Result<()> {
        if self.is_fixed(path) {
            return Err(Error::Mounted { path: path.for_error() });
        }
        if *path == VPath::root() {
            return Err(Error::IsDirectory { path: path.for_error() });
        }
        Ok(())
    }

    /// The view that a file may be put into at `path`; whether it may be put there in the end,
    /// [`View::may_store`] tells.
    pub fn to_write(&self, path: &VPath) -> Result<&View> {
        let view = self.view(path)?;
        if self.is_fixed(path) {
            return Err(Error::IsDirectory { path: path.for_error() });
        }
        may(view.rights().changes(), path)?;
        view.check_mounted()?;
        view.check_drop(path)?;
        Ok(view)
    }

    /// The view in which what is at `path` may be changed and removed.
    pub fn to_change(&self, path: &VPath) -> Result<&View> {
        let view = self.view(path)?;
        if self.is_fixed(path) {
            return Err(Error::Mounted { path: path.for_error() });
        }
        may(view.rights().modify, path)?;
        view.check_mounted()?;
        Ok(view)
    }

    /// Calls `seen` with each of the account's unfinished uploads, in no order; its error ends the
    /// listing.
    pub fn parts(&self, seen: &mut dyn FnMut(PartNote) -> Result<()>) -> Result<()> {
        for view in self.views.iter() {
            view.parts(&mut |note| match self.view(&note.path) {
                Ok(there) if there.is_same(view) => seen(note),
                // Below another mount point the path means something else by now.
                _ => Ok(()),
            })?;
        }
        Ok(())
    }

    fn mounted(&self) -> impl Iterator<Item = &View> {
        self.views.iter().take(self.views.len().saturating_sub(1))
    }

    /// Whether a mount point lies below the folder.
    fn leads_to_a_mount(&self, path: &VPath) -> bool {
        self.mounted().any(|view| path.holds(view.mount_point()))
    }

    /// Whether it stays as it is: a mount point, or a folder that leads to one.
    pub(super) fn is_fixed(&self, path: &VPath) -> bool {
        self.mounted().any(|view| view.mount_point().is_within(path))
    }

    /// Whether it is a mount point, or a folder on the disk that leads to one.
    pub(super) fn stands(&self, path: &VPath) -> bool {
        let is_on_disk = || self.view(path).is_ok_and(|view| view.check_directory(path).is_ok());
        self.is_mount_point(path) || (self.leads_to_a_mount(path) && is_on_disk())
    }

    /// The folder of a path, if it only leads to a mount point and has to be made on the disk
    /// before anything can be put there.
    pub fn unmade_above(&self, path: &VPath) -> Result<Option<VPath>> {
        let Some(above) = path.parent().filter(|above| self.leads_to_a_mount(above)) else {
            return Ok(None);
        };
        let view = self.view(&above)?;
        let is_unmade = view.makes_directories()
            && !self.is_fixed(path)
            && matches!(view.check_directory(&above), Err(Error::NotFound { .. }));
        Ok(is_unmade.then_some(above))
    }

    /// The entries of what is mounted in a folder, or lies on the way to a mount point.
    fn mounted_in(&self, path: &VPath) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        for view in self.mounted() {
            let Some(name) = path.step_towards(view.mount_point()) else { continue };
            if !entries.iter().any(|entry| entry.name == name) {
                entries.push(self.stat(&path.join(name)?)?);
            }
        }
        Ok(entries)
    }

    /// A folder that leads to a mount point: the disk's, where it has one, and otherwise one that
    /// is nowhere but here.
    fn directory_on_the_way(&self, path: &VPath) -> Result<Entry> {
        let view = self.view(path)?;
        match view.stat(path) {
            Ok(there) if there.kind == EntryKind::Directory && view.rights().read => Ok(there),
            _ => {
                let name = path.name().unwrap_or("/").to_owned();
                Ok(Entry { name, ..view.stat(view.mount_point())? })
            }
        }
    }
}

/// Without the permission to list one learns that something is there, and nothing of it.
fn unseen(view: &View, e: Error) -> Error {
    match e {
        Error::Exists { path, .. } if !view.rights().read => Error::Exists { path, size: 0 },
        e => e,
    }
}

fn may(right: bool, path: &VPath) -> Result<()> {
    if right { Ok(()) } else { Err(Error::Denied { path: path.for_error() }) }
}
