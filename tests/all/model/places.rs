//! The accounts, the directories that they see, and conf/mounts.ini.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::dice::Dice;
use super::history::Spot;
use crate::harness::Site;

/// The accounts, and what each may store at first.
pub const ACCOUNTS: [(&str, u64); 3] =
    [("ann", 12_000_000), ("bob", 3_000_000), ("cat", 24_000_000)];

/// Whose limit something counts towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// An account, by its number.
    Account(usize),
    /// A directory with a limit of its own, by the number of its root.
    Root(usize),
}

/// The limit of what is stored in a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Nothing can be stored.
    Nothing,
    /// Each account pays for what it stored.
    Account,
    /// The mount has a limit of its own.
    Own(u64),
}

/// What may change of a section while operations are under way, since it changes no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The name of the section.
    pub section: String,
    /// Whose limit counts.
    pub size: Size,
}

/// A section of mounts.ini: what stays as it is while anything is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is seen.
    pub at: &'static str,
    /// What may be done there.
    pub rights: &'static str,
    /// The roots that it may show.
    pub roots: Vec<usize>,
    /// The one that it shows; `None` if the section is not there now.
    pub root: Option<usize>,
}

/// Where the longest mount point leads, for sections that may be elsewhere at another moment.
#[derive(Clone, Debug)]
pub struct Table {
    /// All sections, those that are not in the file included.
    pub mounts: Vec<Mount>,
}

impl Table {
    /// The mount that a path is in, where one is there.
    pub fn mount(&self, path: &str) -> Option<&Mount> {
        let inside = |mount: &&Mount| {
            let rest = path.strip_prefix(mount.at);
            mount.root.is_some() && rest.is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        self.mounts.iter().find(inside)
    }

    /// Where a path of an account is on the disk.
    pub fn spot(&self, account: usize, path: &str) -> Spot {
        match self.mount(path) {
            Some(Mount { root: Some(root), at, .. }) => {
                Spot::new(*root, path[at.len()..].trim_start_matches('/'))
            }
            _ => Spot::new(account, path.trim_start_matches('/')),
        }
    }

    /// The mount that shows a root, by its number.
    pub fn showing(&self, root: usize) -> Option<usize> {
        self.mounts.iter().position(|mount| mount.root == Some(root))
    }
}

/// The directories on the disk; those of the accounts come first.
pub struct Roots {
    /// Where each is.
    pub dirs: Vec<PathBuf>,
    home: PathBuf,
    /// A directory on another file system, removed at the end.
    elsewhere: Option<PathBuf>,
}

impl Roots {
    /// Makes the directories of a site, and the table that shows them.
    pub fn make(site: &Site) -> (Roots, Table, Vec<Label>) {
        let home = site.home();
        let mut dirs: Vec<PathBuf> = ACCOUNTS.iter().map(|(name, _)| home.join(name)).collect();
        let outside = site.root().join("outside");
        let elsewhere = other_file_system(site);
        let far = elsewhere.clone().unwrap_or_else(|| outside.join("far"));
        let (mut mounts, mut labels) = (Vec::new(), Vec::new());
        let mut add = |section: &str, at, rights, size, of: [PathBuf; 2]| {
            let roots: Vec<usize> = (dirs.len()..dirs.len() + of.len()).collect();
            dirs.extend(of);
            let root = Some(roots[0]);
            mounts.push(Mount { at, rights, roots, root });
            labels.push(Label { section: section.to_owned(), size });
        };
        let both = |above: &Path, name: &str| [above.join(name), above.join(format!("{name}-too"))];
        let all = "read, write, modify";
        add("own", "/own", all, Size::Own(9_000_000), both(&home, "own"));
        add("paid", "/paid", all, Size::Account, both(&outside, "paid"));
        add("in", "/deep/in", all, Size::Account, both(&home, "in"));
        add("out", "/out", all, Size::Own(2_500_000), both(&outside, "out"));
        add("far", "/far", all, Size::Own(2_000_000), both(&far, "far"));
        add("lent", "/lent", all, Size::Account, both(&far, "lent"));
        add("drop", "/drop", "write", Size::Own(1_500_000), both(&home, "drop"));
        add("look", "/look", "read", Size::Nothing, both(&home, "look"));
        for dir in &dirs {
            fs::create_dir_all(dir).unwrap();
        }
        (Roots { dirs, home, elsewhere }, Table { mounts }, labels)
    }

    /// Whether a root lies on another file system than the homes.
    pub fn is_far(&self, root: usize) -> bool {
        self.elsewhere.as_ref().is_some_and(|far| self.dirs[root].starts_with(far))
    }

    /// Where the unfinished uploads to a root may be, one directory for each account in it.
    pub fn parts(&self, root: usize) -> Vec<PathBuf> {
        let dir = &self.dirs[root];
        if self.is_far(root) {
            return vec![dir.join(".miniftp/parts")];
        }
        // The server names the directory after the inode, and what tells it from another directory
        // that gets the inode later.
        let inode = format!("{:x}", fs::metadata(dir).map_or(0, |meta| meta.ino()));
        let mounts = fs::read_dir(self.home.join(".miniftp/mounts"));
        let all = mounts.into_iter().flatten().flatten().map(|entry| entry.path());
        let is_its = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.split(['.', '-']).next() == Some(&inode)
        };
        all.filter(is_its).collect()
    }

    /// The text of mounts.ini.
    pub fn text(&self, table: &Table, labels: &[Label]) -> String {
        let mut text = String::new();
        for (mount, label) in table.mounts.iter().zip(labels) {
            let Some(root) = mount.root else { continue };
            let dir = self.dirs[root].strip_prefix(&self.home).unwrap_or(&self.dirs[root]);
            let (section, at, rights) = (&label.section, mount.at, mount.rights);
            let dir = dir.display();
            writeln!(text, "[{section}]\nat = {at}\ndir = {dir}\nfor = all\nrights = {rights}")
                .unwrap();
            match label.size {
                Size::Nothing => {}
                Size::Account => text.push_str("size = account\n"),
                Size::Own(bytes) => writeln!(text, "size = {bytes}").unwrap(),
            }
        }
        text
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        if let Some(dir) = self.elsewhere.take().filter(|_| !std::thread::panicking()) {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// A fresh directory on another file system than a site's, where there is one.
fn other_file_system(site: &Site) -> Option<PathBuf> {
    let name = site.root().file_name().unwrap().to_str().unwrap();
    let dir = std::env::temp_dir().join(format!("{name}-far"));
    fs::create_dir_all(&dir).ok()?;
    let [theirs, ours] = [&dir, &site.home()].map(|dir| fs::metadata(dir).unwrap().dev());
    if theirs == ours {
        return None;
    }
    Some(dir.canonicalize().unwrap())
}

/// Names that everybody uses.
const SHARED: [&str; 8] = ["f0", "f1", "f2", "d0/f0", "d0/f1", "d0/e/f0", "d1/f0", "d1/f1"];

/// Names that a session chooses from.
pub struct Names {
    /// The number of the session.
    pub session: usize,
}

impl Names {
    /// The directory that nobody but this session touches, in each root.
    pub fn own(&self) -> String {
        format!("w{}", self.session)
    }

    /// A file's name: one of its own, or one that everybody uses.
    pub fn file(&self, dice: &mut Dice, own: bool) -> String {
        match own {
            false => dice.pick(&SHARED).to_owned(),
            true => format!("{}/{}", self.own(), dice.pick(&["f0", "f1", "f2", "d/f0", "g/f0"])),
        }
    }

    /// A directory's name.
    pub fn directory(&self, dice: &mut Dice, own: bool) -> String {
        match own {
            false => dice.pick(&["d0", "d1", "d2", "d0/e", "d1/e"]).to_owned(),
            true => format!("{}/{}", self.own(), dice.pick(&["d", "g", "d/e"])),
        }
    }

    /// A directory's name right below the top, or below the session's own directory.
    pub fn movable(&self, dice: &mut Dice, own: bool) -> String {
        match own {
            false => dice.pick(&["d0", "d1", "d2"]).to_owned(),
            true => format!("{}/{}", self.own(), dice.pick(&["d", "g"])),
        }
    }
}
