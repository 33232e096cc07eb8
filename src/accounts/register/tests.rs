//! The queue by itself: what is taken, by whose leave, and what survives.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::accounts::{AccountStore, StoreError};
use crate::error::Error;
use crate::scram::RecordShape;
use crate::vfs::Homes;

struct TestDir {
    path: PathBuf,
    store: AccountStore,
    queue: RequestQueue,
}

impl TestDir {
    fn new() -> TestDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let own = format!("miniftp-queue-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(own);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("accounts.ini"), "generation = 1\n[end]\ngeneration = 1\n").unwrap();
        let (store, queue) = (AccountStore::open(&path).unwrap(), RequestQueue::new(&path, 30));
        TestDir { path, store, queue }
    }

    fn homes(&self) -> Homes {
        Homes::new(&self.path.join("home"))
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.path.join(file), text).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path.join("registrations.ini")).unwrap()
    }

    fn ask(&self, mode: Mode, name: &str, code: &str) -> Result<Registration, StoreError> {
        self.ask_from(mode, name, code, "192.0.2.1")
    }

    fn ask_from(
        &self,
        mode: Mode,
        name: &str,
        code: &str,
        from: &str,
    ) -> Result<Registration, StoreError> {
        let rules =
            RegistrationRules { mode, waiting: 4, per_address: 3, quota_bytes: Some(1 << 20) };
        let application = Application {
            name: AccountName::parse(name).unwrap(),
            verifier: Verifier::mock(&[1; 32], name, RecordShape::of_new(4096)),
            code,
            from: from.parse().unwrap(),
        };
        self.queue.ask(&self.store, &self.homes(), &rules, &application)
    }

    fn quota(&self, name: &str) -> Option<Option<u64>> {
        self.store.current().account(name).map(|account| account.quota_bytes)
    }

    fn standing(&self, number: u64, name: &str) -> &'static str {
        match self.queue.standing(&self.store, number, name) {
            Ok(standing) => standing.map_or("unknown", |one| one.as_str()),
            Err(_) => "a fault",
        }
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[test]
fn a_request_waits_is_answered_and_is_remembered() {
    let directory = TestDir::new();
    let Registration { number, admitted } = directory.ask(Mode::Ask, "ann", "").unwrap();
    assert_eq!((number, admitted), (1, false));
    assert_eq!(directory.ask(Mode::Ask, "ann", "").unwrap().number, 1, "the same once more");
    assert_eq!(directory.ask(Mode::Ask, "bob", "").unwrap().number, 2);
    assert_eq!(directory.standing(1, "ann"), "pending");
    assert_eq!(directory.standing(1, "bob"), "unknown");
    directory.queue.approve(&directory.store, &directory.homes(), 1, Some(5)).unwrap();
    directory.queue.reject(&directory.store, 2, "not in this class").unwrap();
    // Another process sees the same.
    let other = RequestQueue::new(&directory.path, 30);
    let standing = other.standing(&directory.store, 2, "bob").unwrap().unwrap();
    assert_eq!((standing.as_str(), standing.reason()), ("refused", "not in this class"));
    assert_eq!(directory.standing(1, "ann"), "approved");
    assert_eq!(directory.quota("ann"), Some(Some(5)));
    assert!(!directory.text().contains("SCRAM"), "an answered request keeps no record");
    for answered in [1, 2] {
        let again = directory
            .queue
            .approve(&directory.store, &directory.homes(), answered, None)
            .unwrap_err();
        assert!(matches!(again, StoreError::Decided { .. }), "{again}");
    }
    let nobody = directory.queue.reject(&directory.store, 9, "").unwrap_err();
    assert_eq!(nobody.to_string(), "no registration `9`");
    // Refused is not banned: bob may ask again; ann's name is taken.
    assert_eq!(directory.ask(Mode::Ask, "bob", "").unwrap().number, 3);
    assert!(directory.ask(Mode::Ask, "ann", "").unwrap().admitted);
    assert!(directory.queue.reject(&directory.store, 3, "a\nb").is_err());
}

#[test]
fn each_mode_lets_in_whom_it_should() {
    let directory = TestDir::new();
    assert!(matches!(
        directory.ask(Mode::Closed, "ann", ""),
        Err(StoreError::Same(Error::RegistrationClosed))
    ));
    assert!(directory.ask(Mode::Open, "ann", "").unwrap().admitted);
    directory.put("class.csv", "name,quota\nbob,5M\ncol,\n\"dan\",\"unlimited\"\n");
    assert!(directory.ask_from(Mode::Ask, "bob", "", "127.0.0.1").unwrap().admitted);
    assert!(directory.ask_from(Mode::Ask, "dan", "", "127.0.0.1").unwrap().admitted);
    assert_eq!((directory.quota("bob"), directory.quota("dan")), (Some(Some(5 << 20)), Some(None)));
    directory.put("class.csv", "col,soon\n");
    assert!(!directory.ask_from(Mode::Ask, "col", "", "127.0.0.1").unwrap().admitted);

    directory
        .put("invites.ini", "[SPRING-1]\nuses = 1\n[OLD-CODE]\nuses = 9\nuntil = 2001-01-01\n");
    let refused = |mode, name, code| {
        let got = directory.ask_from(mode, name, code, "127.0.0.1");
        matches!(got, Err(StoreError::NoInvitation { .. }))
    };
    for code in ["", "NO-SUCH-CODE", "OLD-CODE"] {
        assert!(refused(Mode::Invite, "eve", code), "{code}");
    }
    assert!(directory.ask_from(Mode::Invite, "eve", "SPRING-1", "127.0.0.1").unwrap().admitted);
    assert!(refused(Mode::Ask, "fay", "SPRING-1"), "used up");
    directory.put("invites.ini", "[SPRING-1]\nuses = 2\nuntil = soon\n");
    assert!(refused(Mode::Invite, "fay", "SPRING-1"), "a fault in the file");
    directory.put("invites.ini", "[SPRING-1]\nuses = 2\n");
    assert!(directory.ask_from(Mode::Invite, "fay", "SPRING-1", "127.0.0.1").unwrap().admitted);
    assert!(refused(Mode::Invite, "gil", "SPRING-1"));
}

#[test]
fn a_flood_is_refused_by_the_limit_that_it_meets() {
    let directory = TestDir::new();
    for name in ["a1", "a2", "a3"] {
        directory.ask(Mode::Ask, name, "").unwrap();
    }
    let reported = directory.ask(Mode::Ask, "a4", "").unwrap_err().to_string();
    assert_eq!(reported, "too many registrations from one address in a day: the limit is 3");
    directory.ask_from(Mode::Ask, "b1", "", "::ffff:192.0.2.9").unwrap();
    let reported = directory.ask_from(Mode::Ask, "b2", "", "127.0.0.1").unwrap_err().to_string();
    assert_eq!(reported, "too many registrations that wait: the limit is 4");
    directory.queue.approve(&directory.store, &directory.homes(), 1, None).unwrap();
    directory.ask_from(Mode::Ask, "b2", "", "127.0.0.1").unwrap();
    // Answered or not, they came today.
    assert!(directory.ask(Mode::Ask, "a4", "").is_err());
    let reported = directory.ask_from(Mode::Open, "b3", "", "127.0.0.1").unwrap_err().to_string();
    assert_eq!(reported, "too many registrations in a day: the limit is 4");
}

#[test]
fn no_beginning_of_the_file_passes_for_the_whole_and_a_mistake_loses_nothing() {
    let directory = TestDir::new();
    for name in ["ann", "bob", "col"] {
        directory.ask(Mode::Ask, name, "").unwrap();
    }
    directory.queue.approve(&directory.store, &directory.homes(), 1, None).unwrap();
    directory.queue.reject(&directory.store, 2, "why; not = [here]").unwrap();
    let whole = directory.text();
    let read = |text: &str| record::read(text.as_bytes());
    let book = read(&whole).unwrap();
    assert_eq!(record::write(&book), whole);
    for end in 0..whole.len() {
        if let Ok(got) = read(&whole[..end]) {
            assert!(end == whole.len() - 1 && got == book, "{end}");
        }
    }
    for (from, to) in [
        ("state = pending", "state = open"),
        ("next = 4", "next = 3"),
        ("next = 4", ""),
        ("[3]", "[03]"),
        ("[3]", "[2]"),
        ("name = col", "name = Col"),
        ("name = col", "nam = col"),
        ("from = 192.0.2.1", "from = here"),
        ("answered = ", "answered = -"),
        ("password = SCRAM", "password = MD5"),
    ] {
        assert!(whole.contains(from), "{from}");
        assert!(read(&whole.replacen(from, to, 1)).is_err(), "{from} -> {to}");
    }
    assert_eq!(directory.standing(3, "col"), "pending");
    directory.put("registrations.ini", &whole[..whole.len() / 2]);
    let torn = directory.text();
    assert!(matches!(directory.ask(Mode::Ask, "dan", ""), Err(StoreError::File(_))));
    assert!(directory.queue.approve(&directory.store, &directory.homes(), 3, None).is_err());
    assert_eq!(directory.standing(3, "col"), "pending", "as it was read last");
    assert_eq!(directory.standing(4, "dan"), "a fault");
    assert_eq!(directory.text(), torn, "nothing is written over");
    directory.put("registrations.ini", &whole);
    directory.queue.approve(&directory.store, &directory.homes(), 3, None).unwrap();
    assert!(directory.path.join("registrations.ini.previous").exists());
}

#[test]
fn an_approval_that_was_cut_off_can_be_done_again() {
    let directory = TestDir::new();
    directory.ask(Mode::Ask, "ann", "").unwrap();
    let before = directory.text();
    directory.queue.approve(&directory.store, &directory.homes(), 1, Some(7)).unwrap();
    // As if the server had been killed after the account and before the note of it.
    directory.put("registrations.ini", &before);
    assert_eq!(directory.standing(1, "ann"), "approved");
    directory.queue.approve(&directory.store, &directory.homes(), 1, Some(9)).unwrap();
    assert_eq!(directory.quota("ann"), Some(Some(7)), "the account is not made twice");
}

#[test]
fn old_answers_are_forgotten_and_requests_that_wait_are_not() {
    let directory = TestDir::new();
    for name in ["ann", "bob"] {
        directory.ask(Mode::Ask, name, "").unwrap();
    }
    directory.queue.approve(&directory.store, &directory.homes(), 1, None).unwrap();
    let text = directory.text();
    let old = text.lines().map(|line| match line.split_once(" = ") {
        Some((key @ ("asked" | "answered"), _)) => format!("{key} = 86400\n"),
        _ => format!("{line}\n"),
    });
    let old: String = old.collect();
    directory.put("registrations.ini", &old);
    assert_eq!(
        (directory.standing(1, "ann"), directory.standing(2, "bob")),
        ("approved", "pending")
    );
    directory.ask(Mode::Ask, "col", "").unwrap();
    assert_eq!(
        (directory.standing(1, "ann"), directory.standing(2, "bob")),
        ("unknown", "pending")
    );
}

#[test]
fn a_list_approves_all_on_it_that_wait() {
    let directory = TestDir::new();
    for name in ["ann", "bob", "col"] {
        directory.ask(Mode::Ask, name, "").unwrap();
    }
    let path = std::path::Path::new("new.csv");
    let faulty = directory
        .queue
        .import(&directory.store, &directory.homes(), (path, b"ann,1M\nann,2M\n"), None)
        .unwrap_err();
    let why = "new.csv:2: `ann` stands twice; expected it once; nothing was imported";
    assert_eq!(faulty.to_string(), why);
    let list = b"name,quota\nann,1M\nbob\ncol\nzoe,2M\n";
    fs::create_dir_all(directory.path.join("home/bob")).unwrap();
    let Imported { class, approved, refused } = directory
        .queue
        .import(&directory.store, &directory.homes(), (path, list), Some(3))
        .unwrap();
    let names: Vec<&str> = approved.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((class.len(), names), (4, vec!["ann", "col"]));
    assert_eq!(refused.len(), 1, "bob's home is not free");
    assert_eq!(
        (directory.quota("ann"), directory.quota("col")),
        (Some(Some(1 << 20)), Some(Some(3)))
    );
    assert!(directory.ask_from(Mode::Ask, "zoe", "", "127.0.0.1").unwrap().admitted);
    assert_eq!(directory.standing(2, "bob"), "pending");
}
