//! What is mounted, and which home is whose, is what the disk has under the name now: directories
//! are taken out, moved away, made again and shown at two places while the server runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ftp::Talk;
use super::{ls, mount, plant, section};
use crate::harness::{Daemon, Site, bytes, eventually};

const ALL: &str = "read, write, modify";

/// Whether the server has a descriptor of this file or directory.
fn holds_open(daemon: &Daemon, path: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().flatten();
    descriptors.into_iter().any(|open| fs::read_link(open.path()).is_ok_and(|to| to == path))
}

/// Takes all mounts out, by a text that is not so much shorter that it may still grow.
fn take_out(site: &Site) {
    let path = site.conf().join("mounts.ini");
    let length = fs::read(&path).unwrap().len();
    fs::write(path, format!(";{}\n", "-".repeat(length))).unwrap();
}

/// Moves a directory out of the homes, to be found under this name, and makes an empty one.
fn swap(site: &Site, name: &str, away: &str) -> PathBuf {
    let (from, away) = (site.home().join(name), site.root().join(away));
    fs::rename(&from, &away).unwrap();
    fs::create_dir(&from).unwrap();
    away
}

#[test]
fn a_mount_that_is_taken_out_is_let_go_and_added_back_it_is_what_is_there_now() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").account("cid", "1M");
    let (text, path) = (section("m", "m", "all", ALL, "1M"), site.home().join("m"));
    mount(&site, &text);
    plant(&site, "m/old", "old");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    assert_eq!(ls(&mut ann, "/m").unwrap(), ["old"]);
    // Two that never look again, one by each protocol.
    let mut bob = daemon.login("bob");
    bob.on("CD", "/m").expect(200);
    let mut cid = Talk::login(daemon.ftp_addr(), "cid");
    assert_eq!(cid.say("CWD /m"), 250);
    assert!(holds_open(&daemon, &path));
    take_out(&site);
    assert_eq!(ls(&mut ann, "/").unwrap(), [""; 0]);
    eventually("nobody holds the directory open", || !holds_open(&daemon, &path));
    let away = swap(&site, "m", "away");
    mount(&site, &text);
    assert_eq!(ls(&mut ann, "/m").unwrap(), [""; 0]);
    for (name, session) in [("a", &mut ann), ("b", &mut bob)] {
        session.store(&format!("/m/{name}"), b"new", 0).expect(900);
        assert!(path.join(name).exists() && !away.join(name).exists());
    }
    assert_eq!(cid.say("DELE /m/a"), 250);
}

#[test]
fn a_directory_that_an_upload_still_holds_is_not_mounted_again_in_place_of_another() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").admin("root");
    let text = section("m", "m", "all", ALL, "1M");
    mount(&site, &text);
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    let content = bytes(1, 200_000);
    ann.put("/m/slow", content.len(), 0).expect(802);
    ann.chunk(0, &content[..65_536]).expect(900);
    take_out(&site);
    assert_eq!(ls(&mut bob, "/").unwrap(), [""; 0]);
    // An account of that name cannot be removed with its files, and the words say why.
    site.account("m", "1M");
    let refused = site.miniftp("root", &["admin", "remove", "m", "--files"]);
    refused.fails(1).stderr_has("was mounted");
    assert!(!refused.err.contains("removed from mounts.ini"), "{}", refused.err);
    let away = swap(&site, "m", "away");
    site.accounts().edit(|draft| draft.remove("m")).unwrap();
    mount(&site, &text);
    assert_eq!(ls(&mut bob, "/m").unwrap(), [""; 0]);
    bob.store("/m/new", b"new", 0).expect(900);
    assert!(site.home().join("m/new").exists());
    let done = ann.on("LS", "/m");
    assert_eq!(done.expect(200).names(), ["new"]);
    let rest = ann.chunk(65_536, &content[65_536..]).code;
    let done = ann.done(&content).code;
    assert!(done != 900, "{rest} {done}");
    assert!(!away.join("slow").exists() && !site.home().join("m/slow").exists());
}

#[test]
fn a_home_that_another_program_moved_away_gets_nothing_more() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let (mut ann, mut slow) = (daemon.login("ann"), daemon.login("ann"));
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    ann.store("/old", &bytes(2, 1000), 0).expect(900);
    let content = bytes(1, 200_000);
    slow.put("/slow", content.len(), 0).expect(802);
    slow.chunk(0, &content[..65_536]).expect(900);
    let away = swap(&site, "ann", "away");
    slow.chunk(65_536, &content[65_536..]);
    let refused = slow.done(&content);
    assert!(refused.code != 900, "stored outside");
    ann.store("/new", b"new", 0).expect(900);
    assert_eq!(talk.say("MKD /folder"), 257);
    assert_eq!(ls(&mut daemon.login("ann"), "/").unwrap(), ["folder", "new"]);
    assert_eq!(ls(&mut ann, "/").unwrap(), ["folder", "new"]);
    let names = fs::read_dir(&away).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["old"]);
    // What was received can be gone on with.
    slow.put("/slow", content.len(), 0).expect(800);
    slow.go_on(&content, 8);
    slow.done(&content).expect(900);
    assert!(site.stored("ann", "slow").exists());
    // Without another one in its place it is refused, and none is made that would be in the way of
    // whoever puts one there.
    fs::rename(site.home().join("ann"), site.root().join("gone")).unwrap();
    ann.store("/x", b"x", 0).says("moved away or removed");
    assert_eq!(talk.say("MKD /x"), 450);
    assert!(!site.home().join("ann").exists());
    fs::rename(&away, site.home().join("ann")).unwrap();
    assert_eq!(ls(&mut ann, "/").unwrap(), ["old"]);
    assert_eq!(ann.quota().used, 1000);
}

/// The same directory, as a table of ways to write it down. Two sizes contradict each other.
#[test]
fn one_directory_under_two_spellings_has_one_size() {
    let site = Site::new();
    site.account("ann", "1M");
    plant(&site, "x/f", "text");
    let absolute = site.home().join("x");
    let link = site.root().join("link");
    std::os::unix::fs::symlink(&absolute, &link).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let spellings = ["x", "./x", "x/", absolute.to_str().unwrap(), link.to_str().unwrap()];
    for dir in spellings {
        let two = |size: &str| {
            [section("a", "x", "all", ALL, "1M"), section("b", dir, "all", ALL, size)].concat()
        };
        let what = "mounts.ini:8: [b] size: not that of [a], the same directory";
        mount(&site, &two("10M"));
        let check = site.miniftpd(&["check"], "");
        let said = format!("{}{}", check.out, check.err);
        assert_eq!(said.matches("[b]").count(), 1, "{dir}: {said}");
        assert!(said.contains(what), "{dir}: {said}");
        assert_eq!(ls(&mut ann, "/").unwrap(), [""; 0], "{dir}");
        daemon.wait_for_log(what);
        mount(&site, &two("1M"));
        assert!(ls(&mut ann, "/").unwrap().len() == 2, "{dir}");
        take_out(&site);
        assert_eq!(ls(&mut ann, "/").unwrap(), [""; 0]);
    }
}

/// A directory shown at another place by the kernel; dropped, it is taken away.
struct Bind(PathBuf);

impl Bind {
    fn show(from: &Path, at: PathBuf) -> Option<Bind> {
        fs::create_dir_all(&at).unwrap();
        let done = Command::new("mount").arg("--bind").args([from, &at]).output();
        match done {
            Ok(done) if done.status.success() => Some(Bind(at)),
            _ => {
                eprintln!("skipped: a bind mount cannot be made here");
                None
            }
        }
    }

    fn dir(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Bind {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_bind_of_a_mount_is_the_same_directory() {
    let site = Site::new();
    // Here only the server's own comparison is asked.
    site.setting("server", "landlock", "off");
    site.account("ann", "10M");
    plant(&site, "x/f", "text");
    plant(&site, "x/in/f", "text");
    let Some(bind) = Bind::show(&site.home().join("x"), site.root().join("bind")) else { return };
    let inner = Bind::show(&site.home().join("x/in"), site.root().join("inner")).unwrap();
    let around = Bind::show(&site.home(), site.root().join("around")).unwrap();
    let a = section("a", "x", "all", ALL, "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let in_x = format!("{}/x", around.dir());
    let table = [
        (bind.dir(), "10M", "[b] size: not that of [a], the same directory"),
        (in_x.as_str(), "10M", "[b] size: not that of [a], the same directory"),
        (&format!("{}/in", bind.dir()), "1M", "[b] dir: overlaps that of [a]"),
        (around.dir(), "1M", "the home is inside it"),
    ];
    for (dir, size, what) in table {
        mount(&site, &format!("{a}{}", section("b", dir, "all", ALL, size)));
        let check = site.miniftpd(&["check"], "");
        let said = format!("{}{}", check.out, check.err);
        assert!(said.contains(what), "{dir}: {said}");
        assert_eq!(ls(&mut ann, "/").unwrap(), [""; 0], "{dir}");
        daemon.wait_for_log(what);
    }
    mount(&site, &format!("{a}{}", section("b", bind.dir(), "all", ALL, "1M")));
    ann.store("/a/one", &bytes(1, 900_000), 0).expect(900);
    ann.store("/b/two", &bytes(2, 900_000), 0).expect(270);
    assert_eq!(ls(&mut ann, "/b").unwrap(), ["f", "in", "one"]);
    ann.mv("/a/one", "/b/two", false).expect(200);
    assert!(!site.home().join("x/.miniftp").exists());
    drop((bind, inner, around));
}

/// Whoever may read the settings has the server's key and the records of all passwords.
#[test]
fn the_settings_are_mounted_nowhere() {
    let site = Site::new();
    site.account("ann", "10M");
    fs::create_dir(site.conf().join("sub")).unwrap();
    std::os::unix::fs::symlink(site.conf(), site.root().join("link")).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    for dir in [site.conf(), site.conf().join("sub"), site.root().join("link")] {
        let what = format!("[keys] dir: {}: the settings are in it or around it", dir.display());
        mount(&site, &section("keys", dir.to_str().unwrap(), "all", "read", ""));
        site.miniftpd(&["check"], "").fails(1).stdout_has(&what);
        assert_eq!(ls(&mut ann, "/").unwrap(), [""; 0], "{what}");
    }
}

#[test]
fn a_mount_that_touches_an_account_s_home_by_a_bind_is_refused_when_the_file_is_read() {
    let site = Site::new();
    // Here only the server's own comparison is asked.
    site.setting("server", "landlock", "off");
    site.account("ann", "10M").account("bob", "10M");
    plant(&site, "ann/in/own", "ann's");
    let Some(bind) = Bind::show(&site.home().join("ann"), site.root().join("bind")) else { return };
    let inside = format!("{}/in", bind.dir());
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    assert_eq!(ls(&mut ann, "/").unwrap(), ["in"]);
    for dir in [bind.dir(), &inside] {
        mount(&site, &section("m", dir, "bob", ALL, "1M"));
        let check = site.miniftpd(&["check"], "");
        let said = format!("{}{}", check.out, check.err);
        assert!(said.contains("mounts.ini:1: [m]") && said.contains("home of ann"), "{said}");
        assert_eq!(ls(&mut bob, "/").unwrap(), [""; 0]);
        bob.store("/m/x", b"x", 0).expect(256);
        assert_eq!(ls(&mut ann, "/").unwrap(), ["in"]);
    }
    // To be read it may be mounted by its own path; the bind would show the server's directory.
    mount(&site, &section("m", bind.dir(), "bob", "read", ""));
    assert_eq!(ls(&mut bob, "/").unwrap(), [""; 0]);
    daemon.wait_for_log("shows the home of ann at another place");
    mount(&site, &section("m", "ann", "bob", "read", ""));
    assert_eq!(ls(&mut bob, "/m").unwrap(), ["in"]);
    assert_eq!(ls(&mut daemon.login("ann"), "/").unwrap(), ["in"]);
}
