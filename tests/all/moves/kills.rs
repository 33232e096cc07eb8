//! The server is killed while it replaces files, again and again.

use std::fs;

use miniftp::wire;

use super::count;
use crate::harness::{
    CHUNK, Frames, Site, bytes, eventually, part_files, row, stored_bytes, whole,
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
