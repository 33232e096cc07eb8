//! What this account has stored lately where it may not read: in drop boxes, in other mounts and in
//! a home. It may still say when such a file last changed and give it its final name, as clients do
//! that upload under another name first, and may look at what it has sent itself, as clients do
//! that check an upload.
//!
//! Never: tells anything of a file that is not the one that was stored, or whether another has the
//! name: whatever was changed from outside, or is not remembered, is refused as every name there.

use super::changes::charged;
use super::{Alive, Entry, EntryKind, Listing, Mtime, Session, User, VPath};
use crate::error::{Error, Result};
use crate::shared::DroppedFile;
use crate::transfer::Scope;
use crate::vfs::{Source, View, names_beside};

/// The view that a path is in, and the file there that it stands for, as it was left.
type DroppedAt<'a> = (&'a View, DroppedFile, Source);

/// The view that a path is in, if uploads are remembered there.
fn hiding<'a>(user: &'a User, path: &VPath) -> Option<&'a View> {
    user.vfs.to_write(path).ok().filter(|view| view.hides_uploads())
}

/// The file, if it is there as it was left.
fn open(view: &View, file: &DroppedFile) -> Option<Source> {
    view.source(&file.at).ok().filter(|source| source.version() == file.version)
}

fn entry(asked: &VPath, source: &Source) -> Entry {
    let name = asked.name().unwrap_or_default().to_owned();
    let (size, mtime) = (source.size(), source.mtime());
    // Whoever stored it may write there, and nothing else.
    Entry { name, odd: false, kind: EntryKind::File, size, mtime, mode: 0o200 }
}

impl Session {
    /// Remembers a file that was stored at `at`, which the client calls `asked`, where it may not
    /// be looked at.
    pub(super) fn note_dropped(&self, asked: &VPath, at: &VPath) {
        let Ok(user) = self.user() else { return };
        // It is stored all the same; only no more is known of it then.
        let Some(Ok(source)) = hiding(user, at).map(|view| view.source(at)) else { return };
        let (asked, at, version) = (asked.clone(), at.clone(), source.version());
        self.shared().dropped.note(DroppedFile { by: user.by.clone(), asked, at, version });
    }

    fn find_dropped<'a>(&self, user: &'a User, path: &VPath) -> Option<DroppedAt<'a>> {
        let view = hiding(user, path)?;
        let file = self.shared().dropped.find(&user.by, path)?;
        let source = open(view, &file)?;
        Some((view, file, source))
    }

    /// Of a file that this account has stored where it may not look, what it has sent itself; where
    /// it has stored none the error that was met.
    pub fn or_dropped(&self, path: &str, e: Error) -> Result<Entry> {
        let Error::Denied { .. } = e else { return Err(e) };
        let (user, path) = self.at(path)?;
        match self.find_dropped(user, &path) {
            Some((_, _, source)) => Ok(entry(&path, &source)),
            None => Err(e),
        }
    }

    /// The entries of a folder; where it may not be listed what this account has stored there
    /// lately, if it has, beside what is mounted there.
    pub fn list_or_dropped(&self, path: &str) -> Result<Listing> {
        let listed = self.list(path);
        if !matches!(listed, Ok(_) | Err(Error::Denied { .. })) {
            return listed;
        }
        let (user, path) = self.at(path)?;
        let view = user.vfs.view(&path)?;
        if !view.hides_uploads() {
            return listed;
        }
        let own = self.shared().dropped.find_in(&user.by, &path);
        let own = own.iter().filter_map(|file| Some(entry(&file.asked, &open(view, file)?)));
        let own: Vec<Entry> = own.collect();
        match listed {
            Ok(listing) => Ok(listing.and(own)),
            Err(e) if own.is_empty() => Err(e),
            Err(_) => Ok(Listing::of_entries(&path, own)),
        }
    }

    /// Sets the time of such a file; `None` if it is none.
    pub(super) fn set_dropped_time(
        &self,
        path: &str,
        mtime: Mtime,
        version: u64,
    ) -> Option<Result<()>> {
        let (user, path) = self.at(path).ok()?;
        let (view, file, source) = self.find_dropped(user, &path)?;
        drop(source);
        let set = view.set_mtime(&file.at, mtime, version);
        if set.is_ok() {
            self.note_dropped(&path, &file.at);
        }
        Some(set)
    }

    /// Gives such a file another name in its root, in a drop box or one beside it if somebody has
    /// that name. Tells where it was and is; `None` if it is no such file, or if the account may
    /// rename whatever is there.
    pub(super) fn rename_dropped(
        &self,
        from: &str,
        to: &str,
        alive: &mut Alive<'_>,
    ) -> Option<Result<(VPath, VPath)>> {
        let (user, from) = self.at(from).ok()?;
        let (view, file, source) = self.find_dropped(user, &from)?;
        drop(source);
        if view.rights().modify {
            return None;
        }
        let moved = user.cwd.join(to).and_then(|asked| {
            // Only within the root: beyond it, it would be taken out of there.
            if !user.vfs.to_write(&asked)?.is_same(view) {
                return Err(Error::Denied { path: from.as_str().to_owned() });
            }
            let at = self.move_dropped(user, view, (&file.at, &asked), alive)?;
            Ok((asked, at))
        });
        Some(moved.map(|(asked, at)| {
            self.shared().dropped.forget(&file);
            self.note_dropped(&asked, &at);
            (file.at, at)
        }))
    }

    /// Remembers such a file under the name that it was given by whoever may rename there.
    pub(super) fn follow_dropped(&self, file: &DroppedFile, to: &str) {
        self.shared().dropped.forget(file);
        if let Ok((_, to)) = self.at(to) {
            self.note_dropped(&to, &to);
        }
    }

    /// Such a file, as it is remembered.
    pub(super) fn dropped_at(&self, path: &str) -> Option<DroppedFile> {
        let (user, path) = self.at(path).ok()?;
        self.find_dropped(user, &path).map(|(_, file, _)| file)
    }

    fn move_dropped(
        &self,
        user: &User,
        view: &View,
        (from, to): (&VPath, &VPath),
        alive: &mut Alive<'_>,
    ) -> Result<VPath> {
        let others = if view.is_drop_box() { usize::MAX } else { 1 };
        for name in names_beside(to).take(others) {
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
                Err(Error::Exists { .. } | Error::Busy { .. }) if view.is_drop_box() => {}
                moved => return moved.map(|_| name),
            }
        }
        Err(Error::Changed { path: to.as_str().to_owned() })
    }
}
