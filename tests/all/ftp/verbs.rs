//! Every row of the table of verbs, tried: numbers as the RFCs have them, and what is told is so.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, UNIX_EPOCH};

use miniftp::protocols::ftp::VERBS;

use super::Scene;
use super::cases::{OF_THE_SESSION, SENT, Step};
use super::file_cases::OF_FILES;
use crate::harness::{FtpTalk, password};

/// One step; what was told, data first.
fn step(ann: &mut FtpTalk, line: &str) -> (u16, String) {
    let (sends, command) = match line.split_at(1) {
        ("<", command) => (false, command),
        (">", command) => (true, command),
        _ => {
            let reply = ann.ask(line);
            return (reply.code, reply.text());
        }
    };
    let mut data = ann.data();
    if sends {
        data.write_all(SENT).unwrap();
        data.shutdown(Shutdown::Write).unwrap();
    }
    let first = ann.ask(command);
    if first.code != 150 {
        return (first.code, first.text());
    }
    let mut all = Vec::new();
    data.read_to_end(&mut all).unwrap();
    let last = ann.reply();
    (last.code, String::from_utf8(all).unwrap() + &last.text())
}

#[test]
fn every_verb_of_the_table_does_what_it_says() {
    let cases: Vec<&(&str, &[Step])> = OF_THE_SESSION.iter().chain(OF_FILES).collect();
    for row in VERBS {
        let case = cases.iter().find(|(verb, _)| *verb == row.verb);
        let (_, steps) = case.unwrap_or_else(|| panic!("no case for {}", row.verb));
        let scene = Scene::new();
        scene.put("f", b"hello\n");
        scene.put("d/a.txt", b"a\n");
        scene.put("d/b.txt", b"");
        let file = File::options().write(true).open(scene.site.stored("ann", "f")).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_600_000_000)).unwrap();
        let mut ann = scene.ann();
        for (line, code, words) in *steps {
            if line.is_empty() {
                ann.expect_end();
                break;
            }
            let (got, told) = step(&mut ann, line);
            assert_eq!(got, *code, "{}: {line}: {told}", row.verb);
            assert!(told.contains(words), "{}: {line}: {told:?} without {words:?}", row.verb);
        }
    }
    for (verb, _) in cases {
        assert!(VERBS.iter().any(|row| row.verb == *verb), "a case for no row: {verb}");
    }
    assert_eq!(password("ann"), "ann-secret", "as the steps have it");
}
