//! docs/PROTOCOL.md and the program say the same: its tables are the program's tables, and its
//! examples are read and written by the program to the byte.

mod examples;

use std::fs;
use std::path::Path;

use miniftp::protocols::framed::{COMMANDS, RequestNeeds};
use miniftp::wire::{Code, MESSAGES};

/// The document.
fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PROTOCOL.md");
    fs::read_to_string(path).unwrap()
}

/// The part under a heading such as `## 7. Commands`, up to the next of its kind.
fn section(heading: &str) -> String {
    let document = document();
    let begin = document.find(&format!("\n{heading}\n")).expect(heading) + heading.len() + 2;
    let rest = &document[begin..];
    rest[..rest.find("\n## ").unwrap_or(rest.len())].to_owned()
}

/// The rows of all tables in a text, without headings: cells as they stand between the bars.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let Some(inside) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            continue;
        };
        let is_heading = lines.get(i + 1).is_some_and(|next| next.starts_with("| ---"));
        if !is_heading && !line.starts_with("| ---") {
            rows.push(inside.split(" | ").map(str::to_owned).collect());
        }
    }
    rows
}

#[test]
fn the_commands_are_those_of_the_program() {
    let documented = rows(&section("## 7. Commands"));
    let program: Vec<Vec<String>> = COMMANDS
        .iter()
        .map(|row| {
            let who = match row.needs {
                RequestNeeds::Nobody => "anybody",
                RequestNeeds::Hello => "anybody, after `HELLO`",
                RequestNeeds::Login => "logged in",
                RequestNeeds::Admin => "admins",
            };
            let form = format!("`{}`", row.form);
            let name = format!("`{}`", row.name);
            [&name, who, &form, row.success, row.about].map(str::to_owned).to_vec()
        })
        .collect();
    for (documented, program) in documented.iter().zip(&program) {
        assert_eq!(documented, program);
    }
    assert_eq!(documented.len(), program.len());
    for row in COMMANDS {
        assert!(MESSAGES.iter().any(|(name, _)| *name == row.form), "{}: {}", row.name, row.form);
    }
}

#[test]
fn the_messages_are_those_of_the_program() {
    let section = section("## 8. Messages");
    let mut documented = section.split("\n### ").skip(1);
    for (name, fields) in &MESSAGES {
        let part = documented.next().unwrap_or_default();
        assert_eq!(part.lines().next(), Some(*name));
        let program: Vec<Vec<String>> = fields
            .iter()
            .map(|(name, form, meaning)| {
                vec![format!("`{name}`"), (*form).to_owned(), (*meaning).to_owned()]
            })
            .collect();
        assert_eq!(rows(part), program, "{name}");
    }
    assert_eq!(documented.next(), None);
}

#[test]
fn the_codes_are_those_of_the_program() {
    let program: Vec<Vec<String>> = Code::ALL
        .iter()
        .map(|code| vec![code.number().to_string(), format!("{code:?}"), code.about().to_owned()])
        .collect();
    assert_eq!(rows(&section("## 9. Codes")), program);
}

#[test]
fn every_code_in_the_text_has_a_row() {
    let (text, _) =
        document().split_once("## 9. Codes").map(|(a, b)| (a.to_owned(), b.len())).unwrap();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let Ok(number) = word.parse::<u16>() else { continue };
        let looks_like_one = word.len() == 3 && matches!(number, 200..=299 | 420..=429 | 800..=909);
        assert!(!looks_like_one || number == 255 || Code::of(number).is_some(), "{number}");
    }
}

/// What is answered before the login is said in a sentence too.
#[test]
fn what_is_answered_before_the_login_is_named() {
    let early = COMMANDS
        .iter()
        .filter(|row| matches!(row.needs, RequestNeeds::Nobody | RequestNeeds::Hello))
        .map(|row| format!("`{}`", row.name))
        .collect::<Vec<_>>();
    let (last, others) = early.split_last().unwrap();
    let sentence = format!("Until the login only {} and {last} are answered; ", others.join(", "));
    assert!(document().contains(&sentence), "expected:\n{sentence}");
}
