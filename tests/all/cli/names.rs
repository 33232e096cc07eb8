//! Names that would do something to a terminal are shown harmlessly, whoever they come from.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use super::site;
use crate::harness::{password, write_file};

/// A bell, an escape sequence, a line end, a right-to-left override.
const NASTY: &str = "a\u{7}b\u{1b}[31mc\nd\u{202e}e";

#[test]
fn no_message_holds_a_control_character() {
    let (site, _daemon) = site();
    write_file(site.stored("ann", NASTY), b"x");
    write_file(site.stored("ann", "f"), b"x");
    write_file(site.local().join(NASTY), b"x");
    std::fs::create_dir(site.local().join(format!("dir-{NASTY}"))).unwrap();
    let folder = format!("dir-{NASTY}");
    let words: &[&[&str]] = &[
        &[NASTY],
        &["put", NASTY],
        &["put", &folder],
        &["put", "-r", &folder],
        &["put", "-r", "."],
        &["put", "nix", NASTY],
        &["get", NASTY],
        &["get", "f", NASTY],
        &["get", "f", &format!("{NASTY}/x")],
        &["get", "-r", "."],
        &["get", "-r", "/", "all"],
        &["ls"],
        &["ls", "-l"],
        &["ls", NASTY],
        &["cd", NASTY],
        &["stat", NASTY],
        &["hash", NASTY],
        &["mkdir", NASTY],
        &["rm", NASTY],
        &["mv", "f", NASTY],
        &["forget", NASTY],
        &["lcd", NASTY],
        &["lls"],
        &["help", NASTY],
        &["put", &format!("-{NASTY}")],
        &["--digest", NASTY, "ls"],
        &["-P", NASTY, "ls"],
        &[&format!("--{NASTY}")],
        &["-s", NASTY, "ls"],
        &["-u", NASTY, "ls"],
        &["--password-file", NASTY, "ls"],
    ];
    for words in words {
        let said = site.miniftp("ann", words);
        for text in [&said.out, &said.err] {
            let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(harmful), "{words:?}: {}", said.tell());
            assert!(!text.contains("mc\nd"), "{words:?}: {}", said.tell());
        }
        assert!(!said.err.contains("panicked"), "{}", said.tell());
    }
    let script = format!("-ls '{NASTY}'\n").replace('\n', " ") + "\npwd\n";
    let said = site.client("ann").input(script).run(&[]);
    assert!(!said.err.contains('\u{1b}'), "{}", said.tell());
}

#[test]
fn arguments_that_are_no_text_are_refused_harmlessly() {
    let (site, daemon) = site();
    for words in [[&b"put"[..], b"\xff\x1b"], [b"get", b"\xff\x1b"], [b"\xff\x1b", b"x"]] {
        let done = Command::new(env!("CARGO_BIN_EXE_miniftp"))
            .args(["-u", "ann", "-P", &daemon.port().to_string()])
            .args(words.map(OsStr::from_bytes))
            .env("XDG_STATE_HOME", site.root())
            .env("MINIFTP_PASSWORD", password("ann"))
            .current_dir(site.local())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(matches!(done.status.code(), Some(1 | 2)), "{said}");
        assert!(!said.contains('\u{1b}') && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_server_s_words_are_not_escaped_twice() {
    let (site, _daemon) = site();
    let said = site.miniftp("ann", &["mkdir", "a\u{7}b"]);
    said.fails(1).stderr("miniftp: `a\\u{7}b` cannot be a path here: it has control characters\n");
}
