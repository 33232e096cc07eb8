//! What a large directory holds is known at once after a clean stop, and only then.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use miniftp::limits;

use crate::harness::{Daemon, Site, bytes, eventually, stored_bytes};
use crate::mounts::{mount, section};

/// How the log begins to say that kept figures are used.
const KEPT: &str = "as kept when the server stopped";

/// So many files of one byte, in directories of a thousand, that what they are is kept.
fn plant_many(home: &Path) {
    for n in 0..limits::COUNT_KEPT {
        let dir = home.join(format!("{:03}", n / 1000));
        if n % 1000 == 0 {
            fs::create_dir_all(&dir).unwrap();
        }
        fs::write(dir.join(format!("{n:05}")), "x").unwrap();
    }
}

/// A site with a large home of ann's.
fn large_home() -> Site {
    let site = Site::new();
    site.account("ann", "1M");
    plant_many(&site.stored("ann", ""));
    site
}

#[track_caller]
fn stop(mut daemon: Daemon) {
    daemon.term();
    assert!(daemon.wait().success());
}

/// Whether the figures are right when they are asked for, and whether they were kept ones.
#[track_caller]
fn relies_on_kept(site: &Site, daemon: &Daemon) -> bool {
    let mut ann = daemon.login("ann");
    let is_kept = {
        ann.quota();
        daemon.whole_log().contains(KEPT)
    };
    eventually("the figures are those of the disk", || {
        ann.quota().used == stored_bytes(&site.home(), "ann")
    });
    is_kept
}

/// The first upload after each start waited until a million files had been looked at.
#[test]
fn after_a_clean_stop_a_large_home_is_not_walked_through_before_something_is_stored() {
    let site = large_home();
    let daemon = site.start();
    daemon.login("ann").store("new", &bytes(1, 5000), 0).expect(900);
    assert!(!daemon.whole_log().contains(KEPT));
    stop(daemon);

    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let usage = ann.quota();
    assert_eq!((usage.used, usage.entries), (limits::COUNT_KEPT + 5000, limits::COUNT_KEPT + 11));
    assert!(daemon.whole_log().contains(KEPT));
    ann.store("another", b"x", 0).expect(900);
    assert_eq!(ann.quota().used, usage.used + 1);
    stop(daemon);

    // Nobody logs in while this one runs.
    stop(site.start());
    assert!(relies_on_kept(&site, &site.start()));
}

/// What others put deep into the tree while the server was stopped is found beside the work.
#[test]
fn what_was_kept_is_checked_beside_the_work() {
    let site = large_home();
    let daemon = site.start();
    daemon.login("ann").quota();
    stop(daemon);
    fs::write(site.stored("ann", "003/deep"), bytes(2, 7000)).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let (known, found) = (limits::COUNT_KEPT, limits::COUNT_KEPT + 7000);
    daemon.wait_for_log(&format!("home/ann: {found} bytes in "));
    assert!(daemon.log().contains(&format!("home/ann: {known} bytes in ")));
    let usage = ann.quota();
    assert_eq!((usage.used, usage.entries), (found, limits::COUNT_KEPT + 11));
}

#[test]
fn what_was_kept_is_not_believed_where_it_may_be_wrong() {
    let site = large_home();
    let record = site.home().join(".miniftp/counts");
    let mut daemon = site.start();
    daemon.login("ann").quota();
    stop(daemon);
    assert!(record.exists());

    daemon = site.start();
    assert!(!record.exists(), "nobody else may believe it");
    assert!(relies_on_kept(&site, &daemon));
    daemon.login("ann").store("003/new", &bytes(3, 100), 0).expect(900);
    daemon.kill9();
    daemon = site.start();
    assert!(!relies_on_kept(&site, &daemon), "a killed server keeps nothing");

    stop(daemon);
    fs::write(site.stored("ann", "beside"), bytes(4, 200)).unwrap();
    daemon = site.start();
    assert!(!relies_on_kept(&site, &daemon), "something is right in the home that was not");

    stop(daemon);
    let mut torn = fs::read(&record).unwrap();
    torn.truncate(torn.len() - 1);
    fs::write(&record, torn).unwrap();
    daemon = site.start();
    assert!(!relies_on_kept(&site, &daemon), "the record is torn");
}

#[test]
fn what_a_large_mount_holds_is_kept_too() {
    let site = Site::new();
    site.account("ann", "1M");
    let pool = site.home().join("pool");
    plant_many(&pool);
    let limit = (limits::COUNT_KEPT + 10).to_string();
    mount(&site, &section("pool", "pool", "all", "read, write, modify", &limit));
    let daemon = site.start();
    daemon.login("ann").store("/pool/new", &[1; 6], 0).expect(900);
    stop(daemon);
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("/pool/more", &[1; 5], 0).expect(270).says("4 bytes left of");
    assert!(daemon.whole_log().contains(KEPT));
    ann.store("/pool/more", &[1; 4], 0).expect(900);
}

/// A record was believed of a mount that had not been mounted in a run in which a directory inside
/// it was, and took what came through that.
#[test]
fn what_was_kept_of_a_mount_is_not_believed_after_a_run_without_it() {
    let site = Site::new();
    site.account("ann", "1M");
    plant_many(&site.home().join("pool"));
    let limit = limits::COUNT_KEPT + 1000;
    let outer = section("pool", "pool", "all", "read, write, modify", &limit.to_string());
    let inner = section("sub", "pool/000", "all", "read, write, modify", "1M");
    mount(&site, &outer);
    let daemon = site.start();
    daemon.login("ann").store("/pool/new", b"x", 0).expect(900);
    stop(daemon);
    // In a run without it.
    mount(&site, &inner);
    let daemon = site.start();
    daemon.login("ann").store("/sub/large", &bytes(5, 5000), 0).expect(900);
    stop(daemon);
    mount(&site, &outer);
    let daemon = site.start();
    daemon.login("ann").store("/pool/more", b"x", 0).expect(270).says("0 bytes left of");
    assert!(!daemon.whole_log().contains(KEPT));
    stop(daemon);
    // In one that begins with it, and in which nobody has used it.
    fs::remove_file(site.home().join("pool/000/large")).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    mount(&site, &inner);
    eventually("another is mounted", || ann.on("LS", "/sub").code == 200);
    ann.store("/sub/large", &bytes(6, 5000), 0).expect(900);
    mount(&site, &outer);
    eventually("it is mounted again", || ann.on("LS", "/pool").code == 200);
    ann.store("/pool/more", b"x", 0).expect(270).says("0 bytes left of");
    assert!(!daemon.whole_log().contains(KEPT));
}

/// A record that could not be opened stayed, and was believed after a kill.
#[test]
fn a_record_that_cannot_be_read_is_taken_away() {
    let site = large_home();
    let record = site.home().join(".miniftp/counts");
    let daemon = site.start();
    daemon.login("ann").quota();
    stop(daemon);
    // Nobody can open a link as a file.
    fs::rename(&record, site.root().join("counts")).unwrap();
    symlink(site.root().join("counts"), &record).unwrap();
    let daemon = site.start();
    daemon.wait_for_log(".miniftp/counts cannot be read, so large homes are counted again: ");
    assert!(fs::symlink_metadata(&record).is_err());
    assert!(!relies_on_kept(&site, &daemon));
    stop(daemon);
    // What cannot be removed would be believed after a kill.
    fs::remove_file(&record).unwrap();
    fs::create_dir(&record).unwrap();
    let refused = site.miniftpd(&["--listen", "0", "--ftp", "off"], "");
    assert_eq!(refused.status.code(), Some(1), "{}", refused.err);
    assert!(refused.err.contains("removing .miniftp/counts"), "{}", refused.err);
}
