//! The directory that is shared, and the temporary one beside it.

use std::cell::Cell;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use miniftp::error::Error;
use miniftp::limits;
use miniftp::mounts::{Mount, MountAudience, MountQuota};
use miniftp::quota::Entries;
use miniftp::rights::Rights;
use miniftp::sandbox::{Needs, Reach};
use miniftp::text::{Escaped, is_harmful, system_words};
use miniftp::vfs::{self, VPath, Volume};

use super::ShareOptions;
use crate::ends::Ends;
use crate::serving::{Plan, Serving};
use crate::temporary::TemporaryDir;

/// What a directory is called that has no name which can be shown.
const NAMELESS: &str = "share";
/// The link to it among the homes: its path may hold anything, and a setting may not.
const LINK: &str = "tree";
/// Where the server keeps what is its own.
const PRIVATE: &str = ".miniftp";
/// The file in the temporary directory that names a directory in which something was made.
const NOTE: &str = "made-in";

/// The directory that is shared, and what was made in it.
pub(super) struct Tree {
    /// The real directory, without links in its path.
    pub(super) dir: PathBuf,
    /// What it is called.
    pub(super) name: String,
    at: VPath,
    rights: Rights,
    mount_quota: Option<MountQuota>,
    place: TemporaryDir,
    /// Whether the server's own directory in it is made for this share.
    is_private_new: bool,
}

impl Tree {
    /// Looks at it, and makes the temporary directory.
    ///
    /// # Errors
    /// In words for the terminal.
    pub(super) fn open(options: &ShareOptions, ends: &Ends) -> Result<Tree, String> {
        let given = options.dir.as_deref().unwrap_or(Path::new("."));
        let refused = |what: &str| format!("{}: {what}", shown(given));
        let dir = given.canonicalize().map_err(|e| refused(&system_words(&e)))?;
        if !dir.is_dir() {
            return Err(refused("not a directory; share the one that it is in"));
        }
        let rights = if options.writes { Rights::ALL } else { Rights::READ };
        let (name, at) = name(options.name.as_deref(), &dir)?;
        let base = beside(&dir).ok_or_else(|| {
            refused("the directories for temporary files are in it; share one below, or set TMPDIR")
        })?;
        let unmade = |e: std::io::Error| format!("no temporary directory: {}", system_words(&e));
        let place = TemporaryDir::new(&base, "share", &remove_left).map_err(unmade)?;
        let homes = place.path("home");
        fs::create_dir(&homes).and_then(|()| symlink(&dir, homes.join(LINK))).map_err(unmade)?;
        Volume::try_out(&homes, &dir, options.writes).map_err(|what| refused(&what))?;
        let is_private_new = options.writes && fs::symlink_metadata(dir.join(PRIVATE)).is_err();
        if is_private_new {
            fs::write(place.path(NOTE), dir.as_os_str().as_bytes()).map_err(unmade)?;
        }
        let mount_quota = match (options.writes, options.quota_bytes) {
            (false, _) => None,
            (true, None) => Some(MountQuota::Own(u64::MAX)),
            (true, Some(bytes)) => Some(MountQuota::Own(held(&dir, ends)?.saturating_add(bytes))),
        };
        Ok(Tree { dir, name, at, rights, mount_quota, place, is_private_new })
    }

    /// How the server mounts it.
    pub(super) fn mount(&self) -> Mount {
        Mount {
            name: NAMELESS.to_owned(),
            at: self.at.clone(),
            dir: LINK.to_owned(),
            audience: MountAudience::All,
            rights: self.rights,
            mount_quota: self.mount_quota,
            // What is there already may be more than the settings allow.
            entries: Entries::Unlimited,
        }
    }

    /// What is needed of it: nothing is changed there where others may only read.
    pub(super) fn needed(&self) -> Needs {
        let reach = if self.rights.changes() { Reach::Change } else { Reach::Read };
        Needs { places: vec![(self.dir.clone(), reach)], connects: true, ..Needs::default() }
    }

    /// Starts a server for it.
    ///
    /// # Errors
    /// In words for the terminal.
    pub(super) fn start(&self, plan: Plan<'_>) -> Result<Serving, String> {
        let started = Serving::start(&self.place, plan);
        if started.is_err() {
            self.remove_traces("");
        }
        started
    }

    /// Removes what the server needed in the directory, once it has ended.
    pub(super) fn remove_traces(&self, user: &str) {
        let private = self.dir.join(PRIVATE);
        if self.is_private_new {
            remove_unused(&self.dir);
        } else if !user.is_empty() {
            // Unfinished uploads of an account that nobody has any more, on a disk of its own.
            let _ = fs::remove_dir_all(private.join("parts").join(user));
        }
    }
}

/// Removes the server's own directory in a tree, unless a server runs there.
fn remove_unused(dir: &Path) {
    if vfs::runner(dir, None).is_none() {
        // There is none where the tree is on the disk of the temporary files.
        let _ = fs::remove_dir_all(dir.join(PRIVATE));
    }
}

/// Removes what a share that was killed has left elsewhere than in its temporary directory.
fn remove_left(place: &Path) {
    if let Ok(dir) = fs::read(place.join(NOTE)) {
        remove_unused(Path::new(OsStr::from_bytes(&dir)));
    }
}

/// What a directory is called, and where it is seen.
fn name(given: Option<&str>, dir: &Path) -> Result<(String, VPath), String> {
    let own = dir.file_name().map(|name| name.to_os_string().into_vec());
    let own = own.and_then(|name| String::from_utf8(name).ok()).unwrap_or_default();
    let at = |name: &str| {
        let fits = !name.is_empty() && !name.contains('/') && !name.chars().any(is_harmful);
        let at = VPath::root().join(name).ok().filter(|_| fits)?;
        (at.as_str() == format!("/{name}")).then_some(at)
    };
    match (given, at(given.unwrap_or(&own))) {
        (_, Some(at)) => Ok((given.unwrap_or(&own).to_owned(), at)),
        (None, None) => {
            at(NAMELESS).map(|at| (NAMELESS.to_owned(), at)).ok_or("no name".to_owned())
        }
        (Some(name), None) => Err(format!(
            "--name: `{}` is not valid; expected the name of a directory: 1 to {} bytes, without \
             `/` and control characters",
            Escaped(name),
            limits::NAME
        )),
    }
}

/// A directory for temporary files that does not lie in the one that is shared: it has the record
/// of the password.
fn beside(dir: &Path) -> Option<PathBuf> {
    let named = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let all = [Some(env::temp_dir()), named, Some("/var/tmp".into()), Some("/dev/shm".into())];
    all.into_iter()
        .flatten()
        .find(|base| base.canonicalize().is_ok_and(|base| base.is_dir() && !base.starts_with(dir)))
}

/// The bytes of what is there already.
fn held(dir: &Path, ends: &Ends) -> Result<u64, String> {
    let is_over = Cell::new(false);
    let mut alive = || {
        is_over.set(ends.is_over());
        if is_over.get() { Err(Error::Stopping) } else { Ok(()) }
    };
    let held = vfs::held_below(dir, &mut alive);
    held.map(|held| held.bytes).map_err(|e| match is_over.get() {
        true => "stopped before it was shared".to_owned(),
        false => format!("{}: {}", shown(dir), e.in_full()),
    })
}

fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}
