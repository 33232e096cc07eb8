//! Accounts of other servers are taken over: from an INI, from JSON, from a tree of homes.

use std::fs;
use std::os::unix::fs::symlink;

use miniftp::accounts::{Role, State};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::{FtpTalk, Site};

fn import(site: &Site, from: &str) -> crate::harness::Output {
    site.miniftpd(&["account", "import", from], "")
}

#[test]
fn an_ini_with_clear_passwords_is_hashed() {
    let site = Site::new();
    site.account("root", "1M");
    let text = "[DEFAULT]\n\n[LuMX]\nPassword = 123\nQuotation = 100\n\n[root]\nPassword = root\n\
        Quotation = 100\n[lumx]\nPassword = 123\nQuotation = 1.5G\n[bare]\nQuotation = 1\n";
    fs::write(site.local().join("user.cfg"), text).unwrap();
    let told = import(&site, "user.cfg");
    told.ok().stdout_has("added lumx: quota 1536M, rights read, write, modify\n");
    told.stdout_has("passed over LuMX: ").stdout_has("passed over root: there is an account of");
    told.stdout_has("passed over bare: no Password\n").stdout_has("1 accounts made\n");
    let ini = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    assert!(!ini.contains("123\n"), "{ini}");
    let daemon = site.start();
    daemon.connect().log_in("lumx", "123").expect(254);
}

#[test]
fn json_is_read_whatever_its_keys_are_called() {
    let site = Site::new();
    let folder = site.local().join("users");
    fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("alex.json", r#"{"Name": "alex", "Password": "1", "Size": "10M"}"#);
    write("admin.json", r#"{"username": "admin", "pwd": "123", "type": "Manager"}"#);
    write("torn.json", r#"{"name": "torn", "#);
    let told = import(&site, "users");
    told.ok().stdout_has("added alex: quota 10M").stdout_has("added admin: quota 100M");
    told.stdout_has("passed over torn.json: ").stdout_has("2 accounts made\n");
    let accounts = site.accounts().current();
    assert_eq!(accounts.account("admin").unwrap().role, Role::Admin);
    let daemon = site.start();
    daemon.connect().log_in("alex", "1").expect(254);
    FtpTalk::connect(daemon.ftp_addr()).log_in("alex", "1").expect(230);
}

#[test]
fn a_tree_of_homes_keeps_its_passwords_and_gets_better_ones() {
    let site = Site::new();
    let root = site.local().join("old");
    let home = |name: &str, files: &[(&str, &str)]| {
        let own = root.join(name).join(".xxftp");
        fs::create_dir_all(&own).unwrap();
        for (file, text) in files {
            fs::write(own.join(file), text).unwrap();
        }
    };
    let digest = miniftp::digest::Plain::from_name("md5").map(|mut md5| {
        md5.update(b"her secret");
        md5.finish()
    });
    let digest = digest.unwrap();
    let lines = "pub $root/the pub read\nin $root/in read,write\nshort\n";
    home(
        "ann",
        &[
            ("password", &format!("{}\n", digest.to_uppercase())),
            ("size", "5242880"),
            ("permission", "read,write"),
            ("virtual", lines),
        ],
    );
    home("bob", &[]);
    home("bad", &[("password", "clear")]);
    home("anonymous", &[]);
    fs::create_dir(root.join("no user")).unwrap();
    let told = import(&site, "old");
    told.ok().stdout_has("added ann: quota 5M, rights read, write; its first login is by FTP");
    told.stdout_has("added bob: ").stdout_has("it had no password, so it is closed");
    told.stdout_has("passed over bad: its password is no MD5\n");
    told.stdout_has("passed over anonymous: guests are a setting here");
    told.stdout_has("passed over ann: .xxftp/virtual: line 3\n").stdout_has("2 accounts made\n");
    let mount = |number: u32, at: &str, dir: &str, rights: &str| {
        let root = fs::canonicalize(&root).unwrap();
        let root = root.display();
        format!(
            "[imported-{number}]\nat = /{at}\ndir = {root}/{dir}\nfor = ann\nrights = {rights}\n"
        )
    };
    told.stdout_has(&mount(1, "pub", "the pub", "read"));
    told.stdout_has(&(mount(2, "in", "in", "read, write") + "size = account\n"));
    told.stdout_has("files are not copied: cp -a old/NAME/. ");
    assert_eq!(site.accounts().current().account("bob").unwrap().state, State::Closed);

    let daemon = site.start();
    // What the other server kept is no password here, by neither door.
    daemon.connect().log_in("ann", &digest).expect(253);
    daemon.connect().log_in("ann", "her secret").expect(253);
    FtpTalk::connect(daemon.ftp_addr()).log_in("ann", &digest).expect(530);
    all_at_once(&daemon);
    daemon.wait_for_log("passwd ann; it was imported, and has a record of its own now");
    daemon.connect().log_in("ann", "her secret").expect(254);
    let ini = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    assert!(!ini.contains("imported = md5") && !ini.contains(&digest), "{ini}");
}

/// A client with several connections logs in with all of them at once.
fn all_at_once(daemon: &crate::harness::Daemon) {
    let mut talks: Vec<FtpTalk> = (0..4).map(|_| FtpTalk::connect(daemon.ftp_addr())).collect();
    for talk in &mut talks {
        talk.ask("USER ann").expect(331);
    }
    talks.iter().for_each(|talk| talk.send("PASS her secret"));
    for talk in &mut talks {
        talk.reply().expect(230);
    }
}

/// Whoever has a home on the other server wrote what is in it.
#[test]
fn what_a_home_pretends_to_be_holds_nothing_up_and_says_nothing_in_our_files() {
    let site = Site::new();
    let root = site.local().join("old");
    let home = |name: &str| {
        let own = root.join(name).join(".xxftp");
        fs::create_dir_all(&own).unwrap();
        own
    };
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, home("pipe").join("password"), FileType::Fifo, mode, 0).unwrap();
    symlink("/dev/zero", home("zero").join("password")).unwrap();
    fs::write(home("long").join("permission"), " ".repeat(256 * 1024 + 1)).unwrap();
    let name = "eve\nrights = read, write, modify\n[more]\nfor = all";
    fs::write(home(name).join("virtual"), "pub /the/pub read\n").unwrap();
    fs::write(home("ann").join("virtual"), "pub /the/pub read\n").unwrap();
    let told = import(&site, "old");
    told.ok().stdout_has("added ann: ").stdout_has("1 accounts made\n");
    told.stdout_has("passed over pipe: `old/pipe/.xxftp/password` cannot be read: not a regular");
    told.stdout_has("passed over zero: `old/zero/.xxftp/password` cannot be read: not a regular");
    told.stdout_has("passed over long: `old/long/.xxftp/permission` cannot be read: longer than");
    told.stdout_has("passed over eve\\n").stdout_has("for = ann\n");
    assert!(!told.tell().contains("[more]\n"), "{}", told.tell());
    // A tree of JSON files has the same ways in.
    let users = site.local().join("users");
    fs::create_dir(&users).unwrap();
    mknodat(CWD, users.join("a.json"), FileType::Fifo, mode, 0).unwrap();
    import(&site, "users").ok().stdout_has("passed over a.json: ");
}
