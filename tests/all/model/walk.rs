//! What is on the disk, looked at without the server, and whom it counts for.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::lgetxattr;

use super::content::Found;
use super::history::{Real, Spot};
use super::places::{ACCOUNTS, Owner};
use super::world::{Payer, World};

/// Which file it is, whatever its name, and whether it is the same one as before.
pub type Identity = (u64, u64, u128);

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file in its place.
    File,
    /// A directory.
    Directory,
    /// An unfinished upload, or a file that is not in its place yet.
    Part,
    /// A file without a name that the server holds open.
    Nameless,
}

/// Something on the disk that counts.
#[derive(Clone, Debug)]
pub struct Item {
    /// Which it is.
    pub identity: Identity,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub path: PathBuf,
    /// Where that is in the views.
    pub spot: Spot,
    /// Its bytes.
    pub bytes: u64,
    /// Whom it counts for, if anybody.
    pub owner: Option<Owner>,
    /// Whether it should say whose it is and does not.
    pub lacks_owner: bool,
}

fn identity(meta: &Metadata) -> Identity {
    let born = meta.created().unwrap_or(SystemTime::UNIX_EPOCH);
    let born = born.duration_since(UNIX_EPOCH).unwrap_or_default();
    (meta.dev(), meta.ino(), born.as_nanos())
}

/// Whom a file says that it belongs to.
fn owner_of(path: &Path) -> Option<usize> {
    let mut name = [0; 64];
    let len = lgetxattr(path, "user.miniftp.owner", &mut name).ok()?;
    ACCOUNTS.iter().position(|(account, _)| account.as_bytes() == &name[..len])
}

/// Everything that counts, and everything in directories that are not mounted now.
pub fn survey(world: &World<'_>) -> Vec<Item> {
    let table = world.table.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let labels = world.labels.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let mut items = Vec::new();
    for (root, dir) in world.roots.dirs.iter().enumerate() {
        let payer = world.payer(&table, &labels, root);
        // A file goes from the parts to its place: in this order it is missed by neither look.
        parts_of(world, root, payer, &mut items);
        walk(dir, &mut |path, meta| {
            let spot = Spot::new(root, path.strip_prefix(dir).unwrap().to_str().unwrap());
            let owner = match payer {
                Payer::Account(account) => Some(Owner::Account(account)),
                Payer::Itself => Some(Owner::Root(root)),
                Payer::Writer => owner_of(path).map(Owner::Account),
                Payer::Nobody => None,
            };
            let kind = if meta.is_dir() { Kind::Directory } else { Kind::File };
            let bytes = if meta.is_file() { meta.len() } else { 0 };
            let lacks_owner = payer == Payer::Writer && owner.is_none() && meta.is_file();
            let path = path.to_owned();
            items.push(Item {
                identity: identity(meta),
                kind,
                path,
                spot,
                bytes,
                owner,
                lacks_owner,
            });
        });
    }
    items
}

fn parts_of(world: &World<'_>, root: usize, payer: Payer, items: &mut Vec<Item>) {
    let above = match payer {
        Payer::Account(_) => vec![world.site.home().join(".miniftp/parts")],
        _ => world.roots.parts(root),
    };
    let named = ACCOUNTS.iter().enumerate();
    for (account, name) in named.map(|(account, (name, _))| (account, *name)) {
        if matches!(payer, Payer::Account(whose) if whose != account) {
            continue;
        }
        let owner = match payer {
            Payer::Account(account) => Some(Owner::Account(account)),
            Payer::Itself => Some(Owner::Root(root)),
            Payer::Writer => Some(Owner::Account(account)),
            Payer::Nobody => None,
        };
        let dirs = above.iter().filter_map(|above| fs::read_dir(above.join(name)).ok());
        for entry in dirs.flatten().flatten() {
            let path = entry.path();
            let is_part = path.extension().is_some_and(|end| end == "part" || end == "tmp");
            let Ok(meta) = path.symlink_metadata() else { continue };
            if !is_part || is_note(&path) {
                continue;
            }
            items.push(Item {
                identity: identity(&meta),
                kind: Kind::Part,
                spot: Spot::new(root, name),
                path,
                bytes: meta.len(),
                owner,
                lacks_owner: false,
            });
        }
    }
}

/// Whose unfinished upload it is, and where its file would be; `None` if no note tells that.
pub fn meant_by(part: &Item) -> Option<(usize, Spot)> {
    let account = ACCOUNTS.iter().position(|(name, _)| part.spot.path == *name)?;
    let note = fs::read_to_string(part.path.with_extension("note")).ok()?;
    let path = note.lines().find_map(|line| line.strip_prefix("path=/"))?;
    Some((account, Spot::new(part.spot.root, path)))
}

/// Whether it is a note that is being written under a passing name.
fn is_note(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "tmp")
        && fs::read(path).is_ok_and(|text| text.starts_with(b"miniftp part"))
}

/// Calls `seen` with everything below a directory but what is the server's own; what vanishes
/// meanwhile is passed over.
fn walk(top: &Path, seen: &mut dyn FnMut(&Path, &Metadata)) {
    let mut dirs = vec![top.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(meta) = path.symlink_metadata() else { continue };
            if entry.file_name() == ".miniftp" {
                continue;
            }
            seen(&path, &meta);
            if meta.is_dir() {
                dirs.push(path);
            }
        }
    }
}

/// The files without a name that a process holds open.
pub fn nameless(pid: u32) -> Vec<Item> {
    let mut items = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
        let link = entry.path();
        let Ok(target) = fs::read_link(&link) else { continue };
        if !target.to_string_lossy().ends_with(" (deleted)") {
            continue;
        }
        let Ok(meta) = fs::metadata(&link) else { continue };
        if !meta.is_file() || meta.nlink() > 0 {
            continue;
        }
        items.push(Item {
            identity: identity(&meta),
            kind: Kind::Nameless,
            path: target,
            spot: Spot::new(usize::MAX, ""),
            bytes: meta.len(),
            owner: None,
            lacks_owner: false,
        });
    }
    items
}

/// Bytes and entries of everybody.
pub fn sums(items: &[Item]) -> BTreeMap<Owner, (u64, u64)> {
    let mut sums: BTreeMap<Owner, (u64, u64)> = BTreeMap::new();
    for item in items {
        if let Some(owner) = item.owner {
            let sum = sums.entry(owner).or_default();
            sum.0 += item.bytes;
            sum.1 += 1;
        }
    }
    sums
}

/// What is where.
pub fn tree(items: &[Item]) -> BTreeMap<Spot, Real> {
    let mut tree = BTreeMap::new();
    for item in items {
        let real = match item.kind {
            Kind::Directory => Real::Directory,
            Kind::File => match fs::read(&item.path) {
                Ok(bytes) => Real::File(Found::of(&bytes)),
                Err(_) => continue,
            },
            Kind::Part | Kind::Nameless => continue,
        };
        tree.insert(item.spot.clone(), real);
    }
    tree
}
