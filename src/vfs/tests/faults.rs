//! Every system call fails, and every one is the last before the server is killed: what is there
//! afterwards is what was there before, or what was to be there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::fault::{FaultPlan, plan};
use super::super::{Home, Keep, Powers, View};
use super::{Fresh, POWERS, ann_in, leave_part, mkdir, path, place, put};
use crate::error::Result;

/// Names with their content, and unfinished uploads with their lengths.
type State = (BTreeMap<String, Vec<u8>>, BTreeMap<String, u64>);

fn state(vfs: &View, root: &Path) -> State {
    let (mut files, mut parts) = (BTreeMap::new(), BTreeMap::new());
    let mut directories = vec![root.join("ann")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                files.insert(name + "/", Vec::new());
                directories.push(path);
            } else {
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    vfs.parts(&mut |note| {
        parts.insert(note.path.as_str().to_owned(), note.held_bytes);
        Ok(())
    })
    .unwrap();
    (files, parts)
}

/// What a session does, with the bytes that it adds and those that become free.
type Act = fn(&View) -> Result<(u64, u64)>;

struct Scenario {
    name: &'static str,
    act: Act,
    /// What else may be there after a kill, on a disk with these powers.
    may_be: fn(Powers, &State) -> bool,
}

/// A file of two names, a folder with an unfinished upload to it, and one to a file that is there.
fn prepare(vfs: &View, root: &Path) {
    put(vfs, "/old", b"the old one").unwrap();
    put(vfs, "/new", b"new").unwrap();
    put(vfs, "/one", b"one of two").unwrap();
    fs::hard_link(root.join("ann/one"), root.join("ann/two")).unwrap();
    mkdir(vfs, "/folder");
    put(vfs, "/folder/f", b"f").unwrap();
    leave_part(vfs, "/folder/part", b"part");
    leave_part(vfs, "/old", b"half");
}

fn nothing_else(_: Powers, _: &State) -> bool {
    false
}

/// The file is not there, or it is whole and no part of it is left.
fn whole_or_not(_: Powers, state: &State) -> bool {
    match state.0.get("ann/fresh") {
        Some(bytes) => bytes == b"fresh" && !state.1.contains_key("/fresh"),
        None => state.0.len() == 6,
    }
}

/// The folder has its new name, and a part of it cannot be found there.
fn part_behind(_: Powers, state: &State) -> bool {
    state.0.contains_key("ann/moved/f") && state.1.contains_key("/folder/part")
        || !state.0.contains_key("ann/folder/") && state.0.len() == 4
}

const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "an upload over a file",
        act: |vfs| {
            let mut new_file = vfs.new_file(&path("/old"), Keep::Held, Some(6), None)?;
            new_file.write_at(4, b"up")?;
            let replaced = place(&mut new_file, true, None)?;
            Ok((2, replaced.bytes))
        },
        // What was written into the part is no change to any file.
        may_be: |_, state| state.0.get("ann/old") == Some(&b"the old one".to_vec()),
    },
    Scenario {
        name: "an upload to a free name",
        act: |vfs| {
            let mut new_file = vfs.new_file(&path("/fresh"), Keep::Held, Some(5), None)?;
            new_file.write_at(0, b"fresh")?;
            place(&mut new_file, false, None).map(|_| (5, 0))
        },
        may_be: whole_or_not,
    },
    Scenario {
        name: "a small upload",
        act: |vfs| {
            let mut new_file = vfs.new_small_file(&path("/free"), None)?;
            new_file.write_at(0, b"small")?;
            place(&mut new_file, false, None).map(|_| (5, 0))
        },
        may_be: nothing_else,
    },
    Scenario {
        name: "a move over a file",
        act: |vfs| Ok((0, vfs.rename(&path("/new"), &path("/old"), true)?.replaced.bytes)),
        may_be: nothing_else,
    },
    Scenario {
        name: "a move over a name of the same file",
        act: |vfs| Ok((0, vfs.rename(&path("/one"), &path("/two"), true)?.replaced.bytes)),
        may_be: nothing_else,
    },
    Scenario {
        name: "a move to a free name",
        act: |vfs| vfs.rename(&path("/new"), &path("/free"), false).map(|_| (0, 0)),
        may_be: nothing_else,
    },
    Scenario {
        name: "a removal",
        act: |vfs| Ok((0, vfs.remove(&path("/old"))?.bytes)),
        may_be: nothing_else,
    },
    Scenario {
        name: "a folder that moves",
        act: |vfs| vfs.rename(&path("/folder"), &path("/moved"), false).map(|_| (0, 0)),
        may_be: part_behind,
    },
];

#[test]
fn a_failing_call_or_a_kill_leaves_what_was_or_what_was_to_be() {
    for powers in POWERS {
        for scenario in &SCENARIOS {
            let (before, after, calls) = undisturbed(powers, scenario);
            for n in 0..calls {
                one_fails(powers, scenario, n, (&before, &after));
                killed(powers, scenario, n, (&before, &after));
            }
        }
    }
}

/// What was, what is to be, and how many calls lead there.
fn undisturbed(powers: Powers, scenario: &Scenario) -> (State, State, u32) {
    let (fresh, _home, vfs) = ann_in(Fresh::in_memory(), powers);
    prepare(&vfs, fresh.path());
    let before = state(&vfs, fresh.path());
    let used = vfs.used_bytes(&mut || Ok(())).unwrap();
    plan(FaultPlan::Nothing);
    let (added, freed) = (scenario.act)(&vfs).unwrap();
    let calls = plan(FaultPlan::Nothing);
    assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), used + added - freed);
    let after = state(&vfs, fresh.path());
    assert!(before != after && calls > 1, "{}: {calls}", scenario.name);
    (before, after, calls)
}

fn one_fails(powers: Powers, scenario: &Scenario, n: u32, (before, after): (&State, &State)) {
    let what = format!("{}, {powers:?}, call {n}", scenario.name);
    let (fresh, _home, vfs) = ann_in(Fresh::in_memory(), powers);
    prepare(&vfs, fresh.path());
    plan(FaultPlan::One(n));
    let done = (scenario.act)(&vfs);
    plan(FaultPlan::Nothing);
    let is = state(&vfs, fresh.path());
    let fits = match &done {
        Ok(_) => is == *after || (scenario.may_be)(powers, &is),
        Err(_) => is == *before || (scenario.may_be)(powers, &is),
    };
    assert!(fits, "{what}: {done:?} left {is:?}");
}

fn killed(powers: Powers, scenario: &Scenario, n: u32, (before, after): (&State, &State)) {
    let what = format!("{}, {powers:?}, killed at {n}", scenario.name);
    let (fresh, home, vfs) = ann_in(Fresh::in_memory(), powers);
    prepare(&vfs, fresh.path());
    plan(FaultPlan::From(n));
    drop((scenario.act)(&vfs));
    drop((vfs, home));
    plan(FaultPlan::Nothing);
    let home = Arc::new(Home::open_with(fresh.path(), powers).unwrap());
    let vfs = View::open(&home, "ann").unwrap();
    let is = state(&vfs, fresh.path());
    assert!(is == *before || is == *after || (scenario.may_be)(powers, &is), "{what}: {is:?}");
    assert_eq!(fs::read_dir(fresh.path().join(".miniftp/trash")).unwrap().count(), 0, "{what}");
    // No part is a stored file too: going on with it would change that.
    let parts = fs::read_dir(fresh.path().join(".miniftp/parts/ann")).unwrap();
    for part in parts {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(part.unwrap().metadata().unwrap().nlink(), 1, "{what}");
    }
}
