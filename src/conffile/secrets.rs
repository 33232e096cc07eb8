//! Who besides its owner can read or write a file with a secret in it, and the command that ends
//! that.
//!
//! Never: opens such a file, or changes its mode.

use std::fmt;
use std::path::Path;

use rustix::fs::Stat;

use super::{FileError, ParseErrors};
use crate::text::{Escaped, shell_quoted};

/// Bits of reading, for the group and for all others.
const READ: u32 = 0o044;
/// Bits of writing.
const WRITE: u32 = 0o022;
/// All bits but those of the owner.
const OTHERS: u32 = 0o077;
/// What the group may not have of a key that belongs to root, and what nobody else may have.
const BEYOND_ROOTS_GROUP: u32 = 0o037;

/// Somebody can do something with a file who should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    path: String,
    what: &'static str,
    /// The mode, where it is at fault and not the owner.
    mode: Option<u32>,
    /// The command that ends it.
    repair: String,
}

impl Exposed {
    /// A wrong mode, where `chmod wanted` ends it.
    fn new(path: &Path, what: &'static str, mode: u32, wanted: &str) -> Exposed {
        let (path, mode) = (Escaped(&path.to_string_lossy()).to_string(), Some(mode & 0o777));
        let repair = format!("chmod {wanted} {}", shell_quoted(&path));
        Exposed { path, what, mode, repair }
    }

    /// A wrong owner, where `chown wanted` of something ends it.
    fn owned(path: &Path, what: &'static str, wanted: &str, of: &Path) -> Exposed {
        let [path, of] = [path, of].map(|path| Escaped(&path.to_string_lossy()).to_string());
        Exposed { path, what, mode: None, repair: format!("chown {wanted} {}", shell_quoted(&of)) }
    }
}

/// Refuses the file of a private key that somebody else than this process's user can read; the
/// settings that name it are in `conf`.
///
/// # Errors
/// What is wrong, with the command that repairs it. A file that is not there is for whoever opens
/// it.
pub(crate) fn check_key(path: &Path, conf: &Path) -> Result<(), FileError> {
    let Ok(stat) = rustix::fs::stat(path) else { return Ok(()) };
    let server = rustix::process::geteuid().as_raw();
    // Root serves from a user's directory, as in a container: what that user made before is good.
    let conf = rustix::fs::stat(conf).ok().filter(|_| server == 0);
    let owners: Vec<u32> = [server].into_iter().chain(conf.map(|conf| conf.st_uid)).collect();
    match exposed_key(path, &stat, &owners) {
        Some(exposed) => Err(FileError::parse(path, ParseErrors::whole(exposed.without_path()))),
        None => Ok(()),
    }
}

impl Exposed {
    /// What is wrong, for whoever has named the file already.
    fn without_path(&self) -> String {
        let mode = self.mode.map(|mode| format!(" (mode {mode:03o})")).unwrap_or_default();
        format!("{}{mode}; {}", self.what, self.repair)
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.without_path())
    }
}

/// A file with what passwords are checked by, or with names and addresses, that others can read.
pub fn readable_by_others(path: &Path, stat: &Stat) -> Option<Exposed> {
    (stat.st_mode & READ != 0)
        .then(|| Exposed::new(path, "can be read by others", stat.st_mode, "600"))
}

/// A file or directory that decides who may do what, or what is run, and that others can write.
/// `is_private` tells whether a group has nobody in it but a user, as many systems make one for
/// each; it is given the numbers of both.
pub fn writable_by_others(
    path: &Path,
    stat: &Stat,
    is_private: &dyn Fn(u32, u32) -> bool,
) -> Option<Exposed> {
    let is_open = match stat.st_mode & WRITE {
        0 => false,
        0o020 => !is_private(stat.st_uid, stat.st_gid),
        _ => true,
    };
    is_open.then(|| Exposed::new(path, "can be written by others", stat.st_mode, "go-w"))
}

/// Something that belongs to nobody of `owners`, whose first one it is to be given to, nor to root:
/// whoever it belongs to can give it another mode.
pub fn owned_by_others(path: &Path, stat: &Stat, owners: &[u32]) -> Option<Exposed> {
    let is_foreign = stat.st_uid != 0 && !owners.contains(&stat.st_uid);
    let owner = owners.first().filter(|_| is_foreign)?;
    Some(Exposed::owned(path, "belongs to another user", &owner.to_string(), path))
}

/// What root's server has left in the homes, where the server is not root any more.
pub fn left_by_root(path: &Path, stat: &Stat, server_uid: u32, home: &Path) -> Option<Exposed> {
    let is_left = stat.st_uid == 0 && server_uid != 0;
    let what = "belongs to root, whose server has run here";
    is_left.then(|| Exposed::owned(path, what, &format!("-R {server_uid}"), home))
}

/// A directory in which everybody can put one thing in the place of another: not one like `/tmp`,
/// where only the owner of a thing can.
pub fn replaceable_by_others(path: &Path, stat: &Stat) -> Option<Exposed> {
    let is_open = stat.st_mode & 0o1002 == 0o002;
    is_open.then(|| Exposed::new(path, "can be written by others", stat.st_mode, "o-w"))
}

/// What is for its owner alone, and others can read or write.
pub fn usable_by_others(path: &Path, stat: &Stat) -> Option<Exposed> {
    open_to(path, stat, OTHERS, if stat.st_mode & 0o100 == 0 { "600" } else { "700" })
}

/// A private key that somebody else can read, or that belongs to somebody else than `owners`, of
/// whom the first is the server's user, or root. As PostgreSQL has it: the server's own is for the
/// server alone, and one of root's may be read by a group that the server is in.
pub fn exposed_key(path: &Path, stat: &Stat, owners: &[u32]) -> Option<Exposed> {
    if stat.st_uid == 0 {
        let wanted = if owners.first() == Some(&0) { "600" } else { "640" };
        return open_to(path, stat, BEYOND_ROOTS_GROUP, wanted);
    }
    owned_by_others(path, stat, owners).or_else(|| open_to(path, stat, OTHERS, "600"))
}

fn open_to(path: &Path, stat: &Stat, forbidden: u32, wanted: &str) -> Option<Exposed> {
    let what = "can be read or written by others";
    (stat.st_mode & forbidden != 0).then(|| Exposed::new(path, what, stat.st_mode, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mode: u32, uid: u32, gid: u32) -> Stat {
        let mut stat = rustix::fs::stat("/").unwrap();
        (stat.st_mode, stat.st_uid, stat.st_gid) = (0o100_000 | mode, uid, gid);
        stat
    }

    #[test]
    fn a_key_is_the_servers_alone_or_roots_for_a_group() {
        let path = Path::new("key");
        let key = |mode, owner, server| {
            exposed_key(path, &file(mode, owner, 7), &[server]).map(|exposed| exposed.to_string())
        };
        for (mode, owner, server) in
            [(0o600, 7, 7), (0o400, 7, 7), (0o600, 0, 7), (0o640, 0, 7), (0o640, 0, 0)]
        {
            assert_eq!(key(mode, owner, server), None, "{mode:o} of {owner} for {server}");
        }
        for (mode, owner, server, words) in [
            (0o640, 7, 7, "key can be read or written by others (mode 640); chmod 600 key"),
            (0o604, 7, 7, "key can be read or written by others (mode 604); chmod 600 key"),
            (0o644, 0, 7, "key can be read or written by others (mode 644); chmod 640 key"),
            (0o660, 0, 7, "key can be read or written by others (mode 660); chmod 640 key"),
            (0o644, 0, 0, "key can be read or written by others (mode 644); chmod 600 key"),
            (0o600, 8, 7, "key belongs to another user; chown 7 key"),
            (0o600, 8, 0, "key belongs to another user; chown 0 key"),
        ] {
            assert_eq!(key(mode, owner, server).as_deref(), Some(words));
        }
        assert_eq!(exposed_key(path, &file(0o600, 8, 7), &[0, 8]), None, "root in a user's own");
    }

    #[test]
    fn a_group_of_one_user_is_nobody_else() {
        let path = Path::new("a b/it's");
        let write = |mode, gid| {
            writable_by_others(path, &file(mode, 7, gid), &|uid, gid| uid == gid)
                .map(|exposed| exposed.repair)
        };
        let repair = Some("chmod go-w 'a b/it'\\''s'".to_owned());
        assert_eq!((write(0o664, 7), write(0o644, 8)), (None, None));
        assert_eq!(
            (write(0o664, 8), write(0o666, 7), write(0o602, 7)),
            (repair.clone(), repair.clone(), repair)
        );
        let read = |mode| readable_by_others(path, &file(mode, 7, 7)).is_some();
        assert_eq!([0o600, 0o622, 0o640, 0o604].map(read), [false, false, true, true]);
    }
}
