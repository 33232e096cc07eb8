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
    ann.store("g", b"", 0)
        .expect(271)
        .says("needs 1 entry, ")
        .says("and 1000000000 of them stay free");
    ann.mkdir("d", false).expect(271);
    ann.put("h", CHUNK, 0).expect(271);
    FtpTalk::login(daemon.ftp_addr(), "ann").ask("MKD d").expect(452);
    site.setting("storage", "min_free_entries", "0");
    site.setting("storage", "min_free", "8000000T");
    let refused = ann.mkdir("d", false);
    refused.expect(271).says(" are free, and 7.6 EiB (8796093022208000000 bytes) must stay free");
    site.setting("storage", "min_free", "0");
    ann.mkdir("d", false).expect(200);
}

#[test]
fn an_account_and_a_mount_can_have_a_limit_of_their_own() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").setting("storage", "entries", "3");
    let mount =
        "[pool]\nat = /pool\ndir = pool\nfor = all\nrights = read, write, modify\nsize = 1M\n";
    let mounts = site.conf().join("mounts.ini");
    std::fs::write(&mounts, format!("{mount}entries = 2\n")).unwrap();
    site.miniftpd(&["account", "quota", "ann", "1M", "--entries", "1"], "").ok();
    site.miniftpd(&["account", "show", "ann"], "").ok().stdout_has("of        1");
    let list = site.miniftpd(&["account", "list"], "");
    list.ok().stdout_has("bob   user  active  no     0 B  1.0 MiB        0   3  -\n");
    let wrong = ["account", "quota", "ann", "1M", "--entries", "many"];
    site.miniftpd(&wrong, "").fails(2).stderr_has("expected a whole number such as 5000");
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.store("1", b"", 0).expect(900);
    ann.store("2", b"", 0).expect(270).says("needs 1 entry, 0 left of 1");
    for name in ["1", "2", "3"] {
        bob.store(name, b"", 0).expect(900);
    }
    bob.store("4", b"", 0).expect(270).says("0 left of 3");
    bob.store("/pool/1", b"", 0).expect(900);
    ann.mkdir("/pool/2", false).expect(200);
    bob.store("/pool/3", b"", 0).expect(270).says("0 left of 2 of this mount");
    // An edit counts at once, of the account, of the mount and of the setting.
    site.miniftpd(&["account", "quota", "ann", "1M", "--entries", "unlimited"], "").ok();
    ann.store("2", b"", 0).expect(900);
    std::fs::write(&mounts, mount).unwrap();
    bob.store("/pool/3", b"", 0).expect(900);
    site.setting("storage", "entries", "4");
    bob.store("4", b"", 0).expect(900);
    bob.store("/pool/4", b"", 0).expect(900);
    bob.store("/pool/5", b"", 0).expect(270).says("0 left of 4 of this mount");
}

/// Entries were seen and set at the command line alone.
#[test]
fn an_admin_sees_and_sets_entries_through_every_interface() {
    let site = Site::new();
    site.admin("root").account("ann", "1M");
    let mut daemon = site.start_with_console();
    let mut ann = daemon.login("ann");
    ann.mkdir("a/b", true).expect(200);
    site.miniftp("root", &["admin", "quota", "ann", "2M", "entries=3"]).ok();
    assert_eq!(ann.quota().limit_entries, Some(3));
    let list = site.miniftp("root", &["admin", "list"]);
    list.ok().stdout_has("name  role   state   demo  used     quota  entries      of  sessions");
    list.stdout_has("ann   user   active  no     0 B   2.0 MiB        2       3         1");
    let show = site.miniftp("root", &["admin", "show", "ann"]);
    show.ok().stdout_has("entries   2\nof        3\n");
    // Without a word of them they stay as they are.
    site.miniftp("root", &["admin", "quota", "ann", "1M"]).ok();
    assert_eq!(ann.quota().limit_entries, Some(3));
    let wrong = ["admin", "quota", "ann", "1M", "entries=many"];
    site.miniftp("root", &wrong).fails(2).stderr_has("a whole number such as 5000");
    site.miniftp("root", &["admin", "quota", "ann", "1M", "many"]).fails(2);
    let mut root = FtpTalk::login(daemon.ftp_addr(), "root");
    let set = root.ask("SITE QUOTA ann 1M entries=unlimited");
    set.expect(200).says("the quota of ann is 1.0 MiB, with unlimited entries now");
    assert_eq!(ann.quota().limit_entries, None);
    daemon.type_line("quota ann 1M entries=default");
    daemon.type_line("account ann");
    daemon.wait_for_printed("entries   2\nof        100000\nsessions  1\n");
    root.ask("SITE QUOTA ann 1M entries=-1").expect(501);
}
