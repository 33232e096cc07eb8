//! Removals and listings of many entries.

use std::fs::{self, File};
use std::path::Path;

use miniftp::wire;

use super::{End, Scene};
use crate::harness::{eventually, heavy};

/// Entries that take a second or more to be removed, one by one.
const MANY: usize = 100_000;

fn fill(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for n in 0..MANY {
        File::create(folder.join(format!("{n:06}"))).unwrap();
    }
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, |entries| entries.count())
}

#[test]
fn a_removal_ends_with_its_client_its_session_and_the_server() {
    let _turn = heavy();
    for how in [None, Some(End::Kicked), Some(End::Stopped)] {
        let mut scene = Scene::new();
        let tree = scene.site.stored("ann", "tree");
        fill(&tree);
        let mut ann = scene.daemon.login("ann");
        ann.send("RM", &wire::Switched::new("tree", 1));
        eventually("the removal has begun", || count(&tree) < MANY);
        match how {
            None => {
                drop(ann);
                scene.daemon.wait_for_log("ann@127.0.0.1 left");
            }
            Some(how) => {
                scene.end(how);
                ann.expect_bye(how.code());
                scene.check_after(how);
            }
        }
        assert!(count(&tree) > 0, "it was removed to the end");
    }
}

#[test]
fn a_removal_of_an_account_s_files_can_be_aborted_and_another_goes_on() {
    let scene = Scene::new();
    scene.site.account("bob", "unlimited");
    fill(&scene.site.stored("bob", "tree"));
    let mut root = scene.daemon.ftp("root");
    root.send("SITE REMOVE bob files");
    let removed = scene.site.home().join(".miniftp/removed");
    eventually("the files are out of sight", || count(&removed) > 0);
    root.ask("NOOP").expect(200).says("the command is running");
    root.ask("ABOR").expect(426);
    root.reply().expect(226);
    assert!(count(&removed) > 0, "it was removed to the end");
    assert!(!scene.site.stored("bob", "").exists());
    // The removal of another account takes along what is left.
    scene.site.account("cid", "1M");
    root.ask("SITE REMOVE cid files").expect(200);
    assert_eq!(count(&removed), 0);
}

#[test]
fn a_listing_on_the_control_connection_can_be_aborted() {
    let scene = Scene::new();
    fill(&scene.site.stored("ann", "tree"));
    let mut ann = scene.daemon.ftp("ann");
    ann.send_bytes(b"STAT tree/nothing*\r\nABOR\r\n");
    ann.reply().expect(212).says("the listing was aborted");
    ann.reply().expect(226);
    ann.ask("PWD").expect(257);
}
