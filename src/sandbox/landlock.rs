//! The kernel's side of it: rules, by the version of the interface that it has.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    make_bitflags,
};

use super::{Needs, Reach, State};

/// The version whose rights are asked for. A kernel that has fewer enforces those that it has.
const ASKED: ABI = ABI::V5;
/// Without the right to move files between directories (version 2) nothing could be stored.
const LEAST: u32 = 2;
/// Outgoing connections are refused from this version on.
const CONNECTIONS: u32 = 4;

/// Holds this thread to what is needed.
pub(super) fn enforce(needs: &Needs) -> State {
    match restrict(needs) {
        Ok((RulesetStatus::NotEnforced, _)) => {
            State::Unavailable("this kernel has none, or it is turned off".to_owned())
        }
        Ok((_, abi)) => {
            let connections = match (needs.connects, abi >= CONNECTIONS) {
                (true, _) => Err("[ftp] active is on"),
                (false, true) => Ok(()),
                (false, false) => Err("this kernel cannot"),
            };
            State::InForce { abi, connections }
        }
        Err(e) => State::Unavailable(format!("version {LEAST} or newer is needed: {e}")),
    }
}

fn restrict(needs: &Needs) -> Result<(RulesetStatus, u32), RulesetError> {
    let handled = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?;
    let handled = match needs.connects {
        true => handled,
        false => handled.handle_access(AccessNet::ConnectTcp)?,
    };
    let mut rules = handled.create()?;
    for (path, reach) in &needs.places {
        if let Some(rule) = rule(path, *reach) {
            rules = rules.add_rule(rule)?;
        }
    }
    let status = rules.restrict_self()?;
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as u32,
        _ => 0,
    };
    Ok((status.ruleset, abi))
}

/// What is not there needs no rule.
fn rule(path: &Path, reach: Reach) -> Option<PathBeneath<PathFd>> {
    let of_files = AccessFs::from_file(ASKED);
    let rights = rights(reach);
    let rights = if path.is_dir() { rights } else { rights & of_files };
    Some(PathBeneath::new(PathFd::new(path).ok()?, rights))
}

fn rights(reach: Reach) -> BitFlags<AccessFs> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    match reach {
        Reach::Empty => AccessFs::RemoveDir.into(),
        Reach::Read => read,
        Reach::Device => make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev}),
        // Links and pipes are not made here, but a directory that holds some can be moved.
        Reach::Change => {
            AccessFs::from_all(ASKED)
                & !make_bitflags!(AccessFs::{Execute | MakeChar | MakeBlock | IoctlDev})
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind::PermissionDenied;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;

    /// A thread is held to it, and the process that it belongs to is not.
    #[test]
    fn a_thread_that_is_held_reaches_its_own_places_and_nothing_else() {
        let dir = std::env::temp_dir().join(format!("miniftp-landlock-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for name in ["own/a", "own/b", "read", "outside"] {
            fs::create_dir_all(dir.join(name)).unwrap();
        }
        for name in ["own/f", "read/f", "outside/f"] {
            fs::write(dir.join(name), "content").unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let places = vec![(dir.join("own"), Reach::Change), (dir.join("read"), Reach::Read)];
        let own = dir.clone();
        let state = thread::spawn(move || {
            let dir = own;
            let state = enforce(&Needs { places, ..Needs::default() });
            let State::InForce { connections, .. } = &state else { return state };
            let kind = |result: std::io::Result<()>| result.err().map(|e| e.kind());
            let denied = Some(PermissionDenied);
            fs::write(dir.join("own/a/f"), "x").unwrap();
            fs::rename(dir.join("own/a/f"), dir.join("own/b/f")).unwrap();
            std::os::unix::fs::symlink("f", dir.join("own/l")).unwrap();
            assert_eq!(fs::read(dir.join("read/f")).unwrap(), b"content");
            assert_eq!(kind(fs::write(dir.join("read/f"), "x")), denied);
            assert_eq!(kind(fs::remove_file(dir.join("read/f"))), denied);
            assert_eq!(kind(File::open(dir.join("outside/f")).map(drop)), denied);
            assert_eq!(kind(fs::rename(dir.join("own/f"), dir.join("outside/g"))), denied);
            let run = std::process::Command::new("/bin/true").status().map(drop);
            assert_eq!(kind(run), denied);
            if connections.is_ok() {
                assert_eq!(kind(TcpStream::connect(address).map(drop)), denied);
                // Whoever listens still can.
                TcpListener::bind("127.0.0.1:0").unwrap();
            }
            thread::spawn(move || {
                assert_eq!(kind(File::open(dir.join("outside/f")).map(drop)), denied);
            })
            .join()
            .unwrap();
            state
        });
        match state.join().unwrap() {
            State::InForce { .. } => {
                fs::read(dir.join("outside/f")).unwrap();
            }
            state => eprintln!("SKIPPED: {state}"),
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
