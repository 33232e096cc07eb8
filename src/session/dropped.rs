//! What this account has stored in drop boxes lately. It may still say when such a file last
//! changed and give it its final name, as clients do that upload under another name first, and may
//! look at what it has sent itself, as clients do that check an upload.
//!
//! Never: tells anything of a file that is not the one that was stored, or whether another has the
//! name: whatever was changed from outside, or is not remembered, is refused as every name there.

use super::changes::charged;
use super::{Alive, Entry, Kind, Listing, Mtime, Session, User, VPath};
use crate::error::{Error, Result};
use crate::site::DroppedFile;
use crate::transfer::Scope;
use crate::vfs::{Source, View, names_beside};

/// The drop box that a path is in, and the file there that it stands for, as it was left.
type Found<'a> = (&'a View, DroppedFile, Source);

/// The drop box that a path is in.
fn box_of<'a>(user: &'a User, path: &VPath) -> Option<&'a View> {
    user.vfs.to_write(path).ok().filter(|view| view.is_drop_box())
}

/// The file, if it is there as it was left.
fn open(view: &View, file: &DroppedFile) -> Option<Source> {
    view.source(&file.at).ok().filter(|source| source.version() == file.version)
}

fn entry(asked: &VPath, source: &Source) -> Entry {
    let name = asked.name().unwrap_or_default().to_owned();
    let (size, mtime) = (source.size(), source.mtime());
    // Whoever stored it may write there, and nothing else.
    Entry { name, odd: false, kind: Kind::File, size, mtime, mode: 0o200 }
}

impl Session {
    /// Remembers a file that was stored in a drop box at `at`, which the client calls `asked`.
    pub(super) fn note_dropped(&self, asked: &VPath, at: &VPath) {
        let Ok(user) = self.user() else { return };
        // It is stored all the same; only no more is known of it then.
        let Some(Ok(source)) = box_of(user, at).map(|view| view.source(at)) else { return };
        let (asked, at, version) = (asked.clone(), at.clone(), source.version());
        self.site().dropped.note(DroppedFile { by: user.by.clone(), asked, at, version });
    }

    fn find_dropped<'a>(&self, user: &'a User, path: &VPath) -> Option<Found<'a>> {
        let view = box_of(user, path)?;
        let file = self.site().dropped.find(&user.by, path)?;
        let source = open(view, &file)?;
        Some((view, file, source))
    }

    /// Of a file that this account has stored in a drop box, what it has sent itself; where it has
    /// stored none the error that was met.
    pub fn or_dropped(&self, path: &str, e: Error) -> Result<Entry> {
        let Error::Denied { .. } = e else { return Err(e) };
        let (user, path) = self.at(path)?;
        match self.find_dropped(user, &path) {
            Some((_, _, source)) => Ok(entry(&path, &source)),
            None => Err(e),
        }
    }

    /// The entries of a folder, and of a drop box what this account has stored there lately, if it
    /// has.
    pub fn list_or_dropped(&self, path: &str) -> Result<Listing> {
        let denied = match self.list(path) {
            Err(e @ Error::Denied { .. }) => e,
            listed => return listed,
        };
        let (user, path) = self.at(path)?;
        let view = user.vfs.view(&path)?;
        if !view.is_drop_box() || path != *view.mount_point() {
            return Err(denied);
        }
        let own = self.site().dropped.find_in(&user.by, &path);
        let own = own.iter().filter_map(|file| Some(entry(&file.asked, &open(view, file)?)));
        let own: Vec<Entry> = own.collect();
        if own.is_empty() { Err(denied) } else { Ok(Listing::of_entries(&path, own)) }
    }

    /// Sets the time of such a file; `None` if it is none.
    pub(super) fn set_dropped_time(&self, path: &str, mtime: Mtime) -> Option<Result<()>> {
        let (user, path) = self.at(path).ok()?;
        let (view, file, source) = self.find_dropped(user, &path)?;
        drop(source);
        let set = view.set_mtime(&file.at, mtime);
        self.note_dropped(&path, &file.at);
        Some(set)
    }

    /// Gives such a file another name in its drop box, or one beside it if somebody has that name.
    /// Tells where it was and is; `None` if it is no such file.
    pub(super) fn rename_dropped(
        &self,
        from: &str,
        to: &str,
        alive: &mut Alive<'_>,
    ) -> Option<Result<(VPath, VPath)>> {
        let (user, from) = self.at(from).ok()?;
        let (view, file, source) = self.find_dropped(user, &from)?;
        drop(source);
        let moved = user.cwd.join(to).and_then(|asked| {
            // Only within the box: beyond it, it would be taken out of there.
            if !user.vfs.to_write(&asked)?.is_same(view) {
                return Err(Error::Denied { path: from.as_str().to_owned() });
            }
            let at = self.move_dropped(user, view, (&file.at, &asked), alive)?;
            Ok((asked, at))
        });
        Some(moved.map(|(asked, at)| {
            self.site().dropped.forget(&file);
            self.note_dropped(&asked, &at);
            (file.at, at)
        }))
    }

    fn move_dropped(
        &self,
        user: &User,
        view: &View,
        (from, to): (&VPath, &VPath),
        alive: &mut Alive<'_>,
    ) -> Result<VPath> {
        for name in names_beside(to) {
            let name = name?;
            if name == *from {
                return Ok(name);
            }
            let names = [(view, from, Scope::Name), (view, &name, Scope::Name)];
            let moved = self.claim(user, names, alive).and_then(|claims| {
                let _held = charged(&claims)?.hold()?;
                view.rename(from, &name, false)
            });
            match moved {
                Err(Error::Exists { .. } | Error::Busy { .. }) => {}
                moved => return moved.map(|_| name),
            }
        }
        Err(Error::Changed { path: to.as_str().to_owned() })
    }
}
