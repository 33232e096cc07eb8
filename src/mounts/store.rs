//! The mounts in force, kept in step with conf/mounts.ini, which people edit.
//!
//! Never: writes the file; replaces the mounts in force by a file with a fault.
//! Invariant: what [`MountStore::last`] gives was once a whole valid file, every folder of it
//! open.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use super::places::{MountedSection, check_places, place_of};
use super::reading::{dirs_of, mounts_of};
use super::{Mount, MountQuota, Mounts};
use crate::conffile::{self, FileError, ParseErrors, Watched, is_shortage};
use crate::error::{Error, Result as Outcome};
use crate::limits;
use crate::lock::lock;
use crate::quota::DirectoryId;
use crate::sandbox;
use crate::vfs::{Home, Homes, Threads, Unopened, Volume};

/// The file's name in the folder of settings.
pub const FILE: &str = "mounts.ini";

/// Every directory that is open, mounted still or only in a session that has not looked again.
type OpenMounts = Mutex<HashMap<DirectoryId, Weak<Volume>>>;

/// The mounts; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct MountStore {
    file: Watched<Mounts>,
    home: Arc<Home>,
    open: Arc<OpenMounts>,
    late: Mutex<Vec<Late>>,
    /// Those that are mounted whatever the file says.
    given: Vec<Mount>,
}

impl MountStore {
    /// Reads `mounts.ini` in the folder of settings; without the file only those that are `given`
    /// are mounted. `is_account` tells whether an account of a name exists.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn open(
        conf: &Path,
        home: &Arc<Home>,
        is_account: &dyn Fn(&str) -> bool,
        given: Vec<Mount>,
    ) -> Result<MountStore, FileError> {
        let stays = "the mounts stay as they were";
        let file = Watched::new(conf.join(FILE), limits::SETTINGS_FILE, stays);
        let store = MountStore {
            file,
            home: Arc::clone(home),
            open: Arc::default(),
            late: Mutex::default(),
            given,
        };
        store.file.load(&|bytes| store.read(bytes, is_account))?;
        Ok(store)
    }

    /// Puts in force what the file says. Costs one `stat`; the file is read again if it changed.
    pub fn look(&self, is_account: &dyn Fn(&str) -> bool) {
        // A file system that stood still may answer by now.
        if lock(&self.late).iter().any(|late| !self.home.threads().is_late(&late.key)) {
            self.file.forget();
        }
        let look = self.file.look(&|bytes| self.read(bytes, is_account));
        if look.before.is_some() {
            log::info!("mounts read again: {}", look.value.mounts.len());
        }
    }

    /// Has the next look read the file, changed or not.
    pub fn forget(&self) {
        self.file.forget();
    }

    /// The mounts in force, without a look at the file.
    pub fn last(&self) -> Arc<Mounts> {
        self.file.last()
    }

    /// Every directory that is open as a mount, with its section, or without one where only a
    /// session or a transfer still has it.
    pub fn open_volumes(&self) -> Vec<(Option<String>, Arc<Volume>)> {
        let mounts = self.last();
        let open: Vec<_> = lock(&self.open).values().filter_map(Weak::upgrade).collect();
        open.into_iter()
            .map(|volume| {
                let of = |(_, other): &&(Mount, Arc<Volume>)| Arc::ptr_eq(other, &volume);
                (mounts.mounts.iter().find(of).map(|(mount, _)| mount.name.clone()), volume)
            })
            .collect()
    }

    /// Refuses to go by the mounts in force if the file has changed and cannot be taken over for
    /// want of descriptors or memory: nobody knows then what is mounted for whom.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn check_read(&self) -> Outcome<()> {
        self.file.check_read("reading the mounts that were changed")
    }

    /// What the file says now, as [`dirs_in`] reads it.
    ///
    /// # Errors
    /// As [`dirs_in`].
    pub fn dirs_in_file(&self) -> Outcome<Vec<(String, String)>> {
        dirs_in(self.file.path())
    }

    /// Opens what the file says. Only the session that asked for it waits.
    fn read(
        &self,
        bytes: Option<&[u8]>,
        is_account: &dyn Fn(&str) -> bool,
    ) -> Result<Mounts, ParseErrors> {
        let (mut sections, mut errors) = mounts_of(bytes.unwrap_or_default());
        sections.extend(self.given.iter().map(|mount| (mount.clone(), 0)));
        let before = std::mem::take(&mut *lock(&self.late));
        let mut all = Vec::new();
        for (mount, line) in sections {
            let (home, own) = (Arc::clone(&self.home), mount.clone());
            let key = self.home.dir().join(&mount.dir);
            let found = self.home.threads().within(&key, move || -> Result<_, String> {
                let path = Volume::find(&home, &own.dir)?;
                sandbox::in_force().map_or(Ok(()), |sandbox| own.check_reach(sandbox, &path))?;
                Ok((place_of(&path)?, path))
            });
            match found {
                Some(Ok((place, path))) => all.push(MountedSection { mount, line, path, place }),
                Some(Err(what)) => errors.push(line, mount.refused(&what)),
                None => self.note_late(&mount, key, &before),
            }
        }
        // Before anything is opened, which writes into some directories.
        let around = (self.file.path(), self.home.dir());
        check_places(&self.home.homes(), around, &mut all, is_account, &mut errors);
        let mut opened = Vec::new();
        let changing = all.iter().filter(|found| found.mount.rights.changes());
        let changing: Vec<_> = changing.map(|found| found.place.clone()).collect();
        for found in all {
            let (home, open, path) =
                (Arc::clone(&self.home), Arc::clone(&self.open), found.path.clone());
            let changes = changing.iter().any(|place| place.is(&found.place));
            let opening = move || open_at(&home, &open, &path, changes);
            let threads = self.home.threads();
            match threads.within_for(&found.path, limits::MOUNT_OPENING, opening) {
                Some(Ok(volume)) => opened.push((found, volume)),
                Some(Err((what, is_short))) => {
                    errors.is_shortage |= is_short;
                    errors.push(found.line, found.mount.refused(&what));
                }
                None => self.note_late(&found.mount, found.path, &before),
            }
        }
        check_owners(&opened, &mut errors);
        lock(&self.open).retain(|_, volume| volume.strong_count() > 0);
        let mounts = opened.into_iter().map(|(found, volume)| (found.mount, volume)).collect();
        errors.or(Mounts { mounts })
    }

    /// A mount whose file system does not answer counts as not there, and is mounted once it does.
    fn note_late(&self, mount: &Mount, key: PathBuf, before: &[Late]) {
        let Mount { name, dir, .. } = mount;
        let known = before.iter().find(|late| late.dir == *dir);
        if known.is_none() {
            log::error!(
                "[{name}] dir: {dir}: its file system does not answer; it is mounted when it does"
            );
        }
        let in_force = self.last();
        let mut same = in_force.mounts.iter().filter(|(other, _)| other.dir == *dir);
        let open = same.next().map(|(_, volume)| Arc::clone(volume));
        let kept = open.or_else(|| known.and_then(|late| late.kept.clone()));
        lock(&self.late).push(Late { dir: dir.clone(), key, kept });
    }
}

/// A mount that did not answer when its file was read.
#[derive(Debug)]
struct Late {
    dir: String,
    /// By which the thread that waits for it is known.
    key: PathBuf,
    /// What is open of it already, so that its lock is not given back meanwhile.
    kept: Option<Arc<Volume>>,
}

/// The directory at a path: with the descriptors that are open already, if it is the same one and
/// they do for what is to be done. The flag of an error tells that the system ran short of
/// something.
fn open_at(
    home: &Arc<Home>,
    open: &OpenMounts,
    path: &Path,
    changes: bool,
) -> Result<Arc<Volume>, (String, bool)> {
    let id = Volume::id_at(path).map_err(|what| (what, false))?;
    let known = lock(open).get(&id).and_then(Weak::upgrade);
    if let Some(volume) = known.filter(|volume| volume.changes() || !changes) {
        if *volume.path() != *path {
            volume.is_at(path);
        }
        return Ok(volume);
    }
    let volume = Volume::open(home, path, changes).map_err(|e| {
        let is_short = matches!(&e, Unopened::System { source, .. } if is_shortage(source));
        (e.to_string(), is_short)
    })?;
    let volume = Arc::new(volume);
    lock(open).insert(volume.directory(), Arc::downgrade(&volume));
    Ok(volume)
}

impl PartialEq for Mounts {
    /// Whether the sections and the open directories are the same.
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
    let file = conf.join(FILE);
    conffile::load(&file, limits::SETTINGS_FILE, &|bytes| {
        foreseen(&file, bytes.unwrap_or_default(), home, is_account)
    })
}

/// Checks what is about to become the text of the file `path`.
///
/// # Errors
/// All that is wrong with it.
pub fn check_text(
    path: &Path,
    bytes: &[u8],
    home: &Path,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<Vec<Mount>, FileError> {
    foreseen(path, bytes, home, is_account).map_err(|errors| FileError::parse(path, errors))
}

fn foreseen(
    file: &Path,
    bytes: &[u8],
    home: &Path,
    is_account: &dyn Fn(&str) -> bool,
) -> Result<Vec<Mount>, ParseErrors> {
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let (sections, mut errors) = mounts_of(bytes);
    let (mut all, threads) = (Vec::new(), Threads::default());
    for (mount, line) in sections {
        let (own, dir, changes) = (home.clone(), mount.dir.clone(), mount.rights.changes());
        let place = threads.within(&home.join(&mount.dir), move || {
            let path = Volume::foresee(&own, &dir)?;
            // A folder that several mounts show is locked by one of them for all.
            Volume::try_out(&own, &path, changes)?;
            Ok((place_of(&path)?, path))
        });
        let place = place.unwrap_or_else(|| Err("its file system does not answer".to_owned()));
        match place {
            Ok((place, path)) => all.push(MountedSection { mount, line, path, place }),
            Err(what) => errors.push(line, mount.refused(&what)),
        }
    }
    check_places(&Homes::new(&home), (file, &home), &mut all, is_account, &mut errors);
    errors.or(all.into_iter().map(|found| found.mount).collect())
}

/// Where each account pays for its own files, the disk has to keep whose they are.
fn check_owners(opened: &[(MountedSection, Arc<Volume>)], errors: &mut ParseErrors) {
    for (found, volume) in opened.iter().filter(|(_, volume)| !volume.keeps_owners()) {
        // Of sections with the same directory one may have no size, where it is only read.
        let mut same = opened.iter().filter(|(_, other)| Arc::ptr_eq(other, volume));
        if same.any(|(other, _)| other.mount.mount_quota == Some(MountQuota::Account)) {
            let what = "size: this disk does not keep who stored a file; \
                        give the mount a size of its own";
            errors.push(found.line, format!("[{}] {what}", found.mount.name));
        }
    }
}

impl Mount {
    fn refused(&self, what: &str) -> String {
        format!("[{}] dir: {}: {what}", self.name, self.dir)
    }
}
