//! Names that are allowed and look dangerous, names that are refused, and names that others left.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use miniftp::wire::{FrameKind, Sink};

use crate::harness::{Site, frame, snapshot};

/// Names that look dangerous and are names like any other.
const HARMLESS: &[&str] = &[
    " ",
    " before",
    "after ",
    "two  blanks",
    "it's",
    "\"said\"",
    "`ls`",
    "$(touch x)",
    "-rf",
    "--help",
    "-",
    "~",
    "~root",
    "*",
    "?[a-z]",
    "%s%n",
    "a\\b",
    "\\",
    "a:b",
    "a;b",
    "a|b&c",
    "#",
    ".hidden",
    "...",
    "..x",
    ".. ",
    "名前.txt",
    "é",
    "e\u{301}",
    "😀",
    "\u{feff}mark",
    "\u{a0}",
    "con",
    "aux.txt",
    "file.part",
    "1.tmp",
    ".miniftp",
];

#[test]
fn any_harmless_name_is_a_name() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let (longest, wide) = ("n".repeat(255), "名".repeat(85));
    let names: Vec<&str> = HARMLESS.iter().copied().chain([&longest[..], &wide[..]]).collect();
    for name in &names {
        ann.store(name, name.as_bytes(), 0).expect(900);
        assert_eq!(fs::read(site.stored("ann", "").join(name)).unwrap(), name.as_bytes());
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let listed = ann.on("LS", "");
    assert_eq!(listed.names(), sorted);
    assert!(listed.entries().iter().all(|entry| !entry.odd));
    for name in &names {
        assert_eq!(ann.fetch(&format!("/{name}")), name.as_bytes(), "{name}");
        assert_eq!(ann.on("STAT", name).entry().name, *name);
        ann.rm(name, false).expect(200);
        ann.mkdir(name, false).expect(200);
        ann.on("CD", name).expect(200);
        assert_eq!(ann.pwd(), format!("/{name}"));
        ann.on("CD", "..").expect(200);
        ann.mv(name, "moved", false).expect(200);
        ann.on("RMDIR", "moved").expect(200);
    }
    assert_eq!(ann.quota().used, 0);
}

#[test]
fn what_could_act_on_a_terminal_or_is_too_long_is_refused() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("here", false).expect(200);
    let before = snapshot(&site.home());
    let deep = "d/".repeat(65);
    let long = format!("{}x", "y".repeat(200) + "/").repeat(21);
    let table = [
        ("n".repeat(256), "longer than 255 bytes"),
        ("名".repeat(86), "longer than 255 bytes"),
        (deep, "64 folders deep"),
        (long, "longer than 4096 bytes"),
        ("a\nb".into(), "control"),
        ("a\rb".into(), "control"),
        ("a\tb".into(), "control"),
        ("\u{1b}[2J".into(), "control"),
        ("a\0b".into(), "control"),
        ("\u{7f}".into(), "control"),
        ("\u{9b}31m".into(), "control"),
        ("\u{202e}txt.exe".into(), "control"),
        ("\u{2066}".into(), "control"),
        ("a\u{2028}b".into(), "control"),
        ("here/\u{7}".into(), "control"),
    ];
    for (path, why) in &table {
        for command in ["CD", "LS", "STAT", "RMDIR", "FORGET"] {
            ann.on(command, path).expect(255).says(why);
        }
        let answers = [
            ann.mkdir(path, true),
            ann.rm(path, true),
            ann.mv("here", path, true),
            ann.mv(path, "there", true),
            ann.store(path, b"x", 1),
            ann.put(path, 1, 1),
            ann.get(path),
        ];
        for answer in answers {
            answer.expect(255).says(why);
            assert!(
                !answer.text.chars().any(|c| c.is_control() || c > '\u{2000}' && c < '\u{2070}')
            );
            assert!(answer.text.len() < 2048);
        }
    }
    // A path that is not UTF-8 cannot even be read as a field.
    for name in ["CD", "STORE", "RM"] {
        let mut fields = Sink::new();
        miniftp::wire::put_request_name(&mut fields, name);
        fields.bytes(b"bad\xff");
        ann.send_bytes(&frame(FrameKind::Request, fields.as_bytes(), &[]));
        ann.read_answer().expect(250).says("path");
    }
    assert_eq!(snapshot(&site.home()), before);
}

#[test]
fn odd_names_on_the_disk_are_shown_escaped_and_do_no_harm() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let odd: [(&[u8], &str); 5] = [
        (b"bad\xff\xfe", "bad\\xff\\xfe"),
        (b"clear\x1b[2Jscreen", "clear\\u{1b}[2Jscreen"),
        (b"new\nline", "new\\nline"),
        (b"r\xe2\x80\xaetl", "r\\u{202e}tl"),
        (b"\x01", "\\u{1}"),
    ];
    let folder = site.stored("ann", "from-elsewhere");
    fs::create_dir_all(&folder).unwrap();
    for (name, _) in odd {
        fs::write(folder.join(OsStr::from_bytes(name)), "odd").unwrap();
    }
    fs::create_dir(folder.join(OsStr::from_bytes(b"\xf0dir"))).unwrap();
    fs::write(folder.join("plain"), "plain").unwrap();
    let mut ann = daemon.login("ann");
    let entries = ann.on("LS", "from-elsewhere").entries();
    for (_, shown) in odd {
        let entry = entries.iter().find(|entry| entry.name == shown).unwrap();
        assert!(entry.odd && entry.kind == 'f' && entry.size == 3, "{entry:?}");
    }
    assert!(entries.iter().any(|entry| entry.name == "\\xf0dir" && entry.odd && entry.kind == 'd'));
    assert!(entries.iter().any(|entry| entry.name == "plain" && !entry.odd));
    assert_eq!(entries.len(), 7);
    // What is shown is not a name: it names something else, or nothing.
    for entry in entries.iter().filter(|entry| entry.odd) {
        ann.get(&format!("from-elsewhere/{}", entry.name)).expect(256);
    }
    assert_eq!(ann.quota().used, 20, "they count like any other");
    ann.mv("from-elsewhere", "here", false).expect(200);
    ann.rm("here", true).expect(200);
    assert!(!site.stored("ann", "here").exists());
    assert_eq!(ann.quota().used, 0);
}
