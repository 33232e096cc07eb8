//! `WHY` and the commands agree, whatever the trees, rights and paths.

use std::fs;

use miniftp::wire::{self, Fields};

use super::ftp::Talk;
use super::{mount, plant, section};
use crate::harness::{Frames, Site};

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
fn why(frames: &mut Frames, path: &str) -> Vec<(String, bool, String)> {
    let answer = frames.on("WHY", path);
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

/// What the commands do at the path: the same five, each on the tree as it was made.
fn really(frames: &mut Frames, site: &Site, path: &str, act: &str) -> bool {
    let answer = match act {
        "list" => frames.on("LS", path),
        "get" => frames.get(path),
        "put new" => frames.store(path, b"x", 0),
        "replace" => {
            // Over nothing it is no replacing, whatever else it would be.
            let there = real_path(site, path).is_some_and(|real| real.exists());
            let answer = frames.store(path, b"x", 1);
            if !there && answer.code == 900 {
                return false;
            }
            answer
        }
        "remove" => frames.rm(path, true),
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

#[test]
fn verdicts_are_what_the_commands_answer() {
    const RIGHTS: [&str; 7] = [
        "read",
        "write",
        "modify",
        "read, write",
        "read, modify",
        "write, modify",
        "read, write, modify",
    ];
    let site = Site::new();
    site.account("ann", "1M");
    make_tree(&site);
    let daemon = site.start();
    let mut frames = daemon.login("ann");
    let mut dice = Dice(20_261);
    for round in 0..60 {
        let mut text = String::new();
        for name in ["m1", "m2", "m3"] {
            let rights = RIGHTS[dice.below(7) as usize];
            let size = if dice.below(5) == 0 { "1" } else { "1M" };
            text += &section(name, &format!("real/{name}"), "all", rights, size);
        }
        mount(&site, &text.replace("at = /m3", "at = /deep/m3"));
        let place = ["", "/m1", "/m2", "/deep/m3", "/deep", "/m"][dice.below(6) as usize];
        let name = ["", "/file", "/folder", "/folder/inner", "/new", "/none/new", "/folder/new"]
            [dice.below(7) as usize];
        let path = format!("{place}{name}");
        let path = if path.is_empty() { "/" } else { &path };
        for act in ["list", "get", "put new", "replace", "remove"] {
            make_tree(&site);
            let reasons = why(&mut frames, path);
            let (_, said, reason) = reasons.iter().find(|(what, ..)| what == act).unwrap();
            let done = really(&mut frames, &site, path, act);
            assert_eq!(*said, done, "round {round}: {act} {path}: {reason}\n{text}");
        }
    }
}

#[test]
fn the_words_name_what_decides() {
    let site = Site::new();
    site.account("ann", "10k");
    plant(&site, "share/f", "text");
    plant(&site, "upload/f", "text");
    mount(
        &site,
        &[
            section("share", "share", "all", "read", ""),
            section("upload", "upload", "ann", "write", "5k"),
        ]
        .concat(),
    );
    let daemon = site.start();
    let mut frames = daemon.login("ann");
    let told = |reasons: Vec<(String, bool, String)>| -> String {
        reasons.iter().map(|(what, may, why)| format!("{what} {may}: {why}\n")).collect()
    };
    let home = told(why(&mut frames, "/x"));
    assert!(home.contains("place true: account ann: /x is in the home"), "{home}");
    assert!(home.contains("room true: the account pays: 0 bytes used"), "{home}");
    assert!(home.contains("put new true: the home gives read, write, modify"), "{home}");
    assert!(home.contains("get false: no such file or folder"), "{home}");
    let share = told(why(&mut frames, "/share/f"));
    assert!(share.contains("is in the mount share at /share, for all accounts"), "{share}");
    assert!(share.contains("room false: nothing can be stored here"), "{share}");
    assert!(share.contains("remove false: the mount gives read, and it takes modify"), "{share}");
    let upload = told(why(&mut frames, "/upload/f"));
    assert!(upload.contains("for ann"), "{upload}");
    assert!(upload.contains("4 bytes used and 0 promised of 5120 bytes (5.0 KiB)"), "{upload}");
    assert!(upload.contains("replace false: the mount gives write, and it takes modify"));
    site.miniftp("ann", &["why", "share/f"])
        .ok()
        .stdout_has("remove      no   the mount gives read");
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    let (code, text) = talk.ask("SITE WHY /share/f");
    assert_eq!(code, 200);
    assert!(text.contains("remove: no; the mount gives read, and it takes modify"), "{text}");
}
