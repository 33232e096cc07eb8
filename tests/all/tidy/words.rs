//! The glossary of docs/ARCHITECTURE.md holds: the words that it replaces do not come back.

use std::path::{Path, PathBuf};

use super::{files, read, sources};

/// Where a replaced word is right: the word, what its line holds, and why.
const RIGHT: [(&str, &str, &str); 11] = [
    ("anew", "begins_anew_without", "the name of a test, in a table of tests"),
    ("stranger", "::a_stranger_", "names of tests, in that table"),
    ("told", "told_", "names of tests, in that table"),
    ("site", "SITE", "FTP's command for what only this server knows (RFC 959)"),
    ("site", "site::", "the file with the handlers of that command"),
    ("site", "SiteVerb", "a row of its table"),
    ("site", "mod site", "that file"),
    ("site", "settings, site, transfers", "that file"),
    ("site", "fn site", "the handler of that command"),
    ("door", "\"door\"", "a key of the log as JSON, which programs read"),
    ("draft", "draft-bryan-ftp-hash", "how the IETF calls a proposal"),
];

/// The words of the glossary's last column.
fn replaced() -> Vec<String> {
    let text = read("docs/ARCHITECTURE.md");
    let glossary = text.split("\n## Words\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = glossary.lines().filter(|line| line.starts_with("| ")).skip(2);
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let words = cells.flat_map(|cell| cell.split(", ")).map(str::trim);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words of a line, those inside `snake_case` and `CamelCase` by themselves, in small letters.
fn words_of(line: &str) -> Vec<String> {
    let (mut words, mut word, mut was_small) = (Vec::new(), String::new(), false);
    for c in line.chars().chain([' ']) {
        let is_letter = c.is_ascii_alphabetic();
        let ends = !is_letter || (c.is_ascii_uppercase() && was_small);
        if ends && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if is_letter {
            word.push(c.to_ascii_lowercase());
        }
        was_small = c.is_ascii_lowercase();
    }
    words
}

fn is_one_of(word: &str, replaced: &[String]) -> bool {
    replaced.iter().any(|old| word == old || word.strip_suffix('s') == Some(old))
}

/// What is read by users and by whoever changes the program.
fn texts() -> Vec<PathBuf> {
    let mut all = sources();
    all.extend(files("docs", ".md"));
    all.extend(files("conf", ""));
    all.push(PathBuf::from("README.md"));
    all
}

fn is_right(word: &str, path: &Path, line: &str) -> bool {
    RIGHT
        .iter()
        .any(|(right, holds, _)| word == *right && (line.contains(holds) || path.ends_with(holds)))
}

#[test]
fn words_that_the_glossary_replaces_do_not_come_back() {
    let replaced = replaced();
    assert!(replaced.len() > 15, "{replaced:?}");
    let mut found = Vec::new();
    for path in texts() {
        let text = read(&path);
        let is_map = path.ends_with("ARCHITECTURE.md");
        let mut in_glossary = false;
        for (i, line) in text.lines().enumerate() {
            if line.starts_with("## ") {
                in_glossary = is_map && line == "## Words";
            }
            let words = words_of(line).into_iter().filter(|word| is_one_of(word, &replaced));
            for word in words.filter(|word| !in_glossary && !is_right(word, &path, line)) {
                found.push(format!("{}:{}: {word}: {}", path.display(), i + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}\n{} places", found.join("\n"), found.len());
}

#[test]
fn words_are_found_wherever_they_stand() {
    let line = "let two_doors = SiteVerb::told(\"the Gate\"); // anew";
    let found: Vec<String> = words_of(line);
    for word in ["doors", "site", "told", "gate", "anew"] {
        assert!(found.iter().any(|one| one == word), "{word}: {found:?}");
    }
    let replaced = ["door".to_owned(), "told".to_owned()];
    assert!(is_one_of("doors", &replaced) && is_one_of("told", &replaced));
    assert!(!is_one_of("indoors", &replaced));
}
