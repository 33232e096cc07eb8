//! Mounts from other disks have locks of their own.

use std::fs;
use std::io::Write;

use super::{WAYS, lock_of};
use crate::harness::Site;

#[test]
fn a_mount_whose_lock_is_taken_away_is_closed_and_everything_else_goes_on() {
    for (why, way) in WAYS {
        let (site, disk) = (Site::new(), Site::on_disk());
        site.account("ann", "64M");
        let dir = disk.root().join("mounted");
        fs::create_dir(&dir).unwrap();
        let section = "at = /share\nfor = all\nrights = read, write, modify\nsize = 1M";
        let mounts = format!("[share]\n{section}\ndir = {}\n", dir.display());
        fs::write(site.conf().join("mounts.ini"), mounts).unwrap();
        let mut daemon = site.start();
        let lock = lock_of(&dir);
        if !lock.exists() {
            let why = "there is only one disk here";
            let _ = writeln!(std::io::stderr(), "!! SKIPPED, a test with two disks: {why}");
            return;
        }
        let mut ann = daemon.login("ann");
        ann.store("/share/f", b"stored", 0).expect(900);
        way(&lock);
        let refused = ann.store("/share/g", b"refused", 0);
        assert_ne!(refused.code, 900, "{why}");
        daemon.wait_for_log(&format!("the lock of {} {why}", dir.display()));
        ann.store("/here", b"stored", 0).expect(900);
        assert_eq!(ann.fetch("/share/f"), b"stored");
        assert!(!dir.join("g").exists(), "{why}");
        daemon.term();
        assert_eq!(daemon.wait().code(), Some(0), "{why}");
        if why != "is gone" {
            assert!(lock.exists(), "another's lock is left alone");
        }
    }
}

#[test]
fn a_clean_stop_leaves_no_lock_on_any_disk() {
    let (site, disk) = (Site::new(), Site::on_disk());
    site.account("ann", "64M").setting("storage", "shared", "yes");
    let dir = disk.root().join("mounted");
    fs::create_dir(&dir).unwrap();
    let mounts =
        format!("[share]\nat = /share\nfor = all\nrights = read\ndir = {}\n", dir.display());
    fs::write(site.conf().join("mounts.ini"), mounts).unwrap();
    let mut daemon = site.start();
    daemon.login("ann").on("LS", "/share").expect(200);
    daemon.term();
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!lock_of(&dir).exists() && !lock_of(&site.home()).exists());
}
