//! The mounts in force, kept in step with conf/mounts.ini, which people edit.
//!
//! Never: writes the file; replaces the mounts in force by a file with a fault.
//! Invariant: what [`Store::current`] gives was once a whole valid file, every folder of it open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::fault::Fault;
use super::reading::mounts_of;
use super::{Mount, Mounts, MountsError, Room};
use crate::accounts::read_file;
use crate::version::Version;
use crate::vfs::{Home, Volume};

/// The file's name in the folder of settings.
pub const FILE: &str = "mounts.ini";

/// The mounts; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    home: Arc<Home>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    mounts: Arc<Mounts>,
    /// None if there was no file to look at.
    seen: Option<Version>,
    /// Whether a further change of the file is sure to change its version.
    settled: bool,
    /// What is wrong with the file, if the mounts in force are not its.
    fault: Option<String>,
    /// Every folder that is open, mounted still or only in a session that has not looked again.
    open: HashMap<PathBuf, Weak<Volume>>,
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
    ) -> Result<Store, MountsError> {
        let path = conf.join(FILE);
        let mut open = HashMap::new();
        let seen = Version::at(&path);
        let mounts = load(&path, home, &mut open, is_account)?;
        let settled = seen.is_none_or(|version| version.is_settled());
        let held = Held { mounts: Arc::new(mounts), seen, settled, fault: None, open };
        Ok(Store { path, home: Arc::clone(home), held: Mutex::new(held) })
    }

    /// The mounts in force, and those that they replaced, if they did just now. Costs one `stat`;
    /// the file is read again if it changed. One that is faulty is logged once, and the mounts stay
    /// as they were.
    pub fn current(&self, is_account: &dyn Fn(&str) -> bool) -> (Arc<Mounts>, Option<Arc<Mounts>>) {
        let now = Version::at(&self.path);
        let mut held = self.held();
        if now == held.seen && held.settled {
            return (Arc::clone(&held.mounts), None);
        }
        let mut before = None;
        let changed = now != held.seen;
        let now = Version::at_rest(&self.path, held.seen);
        held.seen = now;
        held.settled = now.is_none_or(|version| version.is_settled());
        let Held { open, .. } = &mut *held;
        match load(&self.path, &self.home, open, is_account) {
            Ok(mounts) => {
                held.fault = None;
                if !held.mounts.is_equal(&mounts) {
                    log::info!("mounts read again: {}", mounts.len());
                    before = Some(std::mem::replace(&mut held.mounts, Arc::new(mounts)));
                }
            }
            Err(fault) => {
                if held.fault.is_none() || changed {
                    log::error!("{fault}; the mounts stay as they were until it is mended");
                }
                held.fault = Some(fault.to_string());
            }
        }
        (Arc::clone(&held.mounts), before)
    }

    /// The mounts in force, without a look at the file.
    pub fn last(&self) -> Arc<Mounts> {
        Arc::clone(&self.held().mounts)
    }

    /// Why the mounts in force are not those of the file, for the operator; none if they are.
    pub fn fault(&self) -> Option<String> {
        self.held().fault.clone()
    }

    /// A thread that died here left nothing half done: what is held is assigned in whole fields,
    /// each of which is right by itself.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mounts {
    fn is_equal(&self, other: &Mounts) -> bool {
        self.len() == other.len()
            && self
                .mounts
                .iter()
                .zip(&other.mounts)
                .all(|((ours, our), (theirs, their))| ours == theirs && Arc::ptr_eq(our, their))
    }
}

fn load(
    path: &Path,
    home: &Arc<Home>,
    open: &mut HashMap<PathBuf, Weak<Volume>>,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<Mounts, MountsError> {
    let refused = |faults| MountsError { path: path.to_owned(), faults };
    if !path.exists() {
        return Ok(Mounts::default());
    }
    let (bytes, _) = read_file(path).map_err(|e| refused(vec![Fault::at(0, e.to_string())]))?;
    let sections = mounts_of(&bytes).map_err(refused)?;
    let (mut mounts, mut faults) = (Vec::<(Mount, Arc<Volume>)>::new(), Vec::new());
    // Of sections with the same folder one may have no size, where it is only read.
    let rooms: HashMap<String, Room> =
        sections.iter().filter_map(|(m, _)| Some((m.dir.clone(), m.room?))).collect();
    for (mount, line) in sections {
        let room = rooms.get(&mount.dir).copied();
        let found = open_one(home, open, &mount, room).and_then(|volume| {
            let others = mounts.iter().map(|(other, volume)| (other, volume.path()));
            check_beside(&mount, volume.path(), volume.home_folder(), others, is_account)?;
            Ok(volume)
        });
        match found {
            Ok(volume) => mounts.push((mount, volume)),
            Err(what) => faults.push(Fault::at(line, format!("[{}] {what}", mount.name))),
        }
    }
    open.retain(|_, volume| volume.strong_count() > 0);
    if faults.is_empty() { Ok(Mounts { mounts }) } else { Err(refused(faults)) }
}

/// The folder of a mount: the one that is open already, if it is.
fn open_one(
    home: &Arc<Home>,
    open: &mut HashMap<PathBuf, Weak<Volume>>,
    mount: &Mount,
    room: Option<Room>,
) -> Result<Arc<Volume>, String> {
    let in_dir = |what: String| format!("dir: {}: {what}", mount.dir);
    let path = Volume::find(home, &mount.dir).map_err(in_dir)?;
    if let Some(volume) = open.get(&path).and_then(Weak::upgrade) {
        return check_owners(volume, room);
    }
    let volume = Volume::open(home, &path).map_err(|e| in_dir(e.to_string()))?;
    let volume = Arc::new(volume);
    open.insert(path, Arc::downgrade(&volume));
    check_owners(volume, room)
}

/// Where each account pays for its own files, the disk has to keep whose they are.
fn check_owners(volume: Arc<Volume>, room: Option<Room>) -> Result<Arc<Volume>, String> {
    if room == Some(Room::Account) && !volume.keeps_owners() {
        let what =
            "size: this disk does not keep who stored a file; give the mount a size of its own";
        return Err(what.to_owned());
    }
    Ok(volume)
}

/// The mounts that the folder of settings `conf` asks for below the home `home`, or all that is
/// wrong with them. Nothing is opened or made, and a server may run there.
pub fn check(
    conf: &Path,
    home: &Path,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<Vec<Mount>, MountsError> {
    let path = conf.join(FILE);
    let refused = |faults| MountsError { path: path.clone(), faults };
    if !path.exists() {
        return Ok(Vec::new());
    }
    let (bytes, _) = read_file(&path).map_err(|e| refused(vec![Fault::at(0, e.to_string())]))?;
    let (mut mounts, mut faults) = (Vec::<(Mount, PathBuf)>::new(), Vec::new());
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    for (mount, line) in mounts_of(&bytes).map_err(refused)? {
        let found = Volume::foresee(&home, &mount.dir)
            .map_err(|what| format!("dir: {}: {what}", mount.dir))
            .and_then(|path| {
                let others = mounts.iter().map(|(other, path)| (other, path.as_path()));
                let folder = Volume::home_folder_of(&home, &path);
                check_beside(&mount, &path, folder, others, is_account)?;
                Ok(path)
            });
        match found {
            Ok(path) => mounts.push((mount, path)),
            Err(what) => faults.push(Fault::at(line, format!("[{}] {what}", mount.name))),
        }
    }
    let mounts = mounts.into_iter().map(|(mount, _)| mount).collect();
    if faults.is_empty() { Ok(mounts) } else { Err(refused(faults)) }
}

/// Where something can change, only one ledger may count it. `home_folder` is the account's, if
/// there is one of that name, in whose home it lies.
fn check_beside<'a>(
    mount: &Mount,
    path: &Path,
    home_folder: Option<&str>,
    mut others: impl Iterator<Item = (&'a Mount, &'a Path)>,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    if let Some(account) = home_folder.filter(|name| is_account(name)) {
        if mount.rights.changes() {
            return Err(format!("rights: it lies in the home of {account}: read alone"));
        }
    }
    let in_the_way = others.find(|(other, theirs)| {
        let overlap = path != *theirs && (path.starts_with(theirs) || theirs.starts_with(path));
        overlap && (mount.rights.changes() || other.rights.changes())
    });
    match in_the_way {
        Some((other, _)) => {
            Err(format!("dir: overlaps that of [{}]; then both are for reading", other.name))
        }
        None => Ok(()),
    }
}
