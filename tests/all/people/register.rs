//! From a request to an account: asked, left alone, asked about, approved or refused.

use std::fs;
use std::sync::Mutex;
use std::thread;

use super::{ask, number, standing, stranger};
use crate::harness::{Site, password, write_file};

#[test]
fn a_request_is_made_left_asked_about_approved_and_used() {
    let site = Site::new();
    let mut daemon = site.start();
    let asked = site.client("bob").run(&["register"]);
    let key = "The server's key was never seen before, and nothing proves it before a login: ";
    let key = if miniftp::tls::IS_BUILT { key } else { "" };
    asked.ok().stdout("Your request has the number 1.\n").stderr_has(key).stderr_has(
        "Please wait for the server to respond.....\n\
         You may leave and ask later: miniftp -u bob registration 1\n",
    );
    let later = || site.client("bob").run(&["registration", "1"]);
    later().ok().stdout("Registration 1 waits for the operator.\n").stderr("");
    site.client("bob").run(&["ls"]).fails(4);
    site.client("bob").password("another").run(&["register"]).fails(1).stderr_has(
        "Please wait for the server to respond.....\nminiftp: the name `bob` is taken\n",
    );
    // It is on the disk.
    daemon.restart();
    let pending = site.miniftpd(&["account", "pending"], "");
    pending.ok().stdout_has("number  name  from       asked\n     1  bob   127.0.0.1  2");
    site.miniftpd(&["account", "approve", "1", "--quota", "5M"], "")
        .ok()
        .stdout("approved registration 1: bob can log in now\n");
    later().ok().stdout("Your request was approved; log in as bob.\n").stderr("");
    write_file(site.local().join("f"), b"first");
    site.miniftp("bob", &["put", "f"]).ok();
    site.miniftp("bob", &["quota"]).ok().stdout_has("5.0 MiB (5242880 bytes)");
    assert_eq!(fs::read(site.stored("bob", "f")).unwrap(), b"first");
    site.miniftpd(&["account", "approve", "1"], "")
        .fails(1)
        .stderr("miniftpd: registration 1 was approved already\n");
    let kept = fs::read_to_string(site.conf().join("registrations.ini")).unwrap();
    assert!(!kept.contains("SCRAM-SHA-256$4") && !kept.contains("secret"), "{kept}");
    let log = daemon.whole_log();
    assert!(!log.contains("bob-secret"));
    assert!(log.contains("?@127.0.0.1 register bob registration 1\n"));
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let site = Site::new();
    let _daemon = site.start();
    site.client("bob").run(&["register"]).ok();
    site.miniftpd(&["account", "reject", "1", "not in this class"], "")
        .ok()
        .stdout("refused registration 1: bob is shown the reason\n");
    site.client("bob").run(&["registration", "1"]).fails(1).stdout("").stderr(
        "The server rejected your request for an account. Please contact your administrator.\n\
         Reason: not in this class\n",
    );
    site.client("bob").run(&["ls"]).fails(4);
    // The number belongs to the name.
    let said = site.client("eve").run(&["registration", "1"]);
    said.fails(1).stderr("miniftp: no registration `1`\n");
    site.client("bob").run(&["registration", "one"]).fails(2);
    for words in [&["account", "approve", "9"][..], &["account", "reject", "9", "x"]] {
        site.miniftpd(words, "").fails(1).stderr_has("no registration `9`; `pending` shows those");
    }
}

#[test]
fn names_and_records_that_cannot_be_are_refused_before_anything_is_written() {
    let site = Site::new();
    site.account("ann", "1M");
    let _daemon = site.start();
    // The files of somebody who was removed are not the next one's.
    fs::create_dir(site.home().join("gone")).unwrap();
    let mut guest = stranger(&site);
    for name in ["", "Bob", "../bob", "share", "end", "a b", &"x".repeat(33)] {
        ask(&mut guest, name, "").expect(252).says("a name has 1 to 32 characters");
    }
    for name in ["ann", "gone"] {
        ask(&mut guest, name, "").expect(283).says("is taken");
    }
    for record in ["", "secret", "SCRAM-SHA-256$1:W22ZaJ0SNY7soEsUEjb6gQ==$AA:AA"] {
        let message = miniftp::wire::Register::new("bob", record, "");
        guest.request("REGISTER", &message).expect(252).says("a whole record");
    }
    assert!(!site.conf().join("registrations.ini").exists());
    let mut early = crate::harness::Frames::connect(site.addr());
    ask(&mut early, "bob", "").expect(269).says("HELLO comes first");
}

#[test]
fn thirty_at_once_and_a_kill_in_between_lose_nothing() {
    const EACH: usize = 15;
    let site = Site::new();
    let mut daemon = site.start();
    let names: Vec<String> = (0..2 * EACH).map(|i| format!("pupil{i}")).collect();
    let numbers = Mutex::new(Vec::new());
    for half in names.chunks(EACH) {
        thread::scope(|scope| {
            for name in half {
                let (site, numbers) = (&site, &numbers);
                scope.spawn(move || {
                    let answer = ask(&mut stranger(site), name, "");
                    answer.expect(281);
                    numbers.lock().unwrap().push((number(&answer), name.clone()));
                });
            }
        });
        daemon.restart();
    }
    let mut numbers = numbers.into_inner().unwrap();
    numbers.sort();
    let given: Vec<u64> = numbers.iter().map(|(number, _)| *number).collect();
    assert!(given.into_iter().eq(1..=2 * EACH as u64), "each number once: {numbers:?}");
    let list: String = names.iter().map(|name| format!("{name},2M\n")).collect();
    write_file(site.local().join("class.csv"), format!("name,quota\n{list}").as_bytes());
    let path = site.local().join("class.csv");
    let done = site.miniftpd(&["account", "import", path.to_str().unwrap()], "");
    done.ok().stdout_has("30 on the class list\n").stdout_has("approved registration 30: ");
    for (number, name) in &numbers {
        let (state, _) = standing(&mut stranger(&site), *number, name);
        assert_eq!(state, "approved", "{name}");
        let mut pupil = daemon.connect();
        pupil.log_in(name, &password(name)).expect(254);
        pupil.store("f", b"mine", 0).expect(900);
        assert_eq!(pupil.quota().limit, Some(2 << 20));
    }
}

#[test]
fn a_broken_queue_takes_nobody_and_loses_nobody() {
    let site = Site::new();
    let daemon = site.start();
    let mut guest = stranger(&site);
    ask(&mut guest, "ann", "").expect(281);
    let path = site.conf().join("registrations.ini");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, &good[..good.len() - 20]).unwrap();
    ask(&mut guest, "bob", "").expect(272);
    daemon.wait_for_log("registrations.ini:");
    assert_eq!(standing(&mut guest, 1, "ann").0, "pending");
    site.miniftpd(&["account", "approve", "1"], "").fails(1).stderr_has("registrations.ini:");
    fs::write(&path, &good).unwrap();
    assert_eq!(number(&ask(&mut guest, "bob", "")), 2);
    site.miniftpd(&["account", "approve", "1"], "").ok();
    daemon.connect().log_in("ann", &password("ann")).expect(254);
}
