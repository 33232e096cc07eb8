//! The mounts in force, kept in step with conf/mounts.ini, which people edit.
//!
//! Never: writes the file; replaces the mounts in force by a file with a fault.
//! Invariant: what [`Store::current`] gives was once a whole valid file, every folder of it open.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::reading::{dirs_of, mounts_of};
use super::{Mount, Mounts, Room};
use crate::conffile::{self, FileError, ParseErrors, Watched, is_shortage};
use crate::error::{Error, Result as Outcome};
use crate::limits;
use crate::vfs::{Home, Unopened, Volume};

/// The file's name in the folder of settings.
pub const FILE: &str = "mounts.ini";

/// Every directory that is open, mounted still or only in a session that has not looked again.
type Open = Mutex<HashMap<PathBuf, Weak<Volume>>>;

/// The mounts; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Store {
    file: Watched<Mounts>,
    home: Arc<Home>,
    open: Open,
}

impl Store {
    /// Reads `mounts.ini` in the folder of settings; without the file nothing is mounted.
    /// `is_account` tells whether an account of a name exists.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn open(
        conf: &Path,
        home: &Arc<Home>,
        is_account: &dyn Fn(&str) -> bool,
    ) -> Result<Store, FileError> {
        let stays = "the mounts stay as they were";
        let file = Watched::new(conf.join(FILE), limits::SETTINGS_FILE, stays);
        let store = Store { file, home: Arc::clone(home), open: Mutex::default() };
        store.file.load(&|bytes| store.read(bytes, is_account))?;
        Ok(store)
    }

    /// The mounts in force, and those that they replaced, if they did just now. Costs one `stat`;
    /// the file is read again if it changed.
    pub fn current(&self, is_account: &dyn Fn(&str) -> bool) -> (Arc<Mounts>, Option<Arc<Mounts>>) {
        let look = self.file.look(&|bytes| self.read(bytes, is_account));
        if look.before.is_some() {
            log::info!("mounts read again: {}", look.value.mounts.len());
        }
        (look.value, look.before)
    }

    /// Has the next look read the file, changed or not.
    pub fn forget(&self) {
        self.file.forget();
    }

    /// The mounts in force, without a look at the file.
    pub fn last(&self) -> Arc<Mounts> {
        self.file.last()
    }

    /// Every directory that is open as a mount, with its section: in force, or still in the hands
    /// of a session.
    pub fn open_volumes(&self) -> Vec<(String, Arc<Volume>)> {
        let mounts = self.last();
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.values().filter_map(Weak::upgrade);
        open.map(|volume| {
            let of = |(_, other): &&(Mount, Arc<Volume>)| Arc::ptr_eq(other, &volume);
            let name = mounts.mounts.iter().find(of).map(|(mount, _)| mount.name.clone());
            (name.unwrap_or_else(|| "removed from mounts.ini".to_owned()), volume)
        })
        .collect()
    }

    /// Whether the file has changed and cannot be taken over for want of descriptors or memory, so
    /// that nobody knows what is mounted for whom.
    pub fn is_unread(&self) -> bool {
        self.file.is_unread()
    }

    /// What the file says now, as [`dirs_in`] reads it.
    ///
    /// # Errors
    /// As [`dirs_in`].
    pub fn dirs_in_file(&self) -> Outcome<Vec<(String, String)>> {
        dirs_in(self.file.path())
    }

    /// Opens what the file says. Nobody waits for that but who asked for it.
    fn read(
        &self,
        bytes: Option<&[u8]>,
        is_account: &dyn Fn(&str) -> bool,
    ) -> Result<Mounts, ParseErrors> {
        let mounts = mounts_in(bytes, &|mount, room, errors| {
            let (path, volume) = self.open_one(mount, room, &mut errors.is_shortage)?;
            check_home(mount, volume.home_folder(), is_account)?;
            Ok((path, volume))
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, volume| volume.strong_count() > 0);
        Ok(Mounts { mounts: mounts? })
    }

    /// The directory of a mount, with its path: the one that is open already, if it is.
    fn open_one(
        &self,
        mount: &Mount,
        room: Option<Room>,
        is_short: &mut bool,
    ) -> Result<(PathBuf, Arc<Volume>), String> {
        let in_dir = |what: String| format!("dir: {}: {what}", mount.dir);
        let path = Volume::find(&self.home, &mount.dir).map_err(in_dir)?;
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open().get(&path).and_then(Weak::upgrade);
        let volume = match known {
            Some(volume) => volume,
            None => {
                let opened = Volume::open(&self.home, &path).map_err(|e| {
                    *is_short |=
                        matches!(&e, Unopened::System { source, .. } if is_shortage(source));
                    in_dir(e.to_string())
                });
                let volume = Arc::new(opened?);
                open().insert(path.clone(), Arc::downgrade(&volume));
                volume
            }
        };
        // Where each account pays for its own files, the disk has to keep whose they are.
        if room == Some(Room::Account) && !volume.keeps_owners() {
            let what =
                "size: this disk does not keep who stored a file; give the mount a size of its own";
            return Err(what.to_owned());
        }
        Ok((path, volume))
    }
}

/// How the directory of a mount is opened, or why not; with its path.
type OpenDir<'a, D> =
    dyn Fn(&Mount, Option<Room>, &mut ParseErrors) -> Result<(PathBuf, D), String> + 'a;

/// The mounts of a text with the directory of each as `open` gives it, or all that is wrong.
fn mounts_in<D>(
    bytes: Option<&[u8]>,
    open: &OpenDir<'_, D>,
) -> Result<Vec<(Mount, D)>, ParseErrors> {
    let (sections, mut errors) = mounts_of(bytes.unwrap_or_default());
    // Of sections with the same directory one may have no size, where it is only read.
    let rooms: HashMap<String, Room> =
        sections.iter().filter_map(|(m, _)| Some((m.dir.clone(), m.room?))).collect();
    let mut mounts = Vec::<(Mount, PathBuf, D)>::new();
    for (mount, line) in sections {
        let room = rooms.get(&mount.dir).copied();
        let found = open(&mount, room, &mut errors)
            .and_then(|(path, dir)| check_beside(&mount, &path, &mounts).map(|()| (path, dir)));
        match found {
            Ok((path, dir)) => mounts.push((mount, path, dir)),
            Err(what) => errors.push(line, format!("[{}] {what}", mount.name)),
        }
    }
    errors.or(mounts.into_iter().map(|(mount, _, dir)| (mount, dir)).collect())
}

impl PartialEq for Mounts {
    /// The same sections, and the same open directories.
    fn eq(&self, other: &Mounts) -> bool {
        let both = || self.mounts.iter().zip(&other.mounts);
        self.mounts.len() == other.mounts.len()
            && both()
                .all(|((ours, our), (theirs, their))| ours == theirs && Arc::ptr_eq(our, their))
    }
}

/// The directories that a mounts.ini names, each with its section, whatever else is wrong with it.
///
/// # Errors
/// If it is there and cannot be read.
pub fn dirs_in(path: &Path) -> Outcome<Vec<(String, String)>> {
    let failed = |e: FileError| Error::io("reading mounts.ini", io::Error::other(e.to_string()));
    let read = |bytes: Option<&[u8]>| Ok(dirs_of(bytes.unwrap_or_default()));
    let dirs = conffile::load(path, limits::SETTINGS_FILE, &read);
    Ok(dirs.map_err(failed)?.to_vec())
}

/// The mounts that the folder of settings `conf` asks for below the home `home`, or all that is
/// wrong with them. Nothing is opened or made, and a server may run there.
///
/// # Errors
/// All that is wrong with the file.
pub fn check(
    conf: &Path,
    home: &Path,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<Arc<Vec<Mount>>, FileError> {
    conffile::load(&conf.join(FILE), limits::SETTINGS_FILE, &|bytes| {
        foreseen(bytes.unwrap_or_default(), home, is_account)
    })
}

/// The same for what is to be the text of the file `path`.
///
/// # Errors
/// All that is wrong with it.
pub fn check_text(
    path: &Path,
    bytes: &[u8],
    home: &Path,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<Vec<Mount>, FileError> {
    foreseen(bytes, home, is_account).map_err(|errors| FileError::parse(path, errors))
}

fn foreseen(
    bytes: &[u8],
    home: &Path,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<Vec<Mount>, ParseErrors> {
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let mounts = mounts_in(Some(bytes), &|mount, _, _| {
        let in_dir = |what: String| format!("dir: {}: {what}", mount.dir);
        let path = Volume::foresee(&home, &mount.dir).map_err(in_dir)?;
        check_home(mount, Volume::home_folder_of(&home, &path), is_account)?;
        // A folder that several mounts show is locked by one of them for all.
        Volume::try_out(&home, &path, mount.rights.changes()).map_err(in_dir)?;
        Ok((path, ()))
    })?;
    Ok(mounts.into_iter().map(|(mount, ())| mount).collect())
}

/// `home_folder` is the account's, if there is one of that name, in whose home the mount lies.
fn check_home(
    mount: &Mount,
    home_folder: Option<&str>,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    match home_folder.filter(|name| mount.rights.changes() && is_account(name)) {
        Some(account) => Err(format!("rights: it lies in the home of {account}: read alone")),
        None => Ok(()),
    }
}

/// Where something can change, only one ledger may count it.
fn check_beside<D>(
    mount: &Mount,
    path: &Path,
    others: &[(Mount, PathBuf, D)],
) -> Result<(), String> {
    let in_the_way = others.iter().find(|(other, theirs, _)| {
        let overlap = path != *theirs && (path.starts_with(theirs) || theirs.starts_with(path));
        overlap && (mount.rights.changes() || other.rights.changes())
    });
    match in_the_way {
        Some((other, ..)) => {
            Err(format!("dir: overlaps that of [{}]; then both are for reading", other.name))
        }
        None => Ok(()),
    }
}
