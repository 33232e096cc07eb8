//! `WHY` and the commands agree, whatever the trees, rights and paths.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use miniftp::accounts::AccountsEdit;
use miniftp::answer::Cell;
use miniftp::rights::Rights;
use miniftp::wire::{self, Fields};

use super::ftp::Talk;
use super::{mount, plant, section};
use crate::harness::{Answer, DEADLINE, Frames, Site};

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % most
    }
}

/// What `WHY` says: what, whether it may be done, why.
#[track_caller]
pub fn why(frames: &mut Frames, path: &str) -> Vec<(String, bool, String)> {
    rows(&frames.on("WHY", path))
}

/// The rows of an answer to `WHY`.
#[track_caller]
pub fn rows(answer: &Answer) -> Vec<(String, bool, String)> {
    assert_eq!(answer.expect(200).message::<wire::Counted<'_>>().count, 9);
    let mut reasons = Vec::new();
    for part in &answer.parts {
        let mut fields = Fields::new(&part.fields);
        while let Ok(what) = fields.text("what") {
            let allowed = fields.u8("allowed").unwrap() == 1;
            reasons.push((what.to_owned(), allowed, fields.text("why").unwrap().to_owned()));
        }
    }
    reasons
}

/// The rows of the admin command `why`.
#[track_caller]
pub fn rows_of(answer: &Answer) -> Vec<(String, bool, String)> {
    let row = |row: &Vec<Cell>| match &row[..] {
        [Cell::Text(what), Cell::YesNo(allowed), Cell::Text(why)] => {
            (what.clone(), *allowed, why.clone())
        }
        row => panic!("{row:?}"),
    };
    answer.cells().rows.iter().map(row).collect()
}

/// Where a command tries what `WHY` tells of a path: at the path, or, of a directory that may be
/// looked at, at a name in it that something has or not. `None` if nothing in it could be meant.
fn tried(frames: &mut Frames, site: &Site, path: &str, act: &str) -> Option<String> {
    let there = frames.on("STAT", path);
    let is_directory =
        there.code == 200 && there.message::<wire::Entry<'_>>().kind == wire::ListedKind::Directory;
    if !is_directory || act == "list" {
        return Some(path.to_owned());
    }
    let in_it = |name: &str| format!("{}/{name}", path.trim_end_matches('/'));
    if matches!(act, "put new" | "make folder") {
        return Some(in_it("brand-new"));
    }
    let names = [in_it("file"), in_it("inner")];
    names.into_iter().find(|path| real_path(site, path).is_some_and(|real| real.exists()))
}

/// What the commands do at the path, each on the tree as it was made.
fn really(frames: &mut Frames, site: &Site, path: &str, act: &str) -> bool {
    let answer = match act {
        "list" => frames.on("LS", path),
        "get" => frames.get(path),
        "put new" => frames.store(path, b"x", 0),
        "replace" => {
            // Over nothing it is no replacing, nor beside what is there, as in a drop box.
            let content = || real_path(site, path).and_then(|real| fs::read(real).ok());
            let before = content();
            let answer = frames.store(path, b"x", 1);
            if answer.code == 900 && (before.is_none() || before == content()) {
                return false;
            }
            answer
        }
        "remove" => frames.rm(path, true),
        "rename" => {
            let (folder, _) = path.rsplit_once('/').unwrap();
            frames.mv(path, &format!("{folder}/of-another-name"), false)
        }
        "make folder" => frames.mkdir(path, false),
        other => panic!("{other}"),
    };
    matches!(answer.code, 200 | 257 | 900)
}

/// Where a path lies on the disk.
fn real_path(site: &Site, path: &str) -> Option<std::path::PathBuf> {
    for name in ["m1", "m2", "m3"] {
        let place = if name == "m3" { "/deep/m3" } else { &format!("/{name}") };
        if let Some(rest) = path.strip_prefix(place) {
            if rest.is_empty() || rest.starts_with('/') {
                return Some(site.home().join(format!("real/{name}{rest}")));
            }
        }
    }
    Some(site.home().join(format!("ann{path}")))
}

fn make_tree(site: &Site) {
    for folder in ["ann", "real/m1", "real/m2", "real/m3"] {
        fs::create_dir_all(site.home().join(folder)).unwrap();
        for entry in fs::read_dir(site.home().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        plant(site, &format!("{folder}/file"), "text");
        plant(site, &format!("{folder}/folder/inner"), "text");
    }
}

const RIGHTS: [&str; 7] = [
    "read",
    "write",
    "modify",
    "read, write",
    "read, modify",
    "write, modify",
    "read, write, modify",
];

/// Three mounts with rights and sizes at random.
fn any_mounts(dice: &mut Dice) -> String {
    let mut text = String::new();
    for name in ["m1", "m2", "m3"] {
        let rights = RIGHTS[dice.below(7) as usize];
        let size = if dice.below(5) == 0 { "1" } else { "1M" };
        text += &section(name, &format!("real/{name}"), "all", rights, size);
    }
    text
}

/// The session that saw an edit first let the ledger know of it afterwards: until then others had
/// the new mount with the old limit, and of two edits the older could be the last one to count.
#[test]
fn the_limit_of_an_edit_counts_for_whoever_sees_the_edit() {
    let site = Site::new();
    site.account("ann", "1M").admin("root");
    make_tree(&site);
    let daemon = site.start();
    let (is_over, latest) = (AtomicBool::new(false), AtomicU64::new(0));
    // Each edit has a number, as the name of the mount and as its limit.
    let edit = |n: u64| {
        let text = section(&format!("m{n}"), "real/m1", "all", "write", &n.to_string());
        mount(&site, &text.replace(&format!("at = /m{n}"), "at = /m"));
    };
    let number_behind = |text: &str, words: &str| -> Option<u64> {
        let digits: String =
            text.split_once(words)?.1.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    edit(1000);
    thread::scope(|scope| {
        let asker = || {
            let mut frames = daemon.login("ann");
            let (is_over, latest, number_behind) = (&is_over, &latest, &number_behind);
            scope.spawn(move || {
                let mut seen = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let reasons = why(&mut frames, "/m/new");
                    let mount = number_behind(&reasons[0].2, "in the mount m").unwrap();
                    let limit = number_behind(&reasons[1].2, "reserved of ").unwrap();
                    seen.push((mount, limit));
                    latest.fetch_max(mount, Ordering::Relaxed);
                }
                seen
            })
        };
        let askers: Vec<_> = (0..4).map(|_| asker()).collect();
        for n in 1001..1030 {
            edit(n);
            let until = Instant::now() + DEADLINE;
            while latest.load(Ordering::Relaxed) < n && Instant::now() < until {
                thread::yield_now();
            }
        }
        is_over.store(true, Ordering::Relaxed);
        for asker in askers {
            let seen = asker.join().unwrap();
            let stale: Vec<_> = seen.iter().filter(|(mount, limit)| limit < mount).collect();
            assert!(stale.is_empty(), "{} of {}: {stale:?}", stale.len(), seen.len());
        }
    });
    let reasons = why(&mut daemon.login("ann"), "/m/new");
    assert_eq!(number_behind(&reasons[1].2, "reserved of "), Some(1029), "{reasons:?}");
}

#[test]
fn verdicts_are_what_the_commands_answer() {
    let site = Site::new();
    site.account("ann", "1M").admin("root");
    make_tree(&site);
    let daemon = site.start();
    let (mut frames, mut root) = (daemon.login("ann"), daemon.login("root"));
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    let mut dice = Dice(20_261);
    for round in 0..100 {
        let text = any_mounts(&mut dice);
        mount(&site, &text.replace("at = /m3", "at = /deep/m3"));
        let home = RIGHTS[dice.below(7) as usize];
        let all = Rights::parse(home).unwrap();
        let set =
            |draft: &mut AccountsEdit| draft.account("ann").map(|account| account.rights = all);
        site.accounts().edit(set).unwrap();
        let place = ["", "/m1", "/m2", "/deep/m3", "/deep", "/m"][dice.below(6) as usize];
        let name = ["", "/file", "/folder", "/folder/inner", "/new", "/none/new", "/folder/new"]
            [dice.below(7) as usize];
        let path = format!("{place}{name}");
        let path = if path.is_empty() { "/" } else { &path };
        make_tree(&site);
        let reasons = why(&mut frames, path);
        assert_eq!(asked(&mut talk, path), reasons, "round {round}: SITE WHY {path}");
        let of_ann = rows_of(&root.admin(&format!("why ann {path}")));
        assert_eq!(of_ann, reasons, "round {round}: admin why {path}");
        // Asked again before each act, since each changes the room that there is.
        let said = |frames: &mut Frames, act: &str| {
            make_tree(&site);
            let reasons = why(frames, path);
            let (_, said, why) = reasons.into_iter().find(|(what, ..)| what == act).unwrap();
            (said, format!("round {round}: {act} {path}: {why}\nhome {home}\n{text}"))
        };
        for act in ["list", "get", "put new", "replace", "remove", "rename", "make folder"] {
            let (said, reason) = said(&mut frames, act);
            let Some(path) = tried(&mut frames, &site, path, act) else { continue };
            assert_eq!(said, really(&mut frames, &site, &path, act), "{reason}");
        }
        for (act, verb) in [("get", "RETR"), ("make folder", "MKD"), ("rename", "RNFR")] {
            let (said, reason) = said(&mut frames, act);
            let Some(path) = tried(&mut frames, &site, path, act) else { continue };
            assert_eq!(said, really_by_ftp(&mut talk, verb, &path), "FTP, {reason}");
        }
        if tried(&mut frames, &site, path, "put new").as_deref() != Some(path) {
            continue;
        }
        // STOR is either.
        let (new, reason) = said(&mut frames, "put new");
        let (old, other) = said(&mut frames, "replace");
        let done = talk.store(&format!("STOR {path}"), b"x") == 226;
        assert_eq!(new || old, done, "FTP, {reason} {other}");
    }
}

/// What `SITE WHY` says, as [`why`] has it.
#[track_caller]
fn asked(talk: &mut Talk, path: &str) -> Vec<(String, bool, String)> {
    let (code, text) = talk.ask(&format!("SITE WHY {path}"));
    assert_eq!(code, 200, "{text}");
    let rows = text.lines().filter_map(|line| line.strip_prefix(' '));
    rows.map(|row| {
        let (what, rest) = row.split_once(": ").unwrap();
        let (may, why) = rest.split_once("; ").unwrap();
        (what.to_owned(), may == "yes", why.to_owned())
    })
    .collect()
}

/// Whether the FTP door does it.
fn really_by_ftp(talk: &mut Talk, verb: &str, path: &str) -> bool {
    let line = format!("{verb} {path}");
    match verb {
        "RETR" => talk.fetch(&line).0 == 226,
        "RNFR" => {
            let (folder, _) = path.rsplit_once('/').unwrap();
            talk.say(&line) == 350 && talk.say(&format!("RNTO {folder}/of-another-name")) == 250
        }
        _ => talk.say(&line) == 257,
    }
}
