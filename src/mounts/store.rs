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
use crate::vfs::{Home, Payer, Volume};

/// The file's name in the folder of settings.
const FILE: &str = "mounts.ini";

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
        let now = Version::at_rest(&self.path);
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
            check_beside(&mount, &volume, &mounts, is_account)?;
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
    let payer = match room {
        Some(Room::Account) => Payer::Writer,
        Some(Room::Own(_)) | None => Payer::Itself,
    };
    let in_dir = |what: String| format!("dir: {}: {what}", mount.dir);
    let path = Volume::find(home, &mount.dir).map_err(in_dir)?;
    if let Some(volume) = open.get(&path).and_then(Weak::upgrade) {
        if volume.payer() != payer {
            let what = "size: between `account` and a size of its own only a restart can change";
            return Err(what.to_owned());
        }
        return Ok(volume);
    }
    let volume =
        Volume::open(home, &path, &mount.name, payer).map_err(|e| in_dir(e.to_string()))?;
    let volume = Arc::new(volume);
    open.insert(path, Arc::downgrade(&volume));
    Ok(volume)
}

/// Where something can change, only one ledger may count it.
fn check_beside(
    mount: &Mount,
    volume: &Arc<Volume>,
    others: &[(Mount, Arc<Volume>)],
    is_account: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    if let Some(account) = volume.home_folder().filter(|name| is_account(name)) {
        if mount.rights.changes() {
            return Err(format!("rights: it lies in the home of {account}: read alone"));
        }
    }
    for (other, theirs) in others.iter().filter(|(_, theirs)| !Arc::ptr_eq(theirs, volume)) {
        let (ours, theirs) = (volume.path(), theirs.path());
        let overlap = ours.starts_with(theirs) || theirs.starts_with(ours);
        if overlap && (mount.rights.changes() || other.rights.changes()) {
            return Err(format!(
                "dir: overlaps that of [{}]; then both are for reading",
                other.name
            ));
        }
    }
    Ok(())
}
