//! A tree of xxftp: a directory with a home for each user, in which `.xxftp` has what the server
//! knows: `password` (an MD5), `size`, `permission`, and `virtual`, the directories that are mapped
//! into the one that it lies in. Beside the homes are the texts `xxftp.welcome` and
//! `xxftp.goodbye`.
//!
//! Never: follows a link, or mounts a directory in which the MD5 of a password could be seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::accounts::AccountName;
use crate::rights::Rights;
use crate::text::Escaped;
use zeroize::Zeroizing;

use super::found::{Foreign, ForeignData, ForeignSecret, Mapping, entries, is_md5, size};
use super::{StoreError, folded, read, shown};

const OWN: &str = ".xxftp";
/// Directories in which more of `virtual` is looked for, in one import.
const LOOKED_THROUGH: usize = 10_000;

/// Whether there is such a home right in the directory.
pub(super) fn is_root(dir: &Path) -> bool {
    entries(dir).is_ok_and(|all| all.iter().any(|one| is_home(one)))
}

fn is_home(dir: &Path) -> bool {
    !dir.is_symlink() && dir.join(OWN).is_dir()
}

/// Whether it is sure that somebody could log in there.
fn is_users(home: &Path) -> bool {
    home.join(OWN).join("password").exists() || home.file_name().is_some_and(|n| n == "anonymous")
}

pub(super) fn read_root(dir: &Path, found: &mut ForeignData) -> Result<(), StoreError> {
    for (setting, file) in [("welcome", "xxftp.welcome"), ("goodbye", "xxftp.goodbye")] {
        let path = dir.join(file);
        if path.symlink_metadata().is_ok() {
            match path.is_symlink() {
                false => found.texts.push((setting, path)),
                true => found.missing.push(format!("`{}`: a link is not followed", shown(&path))),
            }
        }
    }
    let root = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mut walk = XxftpWalk { root, looked_through: 0 };
    let (mut homes, others): (Vec<_>, Vec<_>) =
        entries(dir)?.into_iter().filter(|one| is_home(one)).partition(|one| is_users(one));
    homes.extend(others);
    for home in &homes {
        let name = home.file_name().unwrap_or_default().to_string_lossy();
        // A directory that is mapped somewhere may have a size without being somebody's home.
        let is_this =
            |mapping: &Mapping| fs::canonicalize(&mapping.dir).ok() == home.canonicalize().ok();
        if !is_users(home) && found.mappings.iter().any(is_this) {
            continue;
        }
        let read = match &*name {
            "anonymous" => guest(home, found),
            name => user(home, name).map(|user| found.accounts.push(user)),
        };
        if let Err(why) = read {
            found.missing.push(format!("`{}`: {why}", Escaped(&name)));
            continue;
        }
        // A name that cannot be one here is named when its account is made.
        let account = AccountName::parse(&folded(&name));
        if account.is_some() || &*name == "anonymous" {
            walk.mappings_of(home, &name, account.as_ref(), found);
        }
    }
    if walk.looked_through >= LOOKED_THROUGH {
        let most = LOOKED_THROUGH;
        found.missing.push(format!("what is mapped beyond the first {most} directories"));
    }
    found.homes = Some(dir.to_owned());
    Ok(())
}

/// A file in the `.xxftp` of a directory; none if there is none.
fn own(dir: &Path, file: &str) -> Result<Option<Zeroizing<String>>, String> {
    let path = dir.join(OWN).join(file);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    if path.is_symlink() || dir.join(OWN).is_symlink() {
        return Err(format!("`{}` cannot be read: not a regular file, but a link", shown(&path)));
    }
    read(&path).map(Some).map_err(|e| e.to_string())
}

/// The limit of a directory in bytes; 0 was without limit there.
fn size_of(dir: &Path) -> Result<Option<u64>, String> {
    let text = own(dir, "size")?;
    text.map(|text| size(text.trim(), false)).transpose()
}

fn rights_of(text: &str) -> Option<Rights> {
    let words: Vec<&str> =
        text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    Rights::parse(&words.join(", "))
}

fn permission(dir: &Path) -> Result<Rights, String> {
    match own(dir, "permission")? {
        None => Ok(Rights::ALL),
        Some(text) => {
            rights_of(&text).ok_or_else(|| "its permissions are not read, write, modify".to_owned())
        }
    }
}

fn user(home: &Path, name: &str) -> Result<Foreign, String> {
    let secret = match own(home, "password")? {
        None => ForeignSecret::None,
        Some(text) if is_md5(text.trim()) => ForeignSecret::of(text.trim()),
        Some(_) => return Err("its password is no MD5".to_owned()),
    };
    let (size, mut notes) = (size_of(home)?, Vec::new());
    if size == Some(0) {
        notes.push(
            "its size 0, which was no limit there, is the default here; `miniftpd account quota` \
             changes it"
                .to_owned(),
        );
    }
    Ok(Foreign {
        name: name.to_owned(),
        secret,
        quota_bytes: size.filter(|bytes| *bytes > 0),
        rights: permission(home)?,
        admin: false,
        notes,
    })
}

/// The anonymous user: guests read their home here, and what is mapped is mounted for them.
fn guest(home: &Path, found: &mut ForeignData) -> Result<(), String> {
    found.guests = true;
    let changes = own(home, "permission")?.is_none() || permission(home)?.changes();
    if changes {
        found.missing.push("`anonymous`: guests only read in home/anonymous".to_owned());
    }
    if own(home, "password")?.is_some() {
        found.missing.push("`anonymous`: its password; guests need none here".to_owned());
    }
    Ok(())
}

/// What is looked through for mapped directories.
struct XxftpWalk {
    root: PathBuf,
    looked_through: usize,
}

impl XxftpWalk {
    /// What is mapped into a home and the directories in it, and into what is mapped there.
    fn mappings_of(
        &mut self,
        home: &Path,
        name: &str,
        account: Option<&AccountName>,
        found: &mut ForeignData,
    ) {
        let (mut waiting, mut seen) = (vec![(String::new(), home.to_owned())], BTreeSet::new());
        while let Some((at, dir)) = waiting.pop() {
            let real = fs::canonicalize(&dir).unwrap_or_else(|_| dir.clone());
            if self.looked_through >= LOOKED_THROUGH || !seen.insert(real) {
                continue;
            }
            self.looked_through += 1;
            for inner in entries(&dir).unwrap_or_default() {
                let hidden = inner.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
                if !hidden && !inner.is_symlink() && inner.is_dir() {
                    let last = inner.file_name().unwrap_or_default().to_string_lossy();
                    waiting.push((format!("{at}/{last}"), inner.clone()));
                }
            }
            for mapping in self.mapped_in(&dir, (&at, name), found) {
                waiting.push((mapping.at.clone(), mapping.dir.clone()));
                found.mappings.push(Mapping { account: account.cloned(), ..mapping });
            }
        }
    }

    /// The lines of a directory's `virtual`; those that cannot be imported are named.
    fn mapped_in(
        &self,
        dir: &Path,
        (at, name): (&str, &str),
        found: &mut ForeignData,
    ) -> Vec<Mapping> {
        let name = Escaped(name);
        let file = format!("`{name}`: `{}`", shown(&dir.join(OWN).join("virtual")));
        let text = match own(dir, "virtual") {
            Ok(Some(text)) => text,
            Ok(None) => return Vec::new(),
            Err(why) => {
                found.missing.push(format!("`{name}`: {why}"));
                return Vec::new();
            }
        };
        if !self.is_the_operators(&dir.join(OWN).join("virtual")) {
            found.missing.push(format!("{file} belongs to another user than the tree"));
            return Vec::new();
        }
        let mut mapped = Vec::new();
        for (before, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match self.mapping(line, at) {
                Ok(mapping) => mapped.push(mapping),
                Err(why) => found.missing.push(format!("{file}, line {}: {why}", before + 1)),
            }
        }
        mapped
    }

    /// Whoever has only a home in the tree does not choose which directories are mounted.
    fn is_the_operators(&self, file: &Path) -> bool {
        let owner = |path: &Path| rustix::fs::lstat(path).map(|stat| stat.st_uid).ok();
        let whose = owner(file);
        whose == Some(0) || (whose.is_some() && whose == owner(&self.root))
    }

    /// A line `name path permissions`; the path may have blanks, and begin with `$root`.
    fn mapping(&self, line: &str, at: &str) -> Result<Mapping, String> {
        let form = || "expected `name path permissions`".to_owned();
        let (name, rest) = line.trim().split_once(char::is_whitespace).ok_or_else(form)?;
        let (mut dir, mut rights) = (rest.trim(), String::new());
        while let Some((before, last)) = dir.rsplit_once(char::is_whitespace) {
            if rights_of(last).is_none() {
                break;
            }
            rights = format!("{last} {rights}");
            dir = before.trim_end();
        }
        let rights = rights_of(&rights).ok_or_else(form)?;
        let dir = PathBuf::from(dir.replace("$root", &self.root.to_string_lossy()));
        let real = fs::canonicalize(&dir).map_err(|e| format!("{}: {e}", shown(&dir)))?;
        let shows_passwords = |dir: &Path| dir.join(OWN).join("password").exists();
        let inside = entries(&real).unwrap_or_default();
        let shows = shows_passwords(&real) || inside.iter().any(|one| shows_passwords(one));
        if shows || self.root.starts_with(&real) {
            let what = "holds homes of that server, and the MD5s of their passwords would be seen";
            return Err(format!("{} {what}", shown(&dir)));
        }
        let size_bytes = size_of(&real)?.filter(|bytes| *bytes > 0);
        let at = format!("{at}/{}", name.trim_matches('/'));
        Ok(Mapping { at, dir, account: None, rights, size_bytes })
    }
}
