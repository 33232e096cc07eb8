//! A mount whose file system stands still, as that of a server that has gone, stops nobody who does
//! not use it.

use super::ftp::Talk;
use super::{ls, mount, section};
use crate::harness::{Site, eventually};
use crate::lock::fuse::Fuse;

const ALL: &str = "read, write, modify";

#[test]
fn a_mount_that_stands_still_stops_nobody_who_does_not_use_it() {
    let site = Site::on_disk();
    site.account("ann", "1M").account("bob", "1M").account("cid", "1M").admin("root");
    let Some(fuse) = Fuse::show(&site.root().join("behind"), site.root().join("far")) else {
        return;
    };
    let far = section("far", fuse.at.to_str().unwrap(), "all", ALL, "1M");
    let own = section("own", "own", "all", ALL, "1M");
    mount(&site, &format!("{far}{own}"));
    let mut daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    let mut root = daemon.login("root");
    ann.store("/far/f", b"far", 0).expect(900);
    let still = fuse.stand_still();
    bob.store("/own/f", b"own", 0).expect(900);
    assert_eq!(ls(&mut bob, "/").unwrap(), ["far", "own"]);
    daemon.wait_for_log("does not answer: its file system does not respond");
    let mut cid = daemon.login("cid");
    assert_eq!(cid.quota().used, 0);
    assert_eq!(Talk::login(daemon.ftp_addr(), "cid").say("MKD /d"), 257);
    let record = crate::people::record("new");
    root.admin_with("create new", &record).expect(200);
    site.miniftpd(&["check"], "").fails(1).stdout_has("[far] dir:");
    // An edit counts, and what does not answer counts as not there.
    let two = section("two", "two", "all", ALL, "1M");
    mount(&site, &format!("{far}{own}{two}"));
    eventually("the edit counts", || ls(&mut bob, "/").unwrap() == ["own", "two"]);
    daemon.wait_for_log("[far] dir:");
    assert_eq!(ls(&mut daemon.login("cid"), "/").unwrap(), ["d", "own", "two"]);
    site.miniftpd(&["account", "ban", "bob", "2h"], "").ok();
    bob.expect_bye(427);
    // A start does not wait for it either.
    daemon.kill9();
    daemon.restart();
    let mut cid = daemon.login("cid");
    assert_eq!(ls(&mut cid, "/").unwrap(), ["d", "own", "two"]);
    drop(still);
    eventually("it is mounted", || ls(&mut cid, "/").unwrap() == ["d", "far", "own", "two"]);
    assert_eq!(cid.fetch("/far/f"), b"far");
    // Taken out while it stands still, it is gone at once.
    let still = fuse.stand_still();
    mount(&site, &format!("{own}{two}"));
    eventually("the edit counts", || ls(&mut cid, "/").unwrap() == ["d", "own", "two"]);
    assert_eq!(ls(&mut daemon.login("ann"), "/").unwrap(), ["own", "two"]);
    daemon.term();
    assert!(daemon.wait().success());
    drop(still);
}
