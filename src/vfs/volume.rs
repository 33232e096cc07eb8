//! A real folder that is mounted in the views of accounts.
//!
//! ```text
//! <home>/.miniftp/mounts/<id>/<account>/   unfinished uploads, where it is on the home's disk
//! <folder>/.miniftp/                       lock, parts and trash, where it is on another disk
//! ```
//!
//! Never: knows who may do what in it, or where it is seen.
//! Invariant: one server at a time writes in it.

use std::fs::{self as std_fs, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, FlockOperation};
use rustix::io::{Errno, Result as OsResult, retry_on_intr};

use super::entry::FileId;
use super::home::{Home, Unopened};
use super::jail::{At, STAND, reopen};
use super::parts;
use super::room::Payer;
use super::tree::{Step, walk_but};
use super::{VPath, moves};
use crate::error::Result;

/// Mode of a mounted folder that is made because it is missing.
const FOLDER_MODE: u32 = 0o755;

/// What stands against the home's private folder.
const SERVERS_OWN: &str = "it is the server's own";

/// See the module.
#[derive(Debug)]
pub struct Volume {
    name: Box<str>,
    path: PathBuf,
    home_folder: Option<Box<str>>,
    payer: Payer,
    /// The home whose trash serves it: the server's, or one at the folder itself.
    home: Arc<Home>,
    root: OwnedFd,
    parts: OwnedFd,
    private: Option<FileId>,
}

impl Volume {
    /// The folder that `dir` means, with no links in its path: below the home, or absolute. Below
    /// the home it is made if it is missing.
    ///
    /// # Errors
    /// What stands against it, in words that go on after "dir: ".
    pub fn find(home: &Home, dir: &str) -> std::result::Result<PathBuf, String> {
        let path = home.dir().join(dir);
        if below_home(dir)? {
            let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&path);
            made.map_err(|e| format!("cannot be made: {e}"))?;
        }
        found_at(home.dir(), &path)
    }

    /// The same for a home that may be another server's: nothing is made.
    pub fn foresee(home: &Path, dir: &str) -> std::result::Result<PathBuf, String> {
        let whole = std_fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
        let path = whole.join(dir);
        if path.starts_with(whole.join(".miniftp")) {
            return Err(SERVERS_OWN.to_owned());
        }
        if below_home(dir)? && !path.exists() {
            return Ok(path);
        }
        found_at(&whole, &path)
    }

    /// The topmost folder of the home in which a path lies.
    pub fn home_folder_of<'a>(home: &Path, path: &'a Path) -> Option<&'a str> {
        path.strip_prefix(home).ok()?.iter().next()?.to_str()
    }

    /// Opens the folder `path`, which [`Volume::find`] found. `name` stands for it in claims and in
    /// the ledger.
    pub fn open(
        home: &Arc<Home>,
        path: &Path,
        name: &str,
        payer: Payer,
    ) -> std::result::Result<Volume, Unopened> {
        let system = |doing| move |e: Errno| Unopened::System { doing, source: e.into() };
        let home_folder = Volume::home_folder_of(home.dir(), path).map(Box::from);
        let root: OwnedFd = File::open(path)
            .map_err(|source| Unopened::System { doing: "opening the folder", source })?
            .into();
        let (home, folder, private) = if shares_disk(home, root.as_fd()) {
            if !path.starts_with(home.dir()) {
                lock(root.as_fd())?;
            }
            let id = &blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex()[..32];
            let folder = home.mount_parts(id).map_err(system("making .miniftp/mounts"))?;
            parts::sweep(folder.as_fd()).map_err(system("looking through the parts"))?;
            (Arc::clone(home), folder, None)
        } else {
            let own = Home::open(path)?;
            let folder = reopen(own.parts()).map_err(system("opening .miniftp/parts"))?;
            let private = own.private_id().map_err(system("looking at .miniftp"))?;
            (Arc::new(own), folder, Some(private))
        };
        if payer == Payer::Writer {
            moves::try_owners(&home).map_err(system(
                "writing down who stored a file, which this disk does not keep; \
                 give the mount a size of its own",
            ))?;
            home.keep_owners();
        }
        Ok(Volume {
            name: name.into(),
            path: path.to_owned(),
            home_folder,
            payer,
            home,
            root,
            parts: folder,
            private,
        })
    }

    /// The claims, one of which whoever writes the part of an account's upload to `path` has; the
    /// path is as it is called from this root.
    pub fn part_keys(&self, path: &VPath, account: &str) -> Vec<String> {
        let key = format!("{}{}", self.key(), path.as_str());
        let dropped = super::drop_box::dropped_key(&key, account);
        vec![key, dropped]
    }

    /// What it is called in claims and in the ledger.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The real folder, without links in its path; for the operator.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder right below the server's home in which it lies, if it lies there: perhaps an
    /// account's.
    pub fn home_folder(&self) -> Option<&str> {
        self.home_folder.as_deref()
    }

    /// Who pays for what is stored in it.
    pub fn payer(&self) -> Payer {
        self.payer
    }

    /// What stands in front of the paths in it where claims name them: no account's name has a
    /// colon.
    pub fn key(&self) -> String {
        format!(":{}", self.name)
    }

    /// The accounts that have, or had, unfinished uploads to it.
    pub fn accounts_with_parts(&self) -> Vec<String> {
        parts::accounts_in(self.parts())
    }

    /// Drops an account's old parts, as [`Home::expire_parts`] does.
    pub fn expire_parts<C>(
        &self,
        account: &str,
        older_than: SystemTime,
        claim: &dyn Fn(&VPath) -> Option<C>,
    ) -> u64 {
        parts::expire((&self.home, self.parts()), account, older_than, claim)
    }

    /// Adds up what is stored in it: files and unfinished uploads, those of one account where one
    /// is named. `alive` is called for each file; its error ends the walk.
    pub fn used_bytes(
        &self,
        only: Option<&str>,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<u64> {
        let root = VPath::root();
        let failed = |e| super::jail::told(e, &root, "adding up a mounted folder");
        let mut used = 0_u64;
        let top = reopen(self.root.as_fd()).map_err(failed)?;
        walk_but(top, &root, self.private, &mut |step| {
            let Step::Leaf(at) = step else { return Ok(()) };
            alive()?;
            if only.is_none_or(|only| moves::owner_at(at).is_some_and(|owner| &*owner == only)) {
                used = used.saturating_add(super::view::bytes_at(at).map_err(failed)?);
            }
            Ok(())
        })?;
        Ok(used.saturating_add(parts::used_by(self.parts(), only).map_err(failed)?))
    }

    pub(super) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    pub(super) fn parts(&self) -> BorrowedFd<'_> {
        self.parts.as_fd()
    }

    pub(super) fn private(&self) -> Option<FileId> {
        self.private
    }

    /// One more descriptor of the root, to stand in.
    pub(super) fn stand(&self) -> OsResult<OwnedFd> {
        retry_on_intr(|| fs::openat(&self.root, c".", STAND, fs::Mode::empty()))
    }
}

/// Whether a folder is said by its path below the home.
fn below_home(dir: &str) -> std::result::Result<bool, String> {
    if Path::new(dir).is_absolute() {
        return Ok(false);
    }
    let root = VPath::root();
    let plain = root.join(dir).is_ok_and(|path| !path.is_root()) && !root.climbs_out(dir);
    if plain { Ok(true) } else { Err("this leads nowhere below the home".to_owned()) }
}

fn found_at(home: &Path, path: &Path) -> std::result::Result<PathBuf, String> {
    let found = std_fs::canonicalize(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => "no such folder; make it first".to_owned(),
        _ => format!("cannot be opened: {e}"),
    })?;
    if home.starts_with(&found) {
        return Err("the home lies in it".to_owned());
    }
    if found.starts_with(home.join(".miniftp")) {
        return Err(SERVERS_OWN.to_owned());
    }
    if !found.is_dir() {
        return Err("this is no folder".to_owned());
    }
    Ok(found)
}

/// Whether a rename from the home's trash can reach the folder. The kernel looks at that first, so
/// the name need not be there.
fn shares_disk(home: &Home, root: BorrowedFd<'_>) -> bool {
    let name = home.passing_name();
    let name = name.as_bytes();
    At::new(home.trash(), name).rename(At::new(root, name)) != Err(Errno::XDEV)
}

/// Holds the folder for this server; nothing is written there.
fn lock(root: BorrowedFd<'_>) -> std::result::Result<(), Unopened> {
    match fs::flock(root, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(Unopened::InUse { pid: None }),
        Err(e) => Err(Unopened::System { doing: "taking the lock", source: e.into() }),
    }
}
