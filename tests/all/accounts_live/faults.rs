//! An accounts.ini that is broken never means an empty or an open one.

use std::fs;
use std::thread;

use crate::harness::{Daemon, Site, password};

/// What it is, what it does to a good file, and words of the complaint.
type Breakage = (&'static str, fn(&str) -> String, &'static [&'static str]);

/// Ways to break a good file, and words of the complaint: line and key where it is one line's.
fn breakages() -> Vec<Breakage> {
    vec![
        ("torn in the middle", |text| text[..text.len() / 2].to_owned(), &["accounts.ini"]),
        ("without its tail", |text| text.replace("[end]\n", ""), &["accounts.ini"]),
        ("empty", |_| String::new(), &["accounts.ini"]),
        (
            "an account twice",
            |text| text.replace("[bob]", "[ann]"),
            &["accounts.ini:", "[ann] began in line"],
        ),
        (
            "a quota that is no size",
            |text| text.replacen("quota = 1M", "quota = soon", 1),
            &["accounts.ini:", "[ann] quota", "\"soon\" is not valid"],
        ),
        (
            "no quota",
            |text| text.replacen("quota = 1M\n", "", 1),
            &["accounts.ini:", "[ann] quota"],
        ),
        (
            "an empty quota",
            |text| text.replacen("quota = 1M", "quota =", 1),
            &["accounts.ini:", "[ann] quota"],
        ),
        (
            "a state nobody knows",
            |text| text.replacen("state = active", "state = opne", 1),
            &["accounts.ini:", "[ann] state", "\"opne\""],
        ),
        (
            "a password in clear",
            |text| {
                let line = text.lines().find(|line| line.starts_with("password")).unwrap();
                text.replacen(line, "password = letmein", 1)
            },
            &["accounts.ini:", "[ann] password"],
        ),
        (
            "a key nobody knows",
            |text| text.replacen("role = user", "roll = admin", 1),
            &["accounts.ini:", "roll"],
        ),
    ]
}

/// The lines of the log that complain.
#[track_caller]
fn complaint(daemon: &Daemon) -> String {
    daemon.wait_for_log("accounts.ini: the accounts stay as they were until it is fixed\n");
    daemon.log().lines().filter(|line| line.contains(" ERROR ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn with_a_broken_file_everybody_goes_on_with_the_last_good_one() {
    for (what, damage, words) in breakages() {
        let site = Site::new();
        site.account("ann", "1M").account("bob", "1M");
        let ini = site.conf().join("accounts.ini");
        let good = fs::read_to_string(&ini).unwrap();
        let good = good.replace("quota = 1.0M", "quota = 1M");
        let daemon = site.start();
        let mut ann = daemon.login("ann");
        let bad = damage(&good);
        assert_ne!(bad, good, "{what}");
        fs::write(&ini, bad).unwrap();
        ann.store("f", b"goes on", 0).expect(900);
        assert_eq!(ann.quota().limit, Some(1 << 20), "{what}");
        assert_eq!(daemon.login("bob").quota().limit, Some(1 << 20), "{what}");
        daemon.connect().log_in("bob", "letmein").expect(253);
        let said = complaint(&daemon);
        assert!(words.iter().all(|word| said.contains(word)), "{what}: {said}");
        assert!(!said.contains("letmein") && !said.contains("SCRAM-SHA-256$4"), "{said}");
        // Mended, it counts again.
        fs::write(&ini, good.replace("quota = 1M", "quota = 2M")).unwrap();
        assert_eq!(ann.quota().limit, Some(2 << 20), "{what}, mended");
        assert_eq!(daemon.login("bob").quota().limit, Some(2 << 20), "{what}, mended");
    }
}

#[test]
fn a_server_does_not_start_with_accounts_it_cannot_read() {
    for (what, damage, words) in breakages() {
        let site = Site::new();
        site.account("ann", "1M").account("bob", "1M");
        let ini = site.conf().join("accounts.ini");
        let bad = damage(&fs::read_to_string(&ini).unwrap().replace("quota = 1.0M", "quota = 1M"));
        fs::write(&ini, &bad).unwrap();
        let previous = site.conf().join("accounts.ini.previous");
        fs::remove_file(&previous).unwrap();
        let output = site.miniftpd(&["--listen", "127.0.0.1:0"], "");
        output.fails(1).stdout("");
        assert!(words.iter().all(|word| output.err.contains(word)), "{what}: {}", output.err);
        let output = site.miniftpd(&["account", "list"], "");
        output.fails(1).stdout("");
        assert!(words.iter().all(|word| output.err.contains(word)), "{what}: {}", output.err);
        site.miniftpd(&["account", "quota", "ann", "2M"], "").fails(1);
        assert_eq!(fs::read_to_string(&ini).unwrap(), bad, "never written over");
    }
}

#[test]
fn a_server_that_finds_a_torn_file_takes_the_one_before_it_and_says_so() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let ini = site.conf().join("accounts.ini");
    let good = fs::read_to_string(&ini).unwrap();
    fs::write(&ini, &good[..good.len() / 2]).unwrap();
    let daemon = site.start();
    daemon.wait_for_log("the last change is undone");
    daemon.connect().log_in("ann", &password("ann")).expect(254);
    daemon.connect().log_in("bob", &password("bob")).expect(253);
    fs::write(&ini, good).unwrap();
    daemon.connect().log_in("bob", &password("bob")).expect(254);
}

#[test]
fn two_programs_that_edit_at_once_lose_nothing() {
    const EACH: usize = 20;
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    thread::scope(|scope| {
        for worker in ["left", "right"] {
            let site = &site;
            scope.spawn(move || {
                for i in 0..EACH {
                    let name = format!("{worker}{i}");
                    let words = ["account", "add", &name, "--quota", "1M"];
                    site.miniftpd(&words, &format!("{name}-secret\n")).ok();
                }
            });
        }
        // Sessions look at the file all the while and never see half of it.
        for _ in 0..200 {
            assert_eq!(ann.quota().limit, Some(1 << 20));
        }
    });
    let accounts = site.accounts().current();
    assert_eq!(accounts.len(), 2 * EACH + 1);
    for worker in ["left", "right"] {
        for i in 0..EACH {
            daemon.login(&format!("{worker}{i}"));
        }
    }
    assert!(!daemon.log().contains("stay as they were"));
}
