//! The end of an account: its files stay, or all of it goes.

use std::fs;
use std::path::Path;

use miniftp::accounts::AccountState;

use super::{ask, stranger};
use crate::harness::{CHUNK, FtpTalk, Site, bytes, password};

#[test]
fn with_its_files_nothing_of_it_is_left_and_nobody_registers_its_name() {
    let site = Site::new();
    site.admin("root").account("ann", "1M").account("bob", "1M");
    let daemon = site.start();
    let (mut root, mut ann, mut bob) =
        (daemon.login("root"), daemon.login("ann"), daemon.login("bob"));
    ann.mkdir("a/b/c", true).expect(200);
    ann.store("a/b/c/f", &bytes(1, 10_000), 0).expect(900);
    ann.put("half", 3 * CHUNK, 0).expect(802);
    ann.chunk(0, &bytes(2, CHUNK)).expect(900);
    bob.store("f", b"bob's", 0).expect(900);
    root.admin("remove ann --files").expect(200);
    ann.expect_bye(425);
    assert!(!site.home().join("ann").exists());
    assert!(!site.home().join(".miniftp/parts/ann").exists());
    assert_eq!(fs::read_dir(site.home().join(".miniftp/removed")).unwrap().count(), 0);
    daemon.connect().log_in("ann", &password("ann")).expect(253);
    assert_eq!(bob.fetch("f"), b"bob's");
    // The next one of that name begins with nothing, and comes in by an admin's word alone.
    ask(&mut stranger(&site), "ann", "").expect(283);
    let record = super::record("ann");
    let kept = root.admin_with("create ann", &record);
    kept.expect(283).says("only creating the account with `adopt`");
    root.admin_with("create ann --adopt", &record).expect(200);
    let mut ann = daemon.login("ann");
    assert!(ann.on("LS", "/").names().is_empty());
    assert_eq!((ann.quota().used, ann.quota().reserved), (0, 0));
    assert!(ann.parts().is_empty());
}

/// What cannot be had back is asked about, where somebody can be asked.
#[test]
fn files_go_only_when_the_user_is_sure() {
    let site = Site::new();
    site.admin("root").account("ann", "1M");
    let daemon = site.start();
    daemon.login("ann").store("f", b"stays", 0).expect(900);
    let mut root = daemon.login("root");
    let ask = |sure| miniftp::wire::Admin::new("remove ann --files", "", sure);
    let asked = root.request("ADMIN", &ask(0));
    assert_eq!(asked.expect(279).text, "Remove ann and all that it stored?");
    assert_eq!(fs::read(site.stored("ann", "f")).unwrap(), b"stays");
    assert!(!daemon.whole_log().contains("remove ann"), "a question leaves no line");
    root.request("ADMIN", &ask(1)).expect(200);
    assert!(!site.home().join("ann").exists());
}

#[test]
fn without_its_files_they_stay_and_are_nobody_s() {
    let site = Site::new();
    site.admin("root").account("ann", "1M");
    let daemon = site.start();
    let (mut root, mut ann) = (daemon.login("root"), daemon.login("ann"));
    ann.store("f", b"stays", 0).expect(900);
    root.admin("remove ann").expect(200);
    ann.expect_bye(425);
    assert_eq!(fs::read(site.stored("ann", "f")).unwrap(), b"stays");
    ask(&mut stranger(&site), "ann", "").expect(283);
    // An admin who makes the account again says that they are its.
    let record = super::record("ann");
    let kept = root.admin_with("create ann", &record);
    kept.expect(283).says("only creating the account with `adopt`");
    root.admin_with("create ann adopt", &record).expect(200);
    assert_eq!(daemon.login("ann").fetch("f"), b"stays");
}

#[test]
fn the_operator_removes_files_with_the_account_while_no_server_runs() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let mut daemon = site.start();
    for name in ["ann", "bob"] {
        daemon.login(name).store("f", b"mine", 0).expect(900);
    }
    let words = ["account", "remove", "ann", "--files"];
    // What is done beside the server stands in its log; a server that cannot be reached keeps its
    // files.
    site.miniftpd(&["account", "quota", "bob", "2M"], "").ok();
    daemon.wait_for_log("operator@command-line quota bob 2097152\n");
    let (socket, away) = (".miniftp/admin.socket", ".miniftp/away");
    fs::rename(site.home().join(socket), site.home().join(away)).unwrap();
    site.miniftpd(&words, "").fails(1).stderr_has("is in use by ");
    assert!(site.stored("ann", "f").exists());
    fs::rename(site.home().join(away), site.home().join(socket)).unwrap();
    daemon.term();
    daemon.wait();
    site.miniftpd(&words, "").ok().stdout("removed ann and its files\n");
    assert!(!site.stored("ann", "").exists());
    assert_eq!(fs::read(site.stored("bob", "f")).unwrap(), b"mine");
    site.miniftpd(&words, "").fails(1).stderr_has("ann");
    site.miniftpd(&["account", "remove", "bob"], "").ok();
    assert!(site.stored("bob", "f").exists());
}

/// An account was made that was named like the directory of a mount, and removed with its files:
/// everybody's went.
#[test]
fn files_that_are_mounted_are_never_removed_with_an_account() {
    let site = Site::new();
    site.admin("root").account("bob", "1M");
    // The names of accounts, and what of their homes is mounted.
    let mounted = [("pool", "pool", "[all]"), ("deep", "deep/in/it", "[part]")];
    let section = |name: &str, dir: &Path| {
        let dir = dir.display();
        format!("[{name}]\nat = /{name}\ndir = {dir}\nfor = all\nrights = read\n")
    };
    let text: String = mounted
        .iter()
        .map(|(_, dir, name)| section(name.trim_matches(['[', ']']), &site.home().join(dir)))
        .collect();
    for (_, dir, _) in mounted {
        fs::create_dir_all(site.home().join(dir)).unwrap();
        fs::write(site.home().join(dir).join("f"), "everybody's").unwrap();
    }
    for (name, ..) in mounted {
        site.account(name, "1M");
    }
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    let mut daemon = site.start_with_console();
    let mut ftp = FtpTalk::login(daemon.ftp_addr(), "root");
    let mut bob = daemon.login("bob");
    let stays = |name: &str| {
        let accounts = site.accounts().current();
        let account = accounts.account(name).expect("the account stays");
        assert_eq!(account.state, AccountState::Active, "{name}: nothing was done");
    };
    for (name, _, mount) in mounted {
        let mount = mount.trim_matches(['[', ']']);
        let says = format!("in the directory of the mount `{mount}`; nothing was done");
        site.miniftp("root", &["admin", "remove", name, "--files"]).fails(1).stderr_has(&says);
        ftp.ask(&format!("SITE REMOVE {name} files")).expect(550).says(&says);
        daemon.type_line(&format!("remove {name} files"));
        daemon.wait_for_printed(&says);
        daemon.login("root").admin(&format!("remove {name} --files")).says(&says);
        stays(name);
        assert_eq!(bob.fetch(&format!("/{mount}/f")), b"everybody's");
    }
    // In force still, though the file says otherwise; and in the file, though it has a fault.
    let file = site.conf().join("mounts.ini");
    let text = fs::read_to_string(&file).unwrap();
    for torn in ["[torn\n".to_owned(), format!("{text}[torn\n")] {
        fs::write(&file, torn).unwrap();
        ftp.ask("SITE REMOVE pool files").expect(550).says("of the mount `all`");
    }
    fs::write(&file, &text).unwrap();
    daemon.term();
    daemon.wait();
    for (name, _, mount) in mounted {
        let says = format!("of the mount `{}`", mount.trim_matches(['[', ']']));
        let words = ["account", "remove", name, "--files"];
        site.miniftpd(&words, "").fails(1).stderr_has(&says);
        stays(name);
    }
    for (_, dir, _) in mounted {
        assert_eq!(fs::read(site.home().join(dir).join("f")).unwrap(), b"everybody's");
    }
    // Without its files an account goes all the same, and when nothing is mounted with them.
    site.miniftpd(&["account", "remove", "deep"], "").ok();
    fs::write(&file, "").unwrap();
    site.miniftpd(&["account", "remove", "pool", "--files"], "").ok();
    assert!(!site.home().join("pool").exists() && site.home().join("deep/in/it/f").exists());
}

/// Whole files in a mount, and parts in one that is not there, were given to the next of that name.
#[test]
fn what_is_left_in_mounts_is_nobody_s_whoever_registers_the_name() {
    let site = Site::new();
    site.setting("registration", "mode", "open");
    site.admin("root").account("bob", "1M").account("cid", "1M");
    let section = |name: &str| {
        let rights = "rights = read, write, modify\nsize = account";
        format!("[{name}]\nat = /{name}\ndir = {name}\nfor = all\n{rights}\n")
    };
    let file = site.conf().join("mounts.ini");
    fs::write(&file, format!("{}{}", section("pay"), section("away"))).unwrap();
    let daemon = site.start();
    let mut root = daemon.login("root");
    for name in ["bob", "cid"] {
        let mut session = daemon.login(name);
        session.store(&format!("/pay/{name}"), &bytes(1, 3000), 0).expect(900);
        session.put(&format!("/away/{name}"), 3 * CHUNK, 0).expect(802);
        session.chunk(0, &bytes(2, CHUNK)).expect(900);
    }
    fs::write(&file, format!("{}; {}\n", section("pay"), "-".repeat(100))).unwrap();
    root.on("LS", "/away").expect(256);
    root.admin("remove bob files").expect(200);
    site.miniftpd(&["account", "remove", "cid"], "").ok();
    fs::write(&file, format!("{}{}", section("pay"), section("away"))).unwrap();
    for name in ["bob", "cid"] {
        ask(&mut stranger(&site), name, "").expect(283);
        site.miniftpd(&["account", "add", name], "a-secret\n").fails(1).stderr_has("`adopt`");
        site.miniftpd(&["account", "add", name, "--adopt"], "a-secret\n").ok();
        let mut owner = daemon.connect();
        owner.log_in(name, "a-secret").expect(254);
        assert_eq!(owner.fetch(&format!("/pay/{name}")), bytes(1, 3000), "{name}");
    }
}
