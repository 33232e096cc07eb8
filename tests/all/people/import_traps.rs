//! Imports of what was not made by the other server, or cannot be here: named, and no harm done.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use miniftp::accounts::AccountState;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::import::{import, md5, plant};
use crate::harness::{FtpTalk, Site, password};

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
    symlink("/etc/hostname", root.join("xxftp.welcome")).unwrap();
    fs::write(home("long").join("permission"), " ".repeat(256 * 1024 + 1)).unwrap();
    fs::write(home("clear").join("password"), "secret").unwrap();
    fs::write(home("wide").join("permission"), "read,execute").unwrap();
    let name = "eve\nrights = read, write, modify\n[more]\nfor = all";
    fs::write(home(name).join("virtual"), "pub $root/pub read\n").unwrap();
    let evil = home("ann").parent().unwrap().join("x\nrights = read, write\n[more]\nat = \u{1b}");
    plant(&evil, &[(".xxftp/virtual", "pub $root/pub read\n")]);
    fs::create_dir(root.join("pub")).unwrap();
    let told = import(&site, "old", 3);
    told.stdout_has("added ann: ");
    assert_eq!(told.out.matches("added ").count(), 1, "{}", told.tell());
    for what in [
        "`pipe`: `old/pipe/.xxftp/password` cannot be read: not a regular file",
        "`zero`: `old/zero/.xxftp/password` cannot be read: not a regular file, but a link",
        "`old/xxftp.welcome`: a link is not followed",
        "`long`: `old/long/.xxftp/permission` cannot be read: longer than",
        "`clear`: its password is no MD5",
        "`wide`: its permissions are not read, write, modify",
        "`eve\\nrights = read, write, modify\\n[more]\\nfor = all`: a name has",
        "the login of `ann` without a password; it is closed until",
    ] {
        told.stderr_has(&format!("miniftpd: not imported: {what}"));
    }
    told.stderr_has("/pub at /x\\nrights = read, write\\n[more]\\nat = \\u{1b}/pub: not a name");
    assert_eq!(told.err.lines().count(), 9, "{}", told.tell());
    assert_eq!(site.accounts().current().account("ann").unwrap().state, AccountState::Closed);
    assert!(!site.conf().join("mounts.ini").exists() && !site.conf().join("welcome.txt").exists());
    // A tree of JSON files has the same ways in, and so has a file by itself.
    let users = site.local().join("users");
    fs::create_dir(&users).unwrap();
    for name in ["users/a.json", "b.json", "c.csv", "d.ini"] {
        mknodat(CWD, site.local().join(name), FileType::Fifo, mode, 0).unwrap();
    }
    fs::write(users.join("huge.json"), " ".repeat(256 * 1024 + 1)).unwrap();
    import(&site, "users", 1)
        .stderr_has("not imported: `users/a.json` cannot be read: not a regular file")
        .stderr_has("not imported: `users/huge.json` cannot be read: longer than");
    for name in ["b.json", "c.csv", "d.ini"] {
        import(&site, name, 1).stderr_has(&format!("`{name}` cannot be read: not a regular file"));
    }
}

#[test]
fn what_is_mapped_and_cannot_be_mounted_is_named() {
    let site = Site::new();
    let root = site.local().join("old");
    let lines = "all $root read\nbob $root/bob read\nnone $root/none read\nshort\nodd $root/x all\n\
        good $root/x read\nin $root/x/in write\n";
    plant(
        &root,
        &[
            ("ann/.xxftp/password", &md5("a")),
            ("ann/.xxftp/size", "0"),
            ("ann/.xxftp/virtual", lines),
            ("bob/.xxftp/password", &md5("b")),
            ("bob/deep/.xxftp/virtual", "etc /etc read\n"),
            ("Odd name/.xxftp/password", &md5("o")),
            ("anonymous/.xxftp/password", &md5("g")),
            ("anonymous/.xxftp/virtual", "drop $root/y write\n"),
            ("x/in/f", "f"),
            ("y/f", "f"),
        ],
    );
    // A mapping that was written by somebody who has only a home there.
    let foreign = chown(root.join("bob/deep/.xxftp/virtual"), Some(4711), None).is_ok();
    let told = import(&site, "old", 3);
    told.stdout_has("added ann: ").stdout_has("added bob: ");
    told.stdout_has("old/x at /good for ann: read\n");
    let holds = "holds homes of that server, and the MD5s of their passwords would be seen";
    for what in [
        &format!(
            "`ann`: `old/ann/.xxftp/virtual`, line 1: {}",
            root.canonicalize().unwrap().display()
        ),
        &format!("/old/bob {holds}"),
        "line 3: ",
        "line 4: expected `name path permissions`",
        "line 5: expected `name path permissions`",
        "old/x/in at /in for ann: write: dir: overlaps that of [imported-1]",
        "`ann`: its size 0, which was no limit there, is the default here",
        "`Odd name`: a name has",
        "`anonymous`: guests only read in home/anonymous",
        "`anonymous`: its password; guests need none here",
        "the anonymous user can log in with `anonymous = yes`",
        "old/y at /drop for guests: write: size: ",
    ] {
        told.stderr_has(what);
    }
    if foreign {
        told.stderr_has("`old/bob/deep/.xxftp/virtual` belongs to another user than the tree");
    }
    let daemon = site.start();
    let mut ann = FtpTalk::connect(daemon.ftp_addr());
    ann.log_in("ann", "a").expect(230);
    assert_eq!(ann.fetch("/good/in/f"), b"f");
    for place in ["/all", "/bob", "/in"] {
        ann.ask(&format!("CWD {place}")).expect(550);
    }
}

#[test]
fn what_is_here_already_stays_as_it_is() {
    let site = Site::new();
    site.account("ann", "1M");
    let root = site.local().join("old");
    plant(
        &root,
        &[
            ("xxftp.welcome", "theirs"),
            ("xxftp.goodbye", "theirs"),
            ("ann/.xxftp/password", &md5("theirs")),
            ("bob/.xxftp/password", &md5("b")),
            ("bob/.xxftp/virtual", "pub $root/pub read\n"),
            ("pub/f", "f"),
        ],
    );
    plant(&site.conf(), &[("welcome.txt", "ours"), ("mounts.ini", "[torn\n")]);
    plant(&site.home(), &[("bob/f", "copied before")]);
    site.setting("words", "goodbye", "none");
    let told = import(&site, "old", 1);
    for what in [
        "not imported: `ann`: there is an account `ann` already",
        "not imported: `bob`: `bob` was an account that may have left files, or has files here",
        "not imported: `bob`: the mapped directory /pub, as there is no account",
        "conf/welcome.txt is there already, with another text",
        "`old/xxftp.goodbye`: [words] goodbye of server.ini is none",
    ] {
        told.stderr_has(what);
    }
    let adopt = site.miniftpd(&["account", "import", "old", "--adopt"], "");
    adopt.fails(3).stdout_has("added bob: ").stderr_has("mounts.ini:1: [torn: a section without");
    assert_eq!(fs::read_to_string(site.conf().join("mounts.ini")).unwrap(), "[torn\n");
    assert_eq!(fs::read_to_string(site.conf().join("welcome.txt")).unwrap(), "ours");
    fs::remove_file(site.conf().join("mounts.ini")).unwrap();
    let daemon = site.start();
    daemon.connect().log_in("ann", &password("ann")).expect(254);
    let mut bob = FtpTalk::connect(daemon.ftp_addr());
    bob.log_in("bob", "b").expect(230);
    assert_eq!(bob.fetch("f"), b"copied before");
    site.miniftpd(&["account", "help"], "").ok().stdout_has("exit code 0: all of it");
}
