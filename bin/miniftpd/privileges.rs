//! What the process gives up at its start: root, for the user of the settings, and that its memory
//! can be seen.
//!
//! Never: happens once there is a second thread, or is half done. Invariant: what is left of root's
//! power is at most the right to take a port below 1024, where one is asked for.

use std::ffi::CString;
use std::net::SocketAddr;
use std::path::Path;

use miniftp::text::{Escaped, system_words};
use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};
use rustix::fs::{Access, access};
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities};

use crate::search::Directories;

/// The first port that needs no privilege.
const UNPRIVILEGED: u16 = 1024;

/// Leaves no picture of the memory behind, in which keys and passwords are, and lets no other
/// program of the same user look into it.
///
/// # Errors
/// In words for the terminal.
pub(crate) fn hide_memory() -> Result<(), String> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // A handler that the kernel pipes the memory to does not go by the limit.
    let hidden = setrlimit(Resource::Core, none).and_then(|()| {
        #[cfg(target_os = "linux")]
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        Ok(())
    });
    hidden.map_err(|e| format!("cannot forbid core dumps: {}", system_words(&e.into())))
}

/// Whom the server runs as.
pub(crate) enum Identity {
    /// The one who has started it, or the user of the settings.
    Sound,
    /// Root, since nobody else is named.
    Root,
}

/// Becomes the user, if root has started the program and one is named. Ports are those that are
/// bound later.
///
/// # Errors
/// In words for the terminal.
pub(crate) fn become_user(
    user: Option<&str>,
    addresses: &[SocketAddr],
    dirs: &Directories,
) -> Result<Identity, String> {
    if !Uid::effective().is_root() {
        return Ok(Identity::Sound);
    }
    let Some(name) = user else { return Ok(Identity::Root) };
    let shown = Escaped(name).to_string();
    let refused = |e: nix::Error| {
        let what = system_words(&e.into());
        format!("[server] user: cannot change to `{shown}`: {what}")
    };
    let unknown = || format!("[server] user: there is no user `{shown}` here");
    let (uid, gid, login) = find(name).map_err(refused)?.ok_or_else(unknown)?;
    let takes_port = addresses.iter().any(|at| (1..UNPRIVILEGED).contains(&at.port()));
    if takes_port {
        set_keep_capabilities(true).map_err(|e| refused(nix::Error::from_raw(e.raw_os_error())))?;
    }
    match login {
        Some(login) => initgroups(&login, gid),
        None => setgroups(&[gid]),
    }
    .and_then(|()| setgid(gid))
    .and_then(|()| setuid(uid))
    .map_err(refused)?;
    let port = if takes_port { CapabilitySet::NET_BIND_SERVICE } else { CapabilitySet::empty() };
    let left =
        CapabilitySets { effective: port, permitted: port, inheritable: CapabilitySet::empty() };
    set_capabilities(None, left).map_err(|e| refused(nix::Error::from_raw(e.raw_os_error())))?;
    check(&dirs.conf, &shown)?;
    if dirs.home.exists() { check(&dirs.home, &shown) } else { Ok(()) }.map(|()| Identity::Sound)
}

/// The numbers of a user, and the name by which its groups are found, if it has one.
fn find(name: &str) -> nix::Result<Option<(Uid, Gid, Option<CString>)>> {
    let by_number = |text: &str| text.parse::<u32>().ok();
    let (uid, gid) = match name.split_once(':') {
        Some((uid, gid)) => (by_number(uid), by_number(gid)),
        None => (by_number(name), None),
    };
    let known = match uid {
        Some(uid) => User::from_uid(Uid::from_raw(uid))?,
        None => User::from_name(name)?,
    };
    let login = |user: &User| CString::new(user.name.as_str()).ok();
    Ok(match (uid, gid, known) {
        (Some(uid), Some(gid), _) => Some((Uid::from_raw(uid), Gid::from_raw(gid), None)),
        (_, _, Some(user)) => Some((user.uid, user.gid, login(&user))),
        // As in a container without a list of users.
        (Some(uid), None, None) => Some((Uid::from_raw(uid), Gid::from_raw(uid), None)),
        (None, ..) => None,
    })
}

/// Whether the user can do in a directory what the server does there.
fn check(path: &Path, user: &str) -> Result<(), String> {
    let shown = Escaped(&path.to_string_lossy()).to_string();
    let may = access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK);
    may.map_err(|e| {
        let what = system_words(&e.into());
        format!(
            "[server] user: `{user}` cannot use {shown}: {what}; chown -R {user} {shown}, and see \
             that the directories above can be entered"
        )
    })
}
