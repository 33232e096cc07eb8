//! Files that are put into one folder, one after the other: it is found once for all of them.

use std::sync::Arc;

use super::NewFile;
use crate::vfs::jail::{Location, OpenDir};
use crate::vfs::path::VPath;
use crate::vfs::root::OpenRoot;
use crate::vfs::view::View;

/// The directory that a new file is for, held open, so that others can be put into it.
#[derive(Clone, Debug)]
pub struct ParentDir {
    open_root: Arc<OpenRoot>,
    directory: Arc<OpenDir>,
}

impl ParentDir {
    /// Where `path` of a view is, if it lies in this folder.
    pub(in crate::vfs) fn spot(&self, view: &View, path: &VPath) -> Option<Location> {
        if Arc::ptr_eq(&self.open_root, &view.open_root) { self.spot_of(path) } else { None }
    }

    fn spot_of(&self, path: &VPath) -> Option<Location> {
        self.open_root.jail.spot_in(&self.directory, path)
    }
}

impl NewFile {
    /// The folder that it is for, unless it was let go of.
    pub fn beside(&self) -> Option<ParentDir> {
        let spot = self.spot.as_ref()?;
        Some(ParentDir {
            open_root: Arc::clone(&self.open_root),
            directory: Arc::clone(spot.directory()),
        })
    }

    /// Whether both are for the same folder.
    pub fn is_beside(&self, other: &NewFile) -> bool {
        Arc::ptr_eq(&self.open_root, &other.open_root) && self.path.parent() == other.path.parent()
    }

    /// Uses the directory of another new file, if it has let go of its own and that is the same.
    pub fn stand_in(&mut self, beside: &ParentDir) {
        if self.spot.is_none() && Arc::ptr_eq(&self.open_root, &beside.open_root) {
            self.spot = beside.spot_of(&self.path);
        }
    }

    /// Closes its directory, and returns whether it was open; it is found again when the file
    /// is placed.
    pub fn leave_directory(&mut self) -> bool {
        self.spot.take().is_some()
    }
}
