//! Files and trees between homes and mounts: what arrives is what was counted and owned.

use std::fs;

use super::{count, leave_part, mount};
use crate::harness::{CHUNK, Daemon, FtpTalk, Site, bytes, snapshot};

const PART: u64 = CHUNK as u64;

/// ann and bob with 1 MB each; a mount of 500,000 bytes, a small one, and two where writers pay.
fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1000000").account("bob", "1000000");
    mount(&site, &[("own", "500000"), ("tiny", "40000"), ("acc", "account"), ("other", "account")]);
    site
}

/// What the two accounts use, before and after a restart: the disk says the same.
#[track_caller]
fn assert_used(daemon: &mut Daemon, ann: u64, bob: u64) {
    let used = |daemon: &Daemon| ["ann", "bob"].map(|name| daemon.login(name).quota().used);
    assert_eq!(used(daemon), [ann, bob]);
    daemon.restart();
    assert_eq!(used(daemon), [ann, bob], "after a restart");
}

#[test]
fn a_tree_goes_from_root_to_root_with_all_that_is_counted() {
    let site = site();
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("/t/s", true).expect(200);
    ann.store("/t/a", &bytes(1, 10_000), 0).expect(900);
    ann.store("/t/s/b", &bytes(2, 20_000), 0).expect(900);
    ann.store("/t/s/empty", b"", 0).expect(900);
    leave_part(&mut ann, "/t/s/part");
    assert_eq!(ann.quota().used, 30_000 + PART);

    // Where there is no room for it nothing has changed, whoever pays.
    let before = snapshot(&site.home());
    ann.mv("/t", "/tiny/t", false).expect(270).says(
        "needs 93.3 KiB (95536 bytes), 39.1 KiB (40000 bytes) left of 39.1 KiB (40000 bytes)",
    );
    assert_eq!(snapshot(&site.home()), before);
    assert_eq!(ann.quota().used, 30_000 + PART);

    ann.mv("/t", "/own/t", false).expect(200);
    assert_eq!((ann.quota().used, ann.quota().reserved), (0, 0));
    assert_eq!(ann.fetch("/own/t/s/b"), bytes(2, 20_000));
    assert_eq!(ann.parts(), [("/own/t/s/part".to_owned(), PART)]);
    ann.store("/own/most", &vec![0; 500_001 - 95_536], 0)
        .expect(270)
        .says("395.0 KiB (404464 bytes) left of 488.3 KiB (500000 bytes)");
    assert_used(&mut daemon, 0, 0);

    // Where writers pay, all of it is the mover's.
    let mut ann = daemon.login("ann");
    ann.mv("/own/t", "/acc/t", false).expect(200);
    ann.store("/own/most", &vec![0; 500_000], 0).expect(900);
    assert_used(&mut daemon, 30_000 + PART, 0);

    // Another one who takes it along pays for it, and leaves the other's unfinished upload behind.
    let mut bob = daemon.login("bob");
    bob.mv("/acc/t", "/other/t", false).expect(200);
    assert_eq!(daemon.login("ann").parts(), []);
    assert_used(&mut daemon, 0, 30_000);
    let mut bob = daemon.login("bob");
    bob.mv("/other/t", "/t", false).expect(200);
    assert_used(&mut daemon, 0, 30_000);
    assert_eq!(fs::read(site.stored("bob", "t/s/b")).unwrap(), bytes(2, 20_000));
    let mut talk = FtpTalk::login(daemon.ftp_addr(), "bob");
    talk.ask("RNFR /t").expect(350);
    talk.ask("RNTO /acc/again").expect(250);
    assert_used(&mut daemon, 0, 30_000);
}

#[test]
fn what_belongs_to_two_is_credited_to_both() {
    let site = site();
    let mut daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.mkdir("/acc/m/n", true).expect(200);
    ann.store("/acc/m/a", &bytes(1, 1_000), 0).expect(900);
    bob.store("/acc/m/n/b", &bytes(2, 200_000), 0).expect(900);
    fs::write(site.home().join("acc_/m/nobodys"), vec![1; 30_000]).unwrap();
    // There is no room for all of it.
    ann.store("/much", &vec![0; 780_000], 0).expect(900);
    ann.mv("/acc/m", "/m", false).expect(270).says("(219000 bytes) left");
    ann.mv("/acc/m", "/other/m", false).expect(270);
    assert_used(&mut daemon, 781_000, 200_000);
    let mut ann = daemon.login("ann");
    ann.rm("/much", false).expect(200);
    ann.mv("/acc/m", "/other/m", false).expect(200);
    assert_used(&mut daemon, 231_000, 0);
    let mut ann = daemon.login("ann");
    ann.mv("/other/m", "/own/m", false).expect(200);
    assert_used(&mut daemon, 0, 0);
}

#[test]
fn files_replace_files_across_and_folders_replace_nothing() {
    let site = site();
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    for path in ["/d/x", "/own/d/y", "/acc/d/z"] {
        ann.mkdir(&path[..path.len() - 2], true).expect(200);
        ann.store(path, &bytes(1, 5_000), 0).expect(900);
    }
    let before = snapshot(&site.home());
    ann.mv("/d", "/own/d", true).expect(262);
    ann.mv("/own/d", "/acc/d", true).expect(262);
    ann.mv("/d", "/own/d/y", true).expect(262);
    ann.mv("/d/x", "/own/d/y", false).expect(262);
    ann.mv("/d/x", "/own/d", true).expect(263);
    ann.mv("/d", "/own/none/d", true).expect(256);
    ann.mv("/d", "/own", true).expect(263);
    assert_eq!(snapshot(&site.home()), before);
    ann.mv("/d/x", "/own/d/y", true).expect(200);
    assert_eq!(ann.quota().used, 5_000);
    ann.store("/own/rest", &vec![0; 495_001], 0)
        .expect(270)
        .says("483.4 KiB (495000 bytes) left of 488.3 KiB (500000 bytes)");
    ann.mv("/own/d/y", "/acc/d/z", true).expect(200);
    assert_used(&mut daemon, 5_000, 0);
    assert_eq!(count(&site.home().join(".miniftp/trash")), 0);
    assert_eq!(count(&site.home().join("own_/d")), 0);
}
