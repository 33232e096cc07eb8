//! Admins: what they can do, what nobody can do to themselves, and who is no admin.

use miniftp::admin::ADMIN_COMMANDS;
use miniftp::protocols::framed::{COMMANDS, RequestNeeds};
use miniftp::wire;

use super::{ask, record, stranger};
use crate::harness::{CHUNK, Site, bytes, password, stored_bytes};

fn site() -> Site {
    let site = Site::new();
    site.admin("root").account("ann", "1M");
    site
}

/// Runs `admin ...` as root.
#[track_caller]
fn admin(site: &Site, words: &str) -> crate::harness::Output {
    let mut all = vec!["admin"];
    all.extend(words.split_whitespace());
    site.client("root").env("MINIFTP_NEW_PASSWORD", "a new secret").run(&all)
}

#[test]
fn every_row_for_admins_is_refused_to_everybody_else() {
    let site = site();
    let daemon = site.start();
    let (mut guest, mut ann) = (stranger(&site), daemon.login("ann"));
    let rows = COMMANDS.iter().filter(|row| row.needs == RequestNeeds::Admin);
    let mut count = 0;
    for row in rows {
        guest.request(row.name, &wire::Nothing::new()).expect(260);
        ann.request(row.name, &wire::Nothing::new()).expect(287).says("only an admin");
        count += 1;
    }
    assert_eq!(count, 1, "ADMIN carries them all");
    for row in ADMIN_COMMANDS {
        guest.admin(row.name).expect(260);
        ann.admin(row.name).expect(287).says("only an admin");
    }
    // A role counts from the next command on, in both directions.
    let role = |role: &str| {
        site.miniftpd(&["account", "role", "ann", role], "").ok();
    };
    role("admin");
    ann.admin("accounts").expect(200);
    role("user");
    ann.admin("accounts").expect(287);
}

#[test]
fn an_account_lives_its_life_under_an_admin() {
    let site = site();
    let daemon = site.start();
    let added = "added bob: quota 5.0 MiB, role user\n";
    admin(&site, "create bob quota=5M").ok().stdout(added).stderr("");
    daemon.connect().log_in("bob", "a new secret").expect(254);
    admin(&site, "create bob").fails(1).stderr("miniftp: the name `bob` is taken\n");
    admin(&site, "quota bob 2M").ok();
    admin(&site, "show bob").ok().stdout(
        "name      bob\nrole      user\nstate     active\ndemo      no\nused      0 B\n\
         quota     2.0 MiB\nentries   0\nof        100000\nsessions  0\n\
         rights    read, write, modify\npassword  SCRAM-SHA-256, 4096 iterations\nremark\n",
    );
    admin(&site, "passwd ann").ok();
    daemon.connect().log_in("ann", "a new secret").expect(254);
    daemon.connect().log_in("ann", &password("ann")).expect(253);
    let mut bob = daemon.connect();
    bob.log_in("bob", "a new secret").expect(254);
    admin(&site, "close bob").ok();
    bob.expect_bye(425).says("this account has been closed");
    daemon.connect().log_in("bob", "a new secret").expect(253);
    admin(&site, "open bob").ok();
    admin(&site, "role bob admin").ok();
    let list = admin(&site, "list");
    list.ok().stdout_has("name  role   state");
    let rows: Vec<&str> = list.out.lines().map(|line| line.get(..19).unwrap()).collect();
    let expected = ["ann   user   active", "bob   admin  active", "root  admin  active"];
    assert_eq!(rows[1..], expected, "{}", list.tell());
    admin(&site, "remove bob").ok();
    assert!(site.home().join("bob").is_dir());
    for (words, said) in [
        ("show bob", "no account `bob`"),
        ("quota nobody 1M", "no account `nobody`"),
        ("create Bob", "a name has 1 to 32 characters"),
        ("approve 7", "no registration `7`"),
        ("kick nobody", "no session of `nobody`"),
        ("drop-part ann /f", "no such file or folder: `/f`"),
    ] {
        admin(&site, words).fails(1).stderr_has(said);
    }
    admin(&site, "role ann root").fails(2).stderr_has("expected the role user or admin");
    for words in
        ["", "lst", "show", "quota ann", "quota ann soon", "approve x", "close ann --files"]
    {
        admin(&site, words).fails(2);
    }
    let log = daemon.whole_log();
    assert!(log.contains("root@127.0.0.1 quota bob 2097152\n"));
    assert!(log.contains("root@127.0.0.1 create bob refused: there is an account `bob` already\n"));
    assert!(!log.contains("secret"));
}

#[test]
fn nobody_raises_or_locks_out_themselves_and_the_last_admin_stays() {
    let site = site();
    let daemon = site.start();
    let mut root = daemon.login("root");
    root.admin("role root user").expect(269).says("your own role");
    root.admin("close root").expect(269);
    root.admin("remove root").expect(269);
    root.admin("role ann admin").expect(200);
    let mut ann = daemon.login("ann");
    ann.admin("role root user").expect(200);
    root.admin("sessions").expect(287);
    ann.admin("role ann user").expect(269);
    // Two admins who take the role from each other at the same moment: one of them keeps it.
    ann.admin("role root admin").expect(200);
    root.send("ADMIN", &wire::Admin::new("role ann user", "", 1));
    ann.send("ADMIN", &wire::Admin::new("role root user", "", 1));
    let codes = [root.read_answer().code, ann.read_answer().code];
    assert!(codes.contains(&200), "{codes:?}");
    let accounts = site.accounts().current();
    assert!(accounts.iter().any(|one| one.role == miniftp::accounts::Role::Admin));
}

#[test]
fn registrations_are_answered_from_a_client() {
    let site = site();
    let daemon = site.start();
    let mut guest = stranger(&site);
    for name in ["bob", "col"] {
        ask(&mut guest, name, "").expect(281);
    }
    let said = admin(&site, "pending");
    said.ok();
    assert!(said.out.lines().nth(1).unwrap().contains("1  bob   127.0.0.1  2"), "{}", said.tell());
    admin(&site, "approve 1 quota=3M").ok();
    admin(&site, "reject 2 not in this class").ok();
    assert_eq!(daemon.login("bob").quota().limit, Some(3 << 20));
    let refused = site.client("col").run(&["registration", "2"]);
    refused.fails(1).stderr_has("Reason: not in this class");
    let long = "x".repeat(miniftp::limits::REMARK + 1);
    ask(&mut guest, "dan", "").expect(281);
    daemon.login("root").admin(&format!("reject 3 {long}")).expect(252);
    admin(&site, "reject 3").ok();
}

#[test]
fn sessions_are_listed_and_ended_in_the_middle_of_what_they_do() {
    let site = site();
    let daemon = site.start();
    let (mut ann, mut root) = (daemon.login("ann"), daemon.login("root"));
    let second = daemon.login("ann");
    ann.put("f", 3 * CHUNK, 0).expect(802);
    let said = admin(&site, "sessions");
    said.ok().stdout_has("  ann      127.0.0.1  framed    2").stdout_has("  put          0");
    let line = said.out.lines().find(|line| line.ends_with("  /f")).unwrap();
    let id = line.split_whitespace().next().unwrap().to_owned();
    assert_eq!(root.admin(&format!("kick {id}")).cells().number("sessions"), Some(1));
    ann.expect_bye(427);
    assert_eq!(root.admin("kick ann").cells().number("sessions"), Some(1));
    second.expect_bye(427);
    assert_eq!(root.pwd(), "/");
    // The clients above leave in their own time.
    crate::harness::eventually("nobody else", || root.admin("kick root").code == 286);
}

#[test]
fn a_part_of_anybody_is_seen_and_dropped() {
    let site = site();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.put("f", 3 * CHUNK, 0).expect(802);
    ann.chunk(0, &bytes(1, CHUNK)).expect(900);
    let parts = admin(&site, "parts ann --json");
    parts.ok().stdout_has("{\"held\":65536,\"of\":196608,\"begun\":\"2");
    parts.stdout_has("Z\",\"path\":\"/f\"}\n");
    admin(&site, "drop-part ann /f").fails(1).stderr_has("is being written by ann");
    drop(ann);
    crate::harness::eventually("the part is free", || {
        admin(&site, "drop-part ann f").status.success()
    });
    assert_eq!(stored_bytes(&site.home(), "ann"), 0);
    assert_eq!(daemon.login("ann").quota().used, 0);
}

#[test]
fn a_record_that_is_torn_is_refused() {
    let site = site();
    let daemon = site.start();
    let mut root = daemon.login("root");
    let whole = record("bob");
    for end in [10, whole.len() - 1] {
        root.admin_with("create bob", &whole[..end]).expect(252);
        root.admin_with("passwd ann", &whole[..end]).expect(252);
    }
    // Without any it is asked for, once everything else is right.
    root.admin("create bob").expect(278).says("`bob`");
    root.admin("passwd ann").expect(278).says("`ann`");
    root.admin("create ann").expect(283);
    root.admin("passwd nobody").expect(286);
    root.admin_with("create bob quota=18446744073709551615", &whole).expect(277);
    root.admin_with("create bob quota=", &whole).expect(277);
    root.admin_with("quota ann default", "").expect(277);
    root.admin_with("create bob", &whole).expect(200);
    daemon.login("bob");
}
