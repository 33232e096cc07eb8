//! However a share ends, nothing is left of it.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::{LAST, Share, nothing_is_left, program, temporary, tree};
use crate::harness::{Proxy, Site, Way, bytes, eventually, snapshot, write_file};
use crate::terminal::Screen;

#[test]
fn whatever_signal_ends_it_nothing_is_left() {
    for words in [&["photos"][..], &["photos", "--write", "--quota", "10M"]] {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
            let site = Site::new();
            let dir = tree(&site, "photos");
            let before = snapshot(&dir);
            let share = Share::here(&site, words);
            share.client(&site.root().join("home")).run(&["get", "-r", "/photos"]).ok();
            assert_eq!(fs::read_dir(temporary(&site)).unwrap().count(), 1);
            share.running.signal(signal);
            let said = share.running.wait();
            said.ok().stderr("").stdout_has("get /photos/a b.txt to 127.0.0.1: 7 B in ");
            said.stdout_has("Ended after 3 transfers; nothing is left of the share.\n");
            nothing_is_left(&site);
            assert!(snapshot(&dir) == before);
        }
    }
}

#[test]
fn the_end_of_its_time_ends_it() {
    let site = Site::new();
    tree(&site, "photos");
    let share = Share::here(&site, &["photos", "--for", "1s"]);
    let said = share.running.wait();
    said.ok().stderr("").stdout_has("nothing is left of the share.\n");
    nothing_is_left(&site);
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    let before = snapshot(&dir);
    let tmp = format!("TMPDIR={}", temporary(&site).display());
    let program = ["/usr/bin/env", &tmp, env!("CARGO_BIN_EXE_miniftpd"), "share", "photos"];
    let words = [&program[..], &["--write", "--bind", "127.0.0.1"]].concat();
    let Some(mut screen) = Screen::of(&site, 100, &words) else { return };
    screen.see(LAST.trim_end());
    drop(screen);
    let place = temporary(&site);
    eventually("the share ends", || fs::read_dir(&place).unwrap().count() == 0);
    assert!(snapshot(&dir) == before);
}

/// On another disk than the temporary files an upload needs a directory there; it goes too, with
/// what an upload has left.
#[test]
fn on_another_disk_what_an_upload_needs_goes_too() {
    let (site, other) = (Site::new(), Site::on_disk());
    let dir = tree(&other, "photos");
    if is_one_disk(&dir, &temporary(&site)) {
        eprintln!("skipped: there is only one disk");
        return;
    }
    let before = snapshot(&dir);
    let argument = dir.to_str().unwrap();
    // To read, nothing is made at any time.
    let share = Share::here(&site, &[argument]);
    share.client(&site.root().join("home")).run(&["get", "-r", "/photos"]).ok();
    assert!(snapshot(&dir) == before, "a file was made in a tree that is only read");
    share.end();
    let share = Share::here(&site, &[argument, "--write"]);
    assert!(dir.join(".miniftp").is_dir(), "where would uploads be?");
    leave_a_part(&site, &share);
    share.end();
    assert!(snapshot(&dir) == before, "something is left");
    nothing_is_left(&site);
    // Killed, the next one removes it.
    let share = Share::here(&site, &[argument, "--write"]);
    share.running.kill9();
    assert!(dir.join(".miniftp").is_dir());
    Share::here(&site, &[argument]).end();
    assert!(snapshot(&dir) == before, "something is left");
    nothing_is_left(&site);
    // What was there before is another server's.
    fs::create_dir(dir.join(".miniftp")).unwrap();
    fs::write(dir.join(".miniftp/theirs"), "").unwrap();
    let share = Share::here(&site, &[argument, "--write"]);
    leave_a_part(&site, &share);
    let user = share.word("user: ");
    share.end();
    assert!(dir.join(".miniftp/theirs").is_file());
    assert!(!dir.join(".miniftp/parts").join(user).exists());
    nothing_is_left(&site);
}

/// Begins an upload and kills its client in the middle.
#[track_caller]
fn leave_a_part(site: &Site, share: &Share) {
    write_file(site.local().join("large"), &bytes(1, 4 << 20));
    let proxy = Proxy::to(share.address());
    let proxy = proxy.stall_after(Way::Up, 2 << 20);
    let client = share.client(&site.local()).in_clear().at(proxy.addr());
    let client = client.spawn(&["put", "large", "/photos/large"]);
    proxy.wait_for_bytes(Way::Up, 2 << 20);
    client.kill9();
}

fn is_one_disk(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(one).unwrap().dev() == fs::metadata(other).unwrap().dev()
}

/// Nothing can tidy up after itself that was killed: one directory is left, until the next one.
#[test]
fn one_that_was_killed_leaves_a_temporary_directory_at_most() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    let before = snapshot(&dir);
    let share = Share::here(&site, &["photos", "--write"]);
    let text = share.text.clone();
    let said = share.running.kill9();
    assert!(said.out == text && said.err.is_empty(), "{}", said.tell());
    assert_eq!(fs::read_dir(temporary(&site)).unwrap().count(), 1);
    assert!(snapshot(&dir) == before);
    // One that runs is left alone.
    let second = Share::here(&site, &["photos"]);
    let third = Share::here(&site, &["photos"]);
    assert_eq!(fs::read_dir(temporary(&site)).unwrap().count(), 2);
    second.end();
    third.end();
    nothing_is_left(&site);
}

/// Whoever ends it while something is on its way is told what happens, and need not wait.
#[test]
fn a_second_interrupt_cuts_off_whoever_is_left() {
    let site = Site::new();
    tree(&site, "photos");
    write_file(site.local().join("photos/large"), &bytes(1, 64 << 20));
    let share = Share::begin(program(&site), &["photos", "--bind", "127.0.0.1"]);
    let proxy = Proxy::to(share.address());
    let proxy = proxy.stall_after(Way::Down, 2 << 20);
    let client = share.client(&site.local()).in_clear().at(proxy.addr());
    let client = client.spawn(&["get", "/photos/large", "copy"]);
    proxy.wait_for_bytes(Way::Down, 2 << 20);
    share.running.signal(Signal::INT);
    share.shows("Ending: 1 connection has up to 10 s; Ctrl-C again cuts it off.\n");
    share.running.signal(Signal::INT);
    let said = share.running.wait();
    said.ok().stdout_has("get /photos/large to 127.0.0.1 broke off");
    nothing_is_left(&site);
    client.kill9();
}
