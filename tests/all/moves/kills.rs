//! The server is killed while it replaces files, again and again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use miniftp::wire;

use super::count;
use crate::harness::{
    CHUNK, DEADLINE, Frames, Site, bytes, eventually, part_files, row, stored_bytes, whole,
};

const ROUNDS: usize = 24;
/// Replacements that are under way when it is killed.
const AHEAD: usize = 40;

/// The content of a round and a step in it.
fn content(step: usize) -> Vec<u8> {
    bytes(step as u64, 3_000 + step)
}

/// Which step a file is of: it must be whole.
#[track_caller]
fn step_of(file: &[u8]) -> usize {
    let step = file.len() - 3_000;
    assert!(file == content(step), "torn: {} bytes", file.len());
    step
}

fn send_store(frames: &mut Frames, path: &str, content: &[u8]) {
    let (row, whole) = (row(content), whole(content));
    let store = wire::Store::new(path, 1_600_000_000, 0, wire::NO_MODE, 1, &whole, &row);
    frames.send_with_data("STORE", &store, content);
}

#[test]
fn a_killed_replacement_leaves_the_old_or_the_new_and_no_name_exchanged() {
    let site = Site::new();
    site.account("ann", "64M");
    let mut daemon = site.start();
    for round in 0..ROUNDS {
        let mut ann = daemon.login("ann");
        for path in ["/source", "/target", "/stored"] {
            let _ = ann.rm(path, false);
        }
        for step in 0..AHEAD {
            send_store(&mut ann, "/source", &content(step));
            ann.send("MV", &wire::Move::new("/source", "/target", 1));
            send_store(&mut ann, "/stored", &content(step));
        }
        let answers = 4 + round * 3 % (3 * AHEAD - 8);
        for _ in 0..answers {
            let answer = ann.read_answer();
            assert!(matches!(answer.code, 900 | 200), "{} {}", answer.code, answer.text);
        }
        daemon.restart();
        let read = |name: &str| fs::read(site.stored("ann", name));
        let target = step_of(&read("target").unwrap());
        if let Ok(source) = read("source") {
            // Before the move: the next one waits beside what is there.
            assert_eq!(step_of(&source), target + 1, "round {round}");
        }
        assert!(target >= (answers - 2) / 3, "what was told is there: {target}, {answers}");
        assert!(step_of(&read("stored").unwrap()) + 1 >= answers / 3);
        // The server passes notes of its own through it.
        eventually("the trash is empty", || count(&site.home().join(".miniftp/trash")) == 0);
        assert!(part_files(&site.home(), "ann").is_empty(), "round {round}");
        assert_eq!(daemon.login("ann").quota().used, stored_bytes(&site.home(), "ann"));
    }
}

/// The old file was left where a part is looked for, with the note of one.
#[test]
fn a_killed_replacement_never_makes_a_part_of_the_old_file() {
    let site = Site::new();
    site.account("ann", "64M");
    let mut daemon = site.start();
    let old = bytes(1, 150_000);
    for round in 0..12 {
        let mut ann = daemon.login("ann");
        let names: Vec<String> = (0..12).map(|n| format!("/f{n}")).collect();
        for name in &names {
            let _ = ann.on("FORGET", name);
            ann.store(name, &old, 1);
        }
        let new = bytes(2 + round, 2 * CHUNK);
        for name in &names {
            ann.send(
                "PUT",
                &wire::Put::new(name, new.len() as u64, 1_600_000_000, 7, wire::NO_MODE, 3, &[]),
            );
            ann.send_chunk(0, &new);
            ann.send("DONE", &wire::Done::new(&whole(&new)));
        }
        for _ in 0..2 + 3 * round {
            ann.read_answer();
        }
        daemon.restart();
        for part in part_files(&site.home(), "ann") {
            let held = fs::read(part).unwrap();
            assert!(new.starts_with(&held), "round {round}: {} bytes of another file", held.len());
        }
        for name in &names {
            let is = fs::read(site.stored("ann", name)).unwrap();
            assert!(is == old || is == new, "{name} in round {round}: {} bytes", is.len());
        }
    }
}

/// Who stored a file, by the attribute that says so.
fn owner_of(path: &Path) -> Option<String> {
    let mut name = [0; 64];
    let len = rustix::fs::getxattr(path, "user.miniftp.owner", &mut name).ok()?;
    Some(String::from_utf8_lossy(&name[..len]).into_owned())
}

/// What moves into another mount gets its new owner before it is renamed: killed in between, some
/// of a tree stayed where it was and was charged to whoever moved it, past every limit.
#[test]
fn a_killed_move_of_a_tree_into_a_mount_is_finished_by_the_next_start() {
    const FILES: usize = 4000;
    let site = Site::new();
    site.account("ann", "64M").account("bob", "10K");
    super::mount(&site, &[("all", "account"), ("own", "50M")]);
    for dir in ["all_", "own_"] {
        fs::create_dir_all(site.home().join(dir)).unwrap();
    }
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("all/tree/deep", true).expect(200);
    for n in 0..FILES {
        let dir = if n % 2 == 0 { "all/tree" } else { "all/tree/deep" };
        send_store(&mut ann, &format!("{dir}/{n}"), &[7; 100]);
        if n % 64 == 63 {
            (0..64).for_each(|_| drop(ann.read_answer()));
        }
    }
    (0..FILES % 64).for_each(|_| drop(ann.read_answer()));
    assert_eq!(ann.quota().used, 100 * FILES as u64);
    let (source, target) = (site.home().join("all_/tree"), site.home().join("own_/tree"));
    let samples: Vec<PathBuf> = (0..40).map(|n| source.join((n * 100).to_string())).collect();
    let mut bob = daemon.login("bob");
    bob.send("MV", &wire::Move::new("all/tree", "own/tree", 0));
    // As soon as something has its new owner; the rest has not, mostly.
    let is_given = |path: &PathBuf| owner_of(path).as_deref() == Some("bob");
    let until = Instant::now() + DEADLINE;
    while !samples.iter().any(is_given) && !target.exists() && Instant::now() < until {}
    daemon.restart();
    let given = samples.iter().filter(|path| is_given(path)).count();
    assert!(!source.exists() && target.exists(), "{given} of {} were given", samples.len());
    for n in [0, 1, 2, 3, FILES - 2, FILES - 1] {
        let dir = if n % 2 == 0 { target.clone() } else { target.join("deep") };
        assert_eq!(fs::read(dir.join(n.to_string())).unwrap(), [7; 100], "{n}");
        assert_eq!(owner_of(&dir.join(n.to_string())).as_deref(), Some("bob"), "{n}");
    }
    for name in ["ann", "bob"] {
        assert_eq!(daemon.login(name).quota().used, 0, "{name}: the mount pays");
    }
    let mut bob = daemon.login("bob");
    bob.store("f", &[1; 10_000], 0).expect(900);
    eventually("the trash is empty", || count(&site.home().join(".miniftp/trash")) == 0);
}
