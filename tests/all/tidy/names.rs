//! What the documents name is there: files, types and functions.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{files, read, root};

/// Documents about the code, whose names are names of the code.
const DOCUMENTS: [&str; 2] = ["docs/ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Every document, in which at least the paths of this tree are true.
fn documents() -> Vec<PathBuf> {
    let mut all = files("docs", ".md");
    all.extend(["README.md", "CONTRIBUTING.md", "fuzz/README.md"].map(PathBuf::from));
    all
}

fn rust_files() -> Vec<PathBuf> {
    ["src", "bin", "tests", "benches", "hashing", "examples", "fuzz/fuzz_targets"]
        .iter()
        .flat_map(|directory| files(directory, ".rs"))
        .collect()
}

/// What stands in back quotes outside of blocks of code.
fn quoted(text: &str) -> Vec<String> {
    let mut is_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_part)
}

/// Whether `path` is there, from the root, from src/, or as the end of a source's path.
fn is_there(path: &str, rust: &[PathBuf]) -> bool {
    root().join(path).exists()
        || root().join("src").join(path).exists()
        || root().join("tests/all").join(path).exists()
        || rust.iter().any(|file| file.ends_with(path))
}

/// All identifiers of the sources and what declares them: `fn write`, `struct Upload`.
fn declared(rust: &[PathBuf]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in rust {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
        names.insert(stem.to_owned());
        let parent = path.parent().and_then(|p| p.file_name()).and_then(|name| name.to_str());
        names.insert(parent.unwrap().to_owned());
        let text = read(path);
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            names.extend(words.filter(|word| is_name(word)).map(str::to_owned));
        }
    }
    names
}

#[test]
fn paths_that_documents_name_are_there() {
    let (rust, mut count, mut missing) = (rust_files(), 0, Vec::new());
    let begins = ["src/", "bin/", "tests/", "docs/", "fuzz/", "benches/", "hashing/", "examples/"];
    for document in documents() {
        for text in quoted(&read(&document)) {
            let is_path = begins.iter().any(|begin| text.starts_with(begin))
                || (text.ends_with(".rs") && !text.contains(' '));
            if !is_path || text.contains(['*', '<', ' ']) {
                continue;
            }
            count += 1;
            if !is_there(&text, &rust) {
                missing.push(format!("{}: {text}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count > 60, "{count}");
}

#[test]
fn types_and_functions_that_documents_name_are_there() {
    let (rust, mut count, mut missing) = (rust_files(), 0, Vec::new());
    let declared = declared(&rust);
    for document in DOCUMENTS {
        for text in quoted(&read(document)) {
            let path = text.trim_end_matches("()");
            let parts: Vec<&str> = path.split("::").collect();
            let is_code = parts.len() > 1 || path.starts_with(|c: char| c.is_ascii_uppercase());
            if !is_code || !parts.iter().all(|part| is_name(part)) || path == path.to_uppercase() {
                continue;
            }
            count += 1;
            for part in parts.iter().filter(|part| !declared.contains(**part)) {
                missing.push(format!("{document}: {text}: {part}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count > 40, "{count}");
}
