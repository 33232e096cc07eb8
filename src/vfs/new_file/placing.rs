//! Putting a new file in its place.
//!
//! Invariant: when it is refused nothing has changed, and the file can be placed later.

use std::sync::Arc;

use super::NewFile;
use crate::error::{Error, Result};
use crate::vfs::entry::EntryKind;
use crate::vfs::freed::Freed;
use crate::vfs::home::Home;
use crate::vfs::jail::{Location, NameIn, from_errno};
use crate::vfs::moves::MoveOrigin;
use crate::vfs::part::Note;
use crate::vfs::root::OpenRoot;

impl NewFile {
    /// Puts the file in its place, over an old one when `replace` says so, and tells what became
    /// free by that. Refused, nothing has changed and the file can be placed later.
    ///
    /// Another program may have moved the folder out of the tree, or the whole root away, while it
    /// was held open. Then the file is not left there, and [`Error::Changed`] says so.
    pub fn place(&mut self, replace: bool) -> Result<Freed> {
        let replaced = self.rename_into_place(replace)?;
        let is_there = self.is_where_its_path_leads();
        self.check_place(replaced, is_there)
    }

    /// The first half of [`NewFile::place`]: it is not known yet whether its path leads to where it
    /// is now, which [`NewFile::check_place`] must be given before it counts as stored.
    pub fn rename_into_place(&mut self, replace: bool) -> Result<Freed> {
        let wrong = |what| Err(Error::WrongState { what });
        match (self.placed, self.dressed) {
            (true, _) => return wrong("the file is in its place already"),
            (_, false) => return wrong("the file has no time and owner yet"),
            (false, true) => {}
        }
        self.fence("placing a file")?;
        let open_root = Arc::clone(&self.open_root);
        let changed = || Error::Changed { path: self.path.for_error() };
        let is_there = |spot: &Location| is_in_place(&open_root, spot);
        // What takes a free name can be taken out again as if it had never been there, unless it
        // was a part.
        let looks_first = self.part.is_some();
        let spot = match self.spot.take() {
            Some(spot) if looks_first && !is_there(&spot) => return Err(changed()),
            Some(spot) => spot,
            None => open_root.jail.spot(&self.path)?,
        };
        let parts =
            open_root.parts().map_err(|e| from_errno(e, &self.path, "opening the parts"))?;
        let (own, to) = (NameIn::new(parts, self.name.as_bytes()), open_root.jail.at(&spot));
        let passing = open_root.home.passing_name();
        let from = self.unnamed(own, own.beside(passing.as_bytes()))?;
        let place = |replace| {
            let from = (from, MoveOrigin::Private);
            open_root.home.move_over(from, EntryKind::File, (to, &self.path), replace)
        };
        let moved = match place(replace && looks_first) {
            Err(Error::Exists { .. }) if replace && !is_there(&spot) => Err(changed()),
            Err(Error::Exists { .. }) if replace => place(true),
            moved => moved,
        };
        if moved.is_err() && from.name() != own.name() {
            if let Err(e) = from.rename(own) {
                log::error!("the part of `{}` is lost: {e}", self.path);
            }
        }
        let freed = match moved {
            Err(Error::NotFound { .. }) if !is_there(&spot) => return Err(changed()),
            moved => moved?,
        };
        self.placed = true;
        self.spot = Some(spot);
        Ok(freed)
    }

    /// Whether its path leads to the folder that it was put into; what is found for one holds for
    /// all that were put there before the look.
    pub fn is_where_its_path_leads(&self) -> bool {
        self.spot.as_ref().is_some_and(|spot| is_in_place(&self.open_root, spot))
    }

    /// The second half of [`NewFile::place`]: keeps the file where it is, or takes it back out and
    /// puts back what it had replaced.
    pub fn check_place(&mut self, replaced: Freed, is_there: bool) -> Result<Freed> {
        let parts =
            self.open_root.parts().map_err(|e| from_errno(e, &self.path, "opening the parts"))?;
        if !is_there {
            if let Some(spot) = self.spot.take() {
                let (own, to) =
                    (NameIn::new(parts, self.name.as_bytes()), self.open_root.jail.at(&spot));
                take_out(&self.open_root.home, own, to, replaced);
            }
            self.placed = false;
            return Err(Error::Changed { path: self.path.for_error() });
        }
        if let Some(id) = &self.part {
            if let Err(e) = Note::remove(parts, id) {
                log::warn!("the note of a finished upload of `{}` stays: {e}", self.path);
            }
        }
        Ok(replaced)
    }

    /// Where files are put in place by a link, a part gives its name away first: there is a moment
    /// in which it is the stored file too, and nobody may go on with it then, now or after a kill.
    fn unnamed<'a>(&self, own: NameIn<'a>, passing: NameIn<'a>) -> Result<NameIn<'a>> {
        let powers = self.open_root.home.powers();
        if powers.noreplace || !powers.links || self.part.is_none() {
            return Ok(own);
        }
        own.rename(passing).map_err(|e| from_errno(e, &self.path, "placing a file"))?;
        Ok(passing)
    }
}

/// Whether the path of a spot still leads to where that is held open.
fn is_in_place(open_root: &OpenRoot, spot: &Location) -> bool {
    open_root.jail.is_there(spot) && open_root.is_in_place()
}

/// Takes a file that was put where its path does not lead back out of there, and what it had
/// replaced back in.
fn take_out(home: &Home, own: NameIn<'_>, placed: NameIn<'_>, replaced: Freed) {
    let taken = match replaced.into_link() {
        // First the second name, so that the place is never empty. It is a part again when it has
        // no other.
        Some(old) => {
            let passing = home.passing_name();
            let passing = own.beside(passing.as_bytes());
            placed
                .link(passing)
                .and_then(|()| old.put_back(placed))
                .and_then(|()| passing.rename(own))
        }
        None => placed.rename(own),
    };
    if let Err(e) = taken {
        log::error!("an upload is stored in a folder that was moved away: {e}");
    }
}
