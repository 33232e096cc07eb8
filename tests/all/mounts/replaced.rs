//! Unfinished uploads to a mount's directory that was renamed, or that is another one by now.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{mount, section};
use crate::harness::{CHUNK, Site, bytes, eventually, part_files, snapshot};

const ALL: &str = "read, write, modify";

/// A mount of a directory at /m.
fn at_m(dir: &str) -> String {
    section("m", dir, "all", ALL, "100K")
}

/// Leaves a chunk of an upload to the mount, and stops the server.
fn with_part(site: &Site) {
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.put("/m/x", 2 * CHUNK - 40_000, 0).expect(802);
    ann.chunk(0, &bytes(1, CHUNK)).expect(900);
    ann.drop_part(true).expect(200);
    assert_eq!(ann.parts(), [("/m/x".to_owned(), CHUNK as u64)]);
    daemon.term();
    daemon.wait();
}

/// The directories of the parts of mounts.
fn folders(site: &Site) -> Vec<PathBuf> {
    let mounts = fs::read_dir(site.home().join(".miniftp/mounts")).unwrap();
    mounts.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn parts_stay_with_a_directory_that_is_renamed_and_not_with_one_that_gets_its_number() {
    let site = Site::on_disk();
    site.account("ann", "8M");
    mount(&site, &at_m("one"));
    with_part(&site);
    fs::rename(site.home().join("one"), site.home().join("two")).unwrap();
    mount(&site, &at_m("two"));
    let mut daemon = site.start();
    assert_eq!(daemon.login("ann").parts(), [("/m/x".to_owned(), CHUNK as u64)]);
    daemon.term();
    daemon.wait();

    // As if the file system had given its number to a new one.
    let old = format!("{:x}", fs::metadata(site.home().join("two")).unwrap().ino());
    fs::remove_dir(site.home().join("two")).unwrap();
    fs::create_dir(site.home().join("three")).unwrap();
    let new = format!("{:x}", fs::metadata(site.home().join("three")).unwrap().ino());
    let [parts] = <[PathBuf; 1]>::try_from(folders(&site)).unwrap();
    let name = parts.file_name().unwrap().to_str().unwrap().to_owned();
    let renamed = name.replacen(&old, &new, 1);
    fs::rename(&parts, parts.with_file_name(&renamed)).unwrap();
    mount(&site, &at_m("three"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    assert!(ann.parts().is_empty(), "{:?}", ann.parts());
    ann.store("/m/f", &bytes(2, 90_000), 0).expect(900);
    ann.put("/m/x", 10_000, 0).expect(802);
    assert!(folders(&site).len() == 2, "{:?}", folders(&site));
}

#[test]
fn parts_for_what_is_not_mounted_expire() {
    let site = Site::on_disk();
    site.account("ann", "8M");
    mount(&site, &at_m("one"));
    with_part(&site);
    mount(&site, "");
    let [parts] = <[PathBuf; 1]>::try_from(folders(&site)).unwrap();
    age(&parts.join("ann"));
    let _daemon = site.start();
    eventually("what is old is gone", || fs::read_dir(parts.join("ann")).unwrap().count() == 0);
}

/// Some commands worked in the directory that nobody finds any more, uploads were refused with a
/// false reason, and the log was silent.
#[test]
fn nothing_is_changed_in_a_mount_that_was_moved_away() {
    let site = Site::on_disk();
    site.account("ann", "8M");
    mount(&site, &at_m("one"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    for path in ["/m/f", "/m/d/f", "/h"] {
        ann.mkdir("/m/d", true).expect(200);
        ann.store(path, b"content", 0).expect(900);
    }
    let gone = site.home().join("gone");
    fs::rename(site.home().join("one"), &gone).unwrap();
    let before = snapshot(&gone);
    for replaced in [false, true] {
        if replaced {
            fs::create_dir(site.home().join("one")).unwrap();
        }
        let why = "the mount that this goes to was taken away";
        ann.store("/m/new", b"x", 0).expect(273).says(why);
        ann.put("/m/new", 100, 0).expect(273).says(why);
        ann.mkdir("/m/new", false).expect(273).says(why);
        ann.rm("/m/f", false).expect(273).says(why);
        ann.mv("/m/f", "/m/g", false).expect(273).says(why);
        ann.mv("/h", "/m/h", false).expect(273).says(why);
        ann.on("RMDIR", "/m/d").expect(273).says(why);
        assert!(snapshot(&gone) == before);
    }
    let report = "/one: another directory than the one that is mounted, or none, is there now";
    daemon.wait_for_log(report);
    daemon.signal(rustix::process::Signal::HUP);
    eventually("the new one is mounted", || ann.store("/m/new", b"x", 1).code == 900);
    assert!(site.home().join("one/new").exists() && snapshot(&gone) == before);
    assert_eq!(daemon.log().matches(report).count(), 1, "it is said once");
}

/// Makes the parts in a directory, and their notes, a month old.
fn age(parts: &Path) {
    let long_ago = SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    for entry in fs::read_dir(parts).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().unwrap() == "note" {
            let text = fs::read_to_string(&path).unwrap();
            let begun = text.lines().find(|line| line.starts_with("started=")).unwrap();
            fs::write(&path, text.replace(begun, "started=1000000000")).unwrap();
        }
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(long_ago).unwrap();
    }
}

/// Those of a removed account stayed for ever.
#[test]
fn parts_of_an_account_that_was_removed_expire() {
    let site = Site::new();
    site.account("ann", "8M").account("bob", "8M");
    let mut daemon = site.start();
    for name in ["ann", "bob"] {
        let mut session = daemon.login(name);
        session.put("x", 2 * CHUNK, 0).expect(802);
        session.chunk(0, &bytes(1, CHUNK)).expect(900);
        session.drop_part(true).expect(200);
    }
    site.miniftpd(&["account", "remove", "ann"], "").ok();
    daemon.term();
    daemon.wait();
    let parts = site.home().join(".miniftp/parts");
    age(&parts.join("ann"));
    let daemon = site.start();
    eventually("what is old is gone", || part_files(&site.home(), "ann").is_empty());
    assert_eq!(daemon.login("bob").parts(), [("/x".to_owned(), CHUNK as u64)]);
}
