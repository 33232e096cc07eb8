//! Files that decide who gets in: a server does not start while others can read or write those
//! that are the owner's alone, and says what to type.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use rustix::process::geteuid;

use super::user::give;
use crate::harness::{Miniftp, Output, Site};

const LISTEN: [&str; 4] = ["--listen", "127.0.0.1:0", "--ftp", "127.0.0.1:0"];

/// A file without sections.
const END: &str = "generation = 1\n\n[end]\ngeneration = 1\n";

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn check(site: &Site) -> Output {
    site.miniftpd(&[&["check"], &LISTEN[..]].concat(), "")
}

/// Types the command that a line ends in, as a user would.
#[track_caller]
fn type_repair(site: &Site, line: &str) {
    let (_, command) = line.trim_end().rsplit_once("; ").unwrap();
    Miniftp::foreign("/bin/sh", &site.local()).run(&["-c", command]).ok();
}

fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M");
    mode(&site.conf().join("accounts.ini"), 0o600);
    mode(&site.conf().join("accounts.ini.previous"), 0o600);
    site
}

#[test]
fn what_others_could_change_or_steal_keeps_the_server_from_starting() {
    let site = site();
    for (name, text) in [
        ("bans.ini", END),
        ("networks.ini", END),
        ("ftp-passwords.ini", END),
        ("registrations.ini", &format!("next = 1\n{END}")),
        ("invites.ini", ""),
        ("mounts.ini", ""),
    ] {
        fs::write(site.conf().join(name), text).unwrap();
        mode(&site.conf().join(name), 0o600);
    }
    fs::write(site.conf().join("hook"), "#!/bin/sh\n").unwrap();
    mode(&site.conf().join("hook"), 0o755);
    site.setting("hooks", "login", "hook");
    let ready = site.start();
    drop(ready);
    // A build without encryption has made none.
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(site.conf().join("tls-cert.pem"))
        .unwrap();
    check(&site).ok();
    let (conf, private) = (site.conf(), site.home().join(".miniftp"));
    let written = "can be written by others";
    let used = "can be read or written by others";
    for (path, open, closed, words) in [
        (conf.join("accounts.ini"), 0o622, 0o600, written),
        (conf.join("accounts.ini.previous"), 0o602, 0o600, written),
        (conf.join("bans.ini"), 0o606, 0o604, written),
        (conf.join("networks.ini"), 0o602, 0o600, written),
        (conf.join("ftp-passwords.ini"), 0o602, 0o600, written),
        (conf.join("registrations.ini"), 0o602, 0o600, written),
        (conf.join("invites.ini"), 0o602, 0o600, written),
        (conf.join("mounts.ini"), 0o646, 0o644, written),
        (conf.join("server.ini"), 0o666, 0o644, written),
        (conf.clone(), 0o777, 0o755, written),
        (conf.clone(), 0o1777, 0o1755, written),
        (site.home(), 0o777, 0o775, written),
        (conf.join("tls-cert.pem"), 0o666, 0o644, written),
        (conf.join("hook"), 0o777, 0o755, written),
        (private.join("secret"), 0o640, 0o600, used),
        (private.clone(), 0o750, 0o700, used),
    ] {
        mode(&path, open);
        let shown = path.display();
        let line = format!("{shown} {words} (mode {:03o}); chmod ", open & 0o777);
        let said = site.miniftpd(&LISTEN, "");
        said.fails(1).stdout("").stderr_has(&format!("miniftpd: {line}"));
        let found = check(&site);
        found.fails(1);
        let found = found.out.lines().find(|found| found.starts_with(&line));
        type_repair(&site, found.unwrap_or_else(|| panic!("{line}\n{}", said.tell())));
        let now = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(now, closed, "{shown}");
        // Nothing else is wrong, and the server starts.
        check(&site).ok();
        drop(site.start());
    }
}

/// A mode says nothing to whoever owns the file: a secret that belongs to a third user is refused,
/// whoever the server runs as.
#[test]
fn what_belongs_to_somebody_else_keeps_the_server_from_starting() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    const OTHER: u32 = 48_113;
    for (user, uid) in [("none", 0), ("nobody", 65_534)] {
        let site = site();
        drop(site.start());
        give(&site.conf(), uid);
        give(&site.home(), uid);
        site.setting("server", "user", user).setting("hooks", "login", "hook");
        fs::write(site.conf().join("hook"), "#!/bin/sh\n").unwrap();
        mode(&site.conf().join("hook"), 0o755);
        drop(site.start());
        let (conf, private) = (site.conf(), site.home().join(".miniftp"));
        let names = ["accounts.ini", "accounts.ini.previous", "server.ini", "hook"];
        let files = names.map(|name| conf.join(name));
        for path in files.into_iter().chain([private.join("secret"), private]) {
            chown(&path, Some(OTHER), Some(OTHER)).unwrap();
            let shown = path.display();
            let line = format!("{shown} belongs to another user; chown {uid} {shown}");
            let said = site.miniftpd(&LISTEN, "");
            said.fails(1).stdout("");
            // What the server cannot even read is refused before that.
            if said.err.contains("denied") {
                chown(&path, Some(uid), Some(uid)).unwrap();
                continue;
            }
            said.stderr_has(&format!("miniftpd: {line}"));
            let found = check(&site);
            found.fails(1);
            assert!(found.out.contains(&format!("{line}\n")), "{}", found.out);
            type_repair(&site, &line);
            check(&site).ok();
            drop(site.start());
        }
    }
}

/// Root serves from a user's directories, as in a container: they are that user's server, which is
/// said, and a third user's file in them is refused all the same.
#[test]
fn root_serves_from_the_directories_of_a_user_and_says_whose_they_are() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    const OWNER: u32 = 48_112;
    let site = site();
    for path in [site.conf(), site.home()] {
        give(&path, OWNER);
        let shown = path.display();
        let daemon = site.start();
        let words = "or leave it: that user runs this server";
        let line = format!("{shown} belongs to another user; chown 0 {shown}, {words}");
        daemon.wait_for_log(&format!("WARN  {line}"));
        daemon.login("ann");
        drop(daemon);
        let found = check(&site);
        found.ok();
        assert!(found.out.contains(&format!("\nwarning: {line}\n")), "{}", found.out);
    }
    let accounts = site.conf().join("accounts.ini");
    chown(&accounts, Some(OWNER + 1), None).unwrap();
    let said = site.miniftpd(&LISTEN, "");
    said.fails(1).stdout("").stderr_has("accounts.ini belongs to another user; chown 0 ");
    chown(&accounts, Some(OWNER), None).unwrap();
    // What root's server leaves in the homes its user's own server cannot use.
    site.setting("server", "user", &OWNER.to_string());
    let left = site.home().join(".miniftp");
    give(&left, 0);
    let (left, home) = (left.display(), site.home());
    let line = format!("{left} belongs to root, whose server has run here; chown -R {OWNER} ");
    let line = line + &home.display().to_string();
    let said = site.miniftpd(&LISTEN, "");
    said.fails(1).stdout("").stderr_has(&format!("miniftpd: {line}\n"));
    assert!(check(&site).out.contains(&format!("{line}\n")), "{}", check(&site).out);
    type_repair(&site, &line);
    check(&site).ok();
    site.start().login("ann");
}

/// The homes may be on a disk of another machine, whose owners are what that machine says, and
/// people of this one may share them: that is said, and no more.
#[test]
fn homes_of_others_are_warned_of() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let site = site();
    drop(site.start());
    mode(&site.home(), 0o2775);
    chown(site.home(), None, Some(48_114)).unwrap();
    let daemon = site.start();
    let shown = site.home();
    let line = format!("{} can be written by others (mode 775); chmod go-w ", shown.display());
    daemon.wait_for_log(&format!("WARN  {line}"));
    daemon.login("ann");
}

/// A link leads to a directory in which others could put another file in the place of the one that
/// counts; so does the path of a program or a key.
#[test]
fn what_a_file_is_really_in_counts_too() {
    let site = site();
    drop(site.start());
    let (conf, open) = (site.conf(), site.local().join("open"));
    fs::create_dir(&open).unwrap();
    let accounts = conf.join("accounts.ini");
    let server_ini = fs::read(conf.join("server.ini")).unwrap();
    for name in ["accounts.ini", "hook", "key"] {
        let elsewhere = open.join(name);
        match name {
            "accounts.ini" => {
                fs::rename(&accounts, &elsewhere).unwrap();
                symlink(&elsewhere, &accounts).unwrap();
            }
            "hook" => {
                fs::write(&elsewhere, "#!/bin/sh\n").unwrap();
                mode(&elsewhere, 0o755);
                site.setting("hooks", "login", elsewhere.to_str().unwrap());
            }
            _ if cfg!(feature = "tls") => {
                fs::rename(conf.join("tls-key.pem"), &elsewhere).unwrap();
                site.setting("server", "certificate", "tls-cert.pem");
                site.setting("server", "key", elsewhere.to_str().unwrap());
            }
            _ => continue,
        }
        check(&site).ok();
        let shown = open.display();
        let line = format!("{shown} can be written by others (mode 777); chmod o-w {shown}");
        mode(&open, 0o777);
        site.miniftpd(&LISTEN, "").fails(1).stderr_has(&format!("miniftpd: {line}\n"));
        assert!(check(&site).out.contains(&format!("{line}\n")), "{}", check(&site).out);
        type_repair(&site, &line);
        // As /tmp, where nobody takes the file of somebody else away.
        mode(&open, 0o1777);
        site.start().login("ann");
        mode(&open, 0o755);
        match name {
            "accounts.ini" => fs::rename(&elsewhere, &accounts).unwrap(),
            "key" => fs::rename(&elsewhere, conf.join("tls-key.pem")).unwrap(),
            _ => {}
        }
        fs::write(conf.join("server.ini"), &server_ini).unwrap();
    }
    // Above both directories it is a warning, since a whole machine may be made so.
    let above = conf.parent().unwrap();
    mode(above, 0o777);
    let daemon = site.start();
    let line = format!("{} can be written by others (mode 777); chmod o-w ", above.display());
    daemon.wait_for_log(&format!("WARN  {line}"));
    mode(above, 0o755);
}

/// The server's own key, and one of the operator's, at the start and at HUP.
#[test]
fn a_key_that_others_can_read_is_refused() {
    let site = site();
    let daemon = site.start();
    if !cfg!(feature = "tls") {
        eprintln!("skipped: this build has no encryption");
        return;
    }
    daemon.wait_for_log("the server's key is ");
    let key = site.conf().join("tls-key.pem");
    mode(&key, 0o644);
    let shown = key.display();
    let line = format!("{shown}: can be read or written by others (mode 644); chmod 600 {shown}");
    daemon.signal(rustix::process::Signal::HUP);
    let way_out = "fix it, or set [server] tls to off";
    daemon.wait_for_log(&format!("{line}; {way_out}; until then the key stays as it was"));
    daemon.login("ann");
    drop(daemon);
    let said = site.miniftpd(&LISTEN, "");
    said.fails(1).stdout("").stderr_has(&line);
    let found = check(&site);
    found.fails(1);
    assert!(found.out.contains(&line), "{}", found.out);
    type_repair(&site, &line);
    check(&site).ok();
    drop(site.start());
}

/// Many systems give each user a group of the same name, and let new files be written by it.
#[test]
fn a_group_of_nobody_else_may_write() {
    let site = site();
    let accounts = site.conf().join("accounts.ini");
    mode(&accounts, 0o664);
    let own = rustix::process::getegid().as_raw();
    chown(&accounts, None, Some(own)).unwrap();
    drop(site.start());
    if !geteuid().is_root() {
        return;
    }
    chown(&accounts, None, Some(own + 12_345)).unwrap();
    let said = site.miniftpd(&LISTEN, "");
    said.fails(1).stdout("").stderr_has("accounts.ini can be written by others (mode 664); chmod");
}

#[test]
fn accounts_that_others_can_read_are_warned_of() {
    let site = site();
    let accounts = site.conf().join("accounts.ini");
    assert!(!check(&site).out.contains("warning"), "{}", check(&site).out);
    // As a fresh clone has it.
    mode(&accounts, 0o644);
    let shown = accounts.display();
    let line = format!("{shown} can be read by others (mode 644); chmod 600 {shown}");
    let found = check(&site);
    found.ok();
    assert!(found.out.contains(&format!("\nwarning: {line}\n")), "{}", found.out);
    let daemon = site.start();
    daemon.wait_for_log(&format!("WARN  {line}"));
    daemon.login("ann");
    type_repair(&site, &line);
    assert!(!check(&site).out.contains("warning"), "{}", check(&site).out);
}

/// What root looks at is what the user of the settings would find.
#[test]
fn check_sees_what_the_configured_user_would() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    let site = site();
    site.setting("server", "user", "nobody").setting("log", "file", "miniftpd.log");
    fs::write(site.conf().join("miniftpd.log"), "").unwrap();
    mode(&site.conf().join("miniftpd.log"), 0o600);
    let [conf, home] = [site.conf(), site.home()];
    for path in [&conf.join("accounts.ini"), &conf.join("accounts.ini.previous"), &conf, &home] {
        chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    let found = check(&site);
    found.fails(1);
    let log = site.conf().join("miniftpd.log");
    let line = format!("the log {} cannot be written: Permission denied", log.display());
    assert!(found.out.contains(&line), "{}", found.out);
    chown(log, Some(65_534), Some(65_534)).unwrap();
    check(&site).ok();
    chown(site.conf(), Some(0), Some(0)).unwrap();
    let found = check(&site);
    found.fails(1);
    let words = format!("[server] user: `nobody` cannot use {}: ", site.conf().display());
    assert!(found.out.contains(&words), "{}", found.out);
}
