//! Names cost: empty files and directories have a limit of their own.

use crate::harness::{CHUNK, FtpTalk, Site, bytes};

/// One account with a quota of 10 MB used up every inode of the disk with empty files.
#[test]
fn the_last_entry_is_refused_with_its_numbers_through_both_protocols() {
    let site = Site::new();
    site.account("ann", "1M").setting("storage", "entries", "4");
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("a/b", true).expect(200);
    ann.store("a/b/f", b"", 0).expect(900);
    assert_eq!((ann.quota().entries, ann.quota().limit_entries), (3, Some(4)));
    // An unfinished upload is an entry from the moment on at which its place is reserved.
    ann.put("big", 3 * CHUNK, 0).expect(802);
    let usage = ann.quota();
    assert_eq!(usage.entries + usage.reserved_entries, 4);
    let mut other = daemon.login("ann");
    let full = "needs 1 entry, 0 left of 4";
    other.store("g", b"", 0).expect(270).says(full);
    other.store("a/b/f", b"x", 1).expect(270).says(full);
    other.mkdir("c", false).expect(270).says(full);
    let mut ftp = FtpTalk::login(daemon.ftp_addr(), "ann");
    ftp.ask("MKD c").expect(552).says(full);
    ann.chunk(0, &bytes(1, CHUNK)).expect(900);
    ann.drop_part(false).expect(200);
    assert_eq!(ann.quota().entries, 3);
    ftp.ask("MKD c").expect(257);
    assert_eq!(ann.quota().entries, 4);
    ann.mv("c", "d", false).expect(200);
    ftp.ask("RMD d").expect(250);
    ann.store("a/b/f", b"x", 1).expect(900);
    assert_eq!(ann.quota().entries, 3);
    daemon.restart();
    let mut ann = daemon.login("ann");
    assert_eq!(ann.quota().entries, 3, "as a walk of the disk finds");
    ann.rm("a", true).expect(200);
    assert_eq!((ann.quota().entries, ann.quota().used), (0, 0));
    site.miniftp("ann", &["quota"]).ok().stdout_has("entries           0 of 4, 4 free");
}

#[test]
fn a_reserve_of_the_disk_s_entries_is_kept_by_everything_that_makes_one() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("f", b"x", 0).expect(900);
    site.setting("storage", "min_free_entries", "1000000000");
    ann.store("g", b"", 0).expect(271);
    ann.mkdir("d", false).expect(271);
    ann.put("h", CHUNK, 0).expect(271);
    FtpTalk::login(daemon.ftp_addr(), "ann").ask("MKD d").expect(452);
    site.setting("storage", "min_free_entries", "0");
    site.setting("storage", "min_free", "8000000T");
    ann.mkdir("d", false).expect(271);
    site.setting("storage", "min_free", "0");
    ann.mkdir("d", false).expect(200);
}
