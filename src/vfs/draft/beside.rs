//! Files that are put into one folder, one after the other: it is found once for all of them.

use std::sync::Arc;

use super::Draft;
use crate::vfs::jail::{Folder, Spot};
use crate::vfs::path::VPath;
use crate::vfs::room::Room;
use crate::vfs::view::View;

/// The folder that a draft is for, held open, so that others can be put into it.
#[derive(Clone, Debug)]
pub struct Beside {
    room: Arc<Room>,
    folder: Arc<Folder>,
}

impl Beside {
    /// Where `path` of a view is, if it lies in this folder.
    pub(in crate::vfs) fn spot(&self, view: &View, path: &VPath) -> Option<Spot> {
        if Arc::ptr_eq(&self.room, &view.room) { self.spot_of(path) } else { None }
    }

    fn spot_of(&self, path: &VPath) -> Option<Spot> {
        self.room.jail.spot_in(&self.folder, path)
    }
}

impl Draft {
    /// The folder that it is for, unless it was let go of.
    pub fn beside(&self) -> Option<Beside> {
        let spot = self.spot.as_ref()?;
        Some(Beside { room: Arc::clone(&self.room), folder: Arc::clone(spot.folder()) })
    }

    /// Whether both are for the same folder.
    pub fn is_beside(&self, other: &Draft) -> bool {
        Arc::ptr_eq(&self.room, &other.room) && self.path.parent() == other.path.parent()
    }

    /// Uses the folder of another draft, if it has let go of its own and that is the same.
    pub fn stand_in(&mut self, beside: &Beside) {
        if self.spot.is_none() && Arc::ptr_eq(&self.room, &beside.room) {
            self.spot = beside.spot_of(&self.path);
        }
    }

    /// Lets go of its folder, and tells whether it had it open; it is found again when the draft
    /// is placed.
    pub fn leave_folder(&mut self) -> bool {
        self.spot.take().is_some()
    }
}
