//! Long listings: complete, in pieces, and without holding them in memory.

use std::fs;

use miniftp::limits;
use miniftp::wire;

use crate::harness::{Site, heavy};

const ENTRIES: usize = 20_000;
/// What the server may grow by, for a listing of 1.5 MB.
const GROWTH: u64 = 1 << 20;

#[test]
fn twenty_thousand_entries_are_listed_to_the_last() {
    let _turn = heavy();
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let folder = site.stored("ann", "many");
    fs::create_dir_all(&folder).unwrap();
    let name = |i: usize| format!("entry {i:05} with a name of some length");
    for i in 0..ENTRIES {
        fs::File::create(folder.join(name(i))).unwrap();
    }
    let mut ann = daemon.login("ann");
    ann.on("LS", "").expect(200);
    let before = daemon.rss_bytes();
    let answer = ann.on("LS", "many");
    let grown = daemon.rss_bytes().saturating_sub(before);
    let count = answer.expect(200).says("20000 entries").message::<wire::Counted<'_>>().count;
    assert_eq!(count, ENTRIES as u64);
    let names = answer.names();
    assert_eq!(names.len(), ENTRIES);
    assert!(names.iter().enumerate().all(|(i, listed)| *listed == name(i)));
    assert!(answer.parts.len() > 10, "in pieces");
    assert!(answer.parts.iter().all(|part| part.fields.len() < limits::FRAME_HEAD));
    assert!(grown < GROWTH, "grew by {grown}");
}

#[test]
fn an_empty_folder_is_listed_as_empty() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let answer = ann.on("LS", "/");
    assert_eq!(answer.expect(200).message::<wire::Counted<'_>>().count, 0);
    assert!(answer.parts.is_empty());
}
