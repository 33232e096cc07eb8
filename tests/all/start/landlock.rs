//! The kernel keeps the running server to its own directories, whatever it is led to.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;

use crate::harness::{Daemon, Output, Site, eventually, write_file};

const LISTEN: [&str; 4] = ["--listen", "127.0.0.1:0", "--ftp", "127.0.0.1:0"];
pub(super) const NEXT: &str = "takes effect at the next start";

pub(super) fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M");
    site
}

/// Whether the kernel has it; all that follows says nothing where it has not.
pub(super) fn is_held(daemon: &Daemon) -> bool {
    daemon.wait_for_log(" landlock: ");
    let is_missing = daemon.log().contains("landlock: not available");
    if is_missing {
        eprintln!("SKIPPED: the kernel has no landlock, so nothing was tested");
    }
    !is_missing
}

pub(super) fn check(site: &Site) -> Output {
    site.miniftpd(&[&["check"], &LISTEN[..]].concat(), "")
}

/// A line of the status of each thread.
pub(super) fn no_new_privileges(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let lines = tasks.filter_map(|task| {
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("NoNewPrivs:"))?;
        Some(line.trim().to_owned())
    });
    lines.collect()
}

#[test]
fn its_state_is_in_the_log_and_all_threads_are_held() {
    let files = "landlock: files are restricted (ABI ";
    let all = "landlock: files and outgoing connections are restricted (ABI ";
    for (section, key, value, words, is_held_to_it) in [
        ("ftp", "active", "on", files, true),
        ("ftp", "active", "off", all, true),
        ("server", "landlock", "off", "landlock: off, as [server] landlock says", false),
        ("hooks", "login", "/bin/true", files, true),
    ] {
        let site = site();
        site.setting(section, key, value);
        let daemon = site.start();
        if !is_held(&daemon) {
            return;
        }
        daemon.wait_for_log(words);
        daemon.login("ann");
        let threads = no_new_privileges(daemon.pid());
        let wanted = if is_held_to_it { "1" } else { "0" };
        assert!(threads.len() > 3 && threads.iter().all(|one| one == wanted), "{threads:?}");
    }
}

/// The server follows links in conf/, which is the operator's own. Whoever could put one there
/// after the start would lead it anywhere.
#[test]
fn a_link_that_is_made_later_leads_to_nothing_outside() {
    for is_on in [true, false] {
        let site = site();
        site.setting("log", "file", "miniftpd.log");
        site.setting("server", "landlock", if is_on { "auto" } else { "off" });
        let (log, outside) = (site.conf().join("miniftpd.log"), site.local().join("outside"));
        let daemon = site.start();
        daemon.login("ann");
        eventually("the log has a line", || fs::read(&log).is_ok_and(|log| !log.is_empty()));
        if fs::read_to_string(&log).unwrap().contains("landlock: not available") {
            eprintln!("SKIPPED: the kernel has no landlock, so nothing was tested");
            return;
        }
        fs::remove_file(&log).unwrap();
        fs::write(&outside, "").unwrap();
        symlink(&outside, &log).unwrap();
        daemon.signal(Signal::HUP);
        daemon.login("ann");
        if is_on {
            daemon.wait_for_log("Permission denied");
            assert_eq!(fs::read_to_string(&outside).unwrap(), "");
        } else {
            let has_lines = || fs::read_to_string(&outside).is_ok_and(|log| log.contains("login"));
            eventually("the log goes where the link leads", has_lines);
        }
    }
}

/// A link that is there at the start stays one, and what it leads to is replaced.
#[test]
fn a_link_that_was_there_is_followed() {
    let site = site();
    let (own, elsewhere) = (site.conf().join("accounts.ini"), site.local().join("accounts.ini"));
    fs::rename(&own, &elsewhere).unwrap();
    symlink(&elsewhere, &own).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("f", b"content", 0).expect(900);
    site.miniftpd(&["account", "quota", "ann", "7M"], "").ok();
    assert!(fs::read_to_string(&elsewhere).unwrap().contains("quota = 7M"));
    eventually("the quota counts", || ann.quota().limit == Some(7 << 20));
}

#[track_caller]
pub(super) fn refused(site: &Site, daemon: &Daemon, words: &str) {
    daemon.signal(Signal::HUP);
    daemon.wait_for_log(words);
    let found = check(site);
    found.fails(1);
    assert!(found.out.contains(words), "{words}\n{}", found.out);
    assert!(words.ends_with(NEXT));
}

#[test]
fn an_edit_that_needs_more_counts_at_the_next_start() {
    let site = site();
    let mounted = site.local().join("mounted");
    fs::create_dir(&mounted).unwrap();
    write_file(mounted.join("f"), b"content");
    let mut daemon = site.start();
    if !is_held(&daemon) {
        return;
    }
    check(&site).ok();
    let dir = mounted.display();
    let mount = format!("[m]\nat = /m\ndir = {dir}\nfor = all\nrights = read\n");
    fs::write(site.conf().join("mounts.ini"), &mount).unwrap();
    let what = "is outside of what the running server may open (landlock)";
    refused(&site, &daemon, &format!("[m] dir: {dir}: {what}; {NEXT}"));
    daemon.login("ann").on("STAT", "/m").expect(256);
    let log = site.local().join("logs/x.log");
    fs::create_dir(log.parent().unwrap()).unwrap();
    site.setting("log", "file", log.to_str().unwrap());
    refused(&site, &daemon, &format!("[log] file: {} {what}; {NEXT}", log.display()));
    assert!(!log.exists());
    let config = fs::read_to_string(site.conf().join("server.ini")).unwrap();
    for key in ["certificate", "key"] {
        site.setting("server", key, "/etc/hostname");
    }
    let what = "is outside of what the running server may open (landlock)";
    for key in ["certificate", "key"] {
        refused(&site, &daemon, &format!("[server] {key}: /etc/hostname {what}; {NEXT}"));
    }
    fs::write(site.conf().join("server.ini"), config).unwrap();
    daemon.restart();
    daemon.login("ann").get("/m/f").expect(257);
    assert!(log.exists());
    check(&site).ok();
    // What was only for reading stays so.
    let text = mount.replace("read\n", "read, write\nsize = 1M\n");
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    let what = "is outside of what the running server may change (landlock)";
    let words = format!("[m] dir: {dir}: {what}; {NEXT}");
    daemon.signal(Signal::HUP);
    eventually("it says so", || fs::read_to_string(&log).unwrap().contains(&words));
    check(&site).fails(1);
    fs::write(site.conf().join("mounts.ini"), mount).unwrap();
    site.setting("hooks", "login", "/bin/true");
    let what = "the running server starts the programs that it was started with (landlock)";
    let words = format!("[hooks] login: {what}; {NEXT}");
    daemon.signal(Signal::HUP);
    eventually("it says so", || fs::read_to_string(&log).unwrap().contains(&words));
    let found = check(&site).out;
    assert!(found.contains(&words), "{found}");
    // One word about it, and no second one that it would count.
    assert!(found.contains("\nnothing would change on the server that runs on "), "{found}");
    assert!(found.contains("\nnothing of server.ini counts before the next start\n"), "{found}");
}

/// Another directory in the place of a mounted one is another one for the kernel too.
#[test]
fn a_directory_that_is_replaced_is_outside() {
    let site = site();
    let mounted = site.local().join("mounted");
    fs::create_dir(&mounted).unwrap();
    let mount = format!("[m]\nat = /m\ndir = {}\nfor = all\nrights = read\n", mounted.display());
    fs::write(site.conf().join("mounts.ini"), mount).unwrap();
    let daemon = site.start();
    if !is_held(&daemon) {
        return;
    }
    daemon.login("ann").on("LS", "/m").expect(200);
    fs::rename(&mounted, site.local().join("before")).unwrap();
    fs::create_dir(&mounted).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log(NEXT);
}

#[test]
fn active_mode_is_refused_where_it_is_off() {
    let site = site();
    site.setting("ftp", "active", "off");
    let daemon = site.start();
    let mut ann = daemon.ftp("ann");
    for line in ["PORT 127,0,0,1,200,10", "EPRT |1|127.0.0.1|60000|"] {
        ann.ask(line).expect(502).says("use PASV or EPSV");
    }
    let features = ann.ask("FEAT").expect(211).text();
    assert!(features.contains("EPSV") && !features.contains("EPRT"), "{features}");
    ann.store("f", b"content").expect(226);
    assert_eq!(ann.fetch("f"), b"content");
    if !is_held(&daemon) {
        return;
    }
    site.setting("ftp", "active", "on");
    let what = "the running server may begin no connections (landlock)";
    refused(&site, &daemon, &format!("[ftp] active: {what}; {NEXT}"));
    ann.ask("EPRT |1|127.0.0.1|60000|").expect(502);
    assert!(Path::new(&site.stored("ann", "f")).exists());
}

/// With active mode on it can be turned off and on again at any time.
#[test]
fn active_mode_follows_the_settings_where_the_kernel_lets_it() {
    let site = site();
    let daemon = site.start();
    let mut ann = daemon.ftp("ann");
    for (value, code) in [("off", 502), ("on", 200), ("off", 502)] {
        site.setting("ftp", "active", value);
        eventually("the edit counts", || ann.ask("EPRT |1|127.0.0.1|60000|").code == code);
    }
}
