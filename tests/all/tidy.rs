//! The house as docs/ARCHITECTURE.md draws it: layers, rooms, budgets.

mod cycles;
mod mistakes;
mod names;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, its tests included.
const LINES: usize = 400;
/// Characters of a line.
const COLUMNS: usize = 100;
/// What every module may use.
const FOR_ALL: [&str; 9] =
    ["error", "limits", "buffer", "digest", "scram", "text", "lock", "conffile", "answer"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files below a folder with this ending, relative to the root.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// A source file without remarks and without the tests at its foot.
fn code(path: &Path) -> String {
    let text = read(path);
    let text = text.split("\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a file is nothing but tests.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// `wire` for src/wire/frame.rs and src/wire.rs, `bin/miniftp` for bin/miniftp/main.rs.
fn module(path: &Path) -> String {
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    match parts[..] {
        ["bin", program, ..] => format!("bin/{program}"),
        ["src", first, ..] => first.trim_end_matches(".rs").to_owned(),
        _ => panic!("{}", path.display()),
    }
}

/// The programs' own sources.
fn sources() -> Vec<PathBuf> {
    let mut all = files("src", ".rs");
    all.extend(files("bin", ".rs"));
    all
}

/// The rows of the table below a heading of ARCHITECTURE.md: first and second cell, where the
/// second holds words in backticks.
fn table(heading: &str) -> Vec<(String, Vec<String>)> {
    let document = read("docs/ARCHITECTURE.md");
    let begin = document.find(&format!("\n## {heading}\n")).expect(heading);
    let section = document[begin + 1..].split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let words = cells[2].split(", ").map(|word| word.trim_matches('`').to_owned());
        let words = words.filter(|word| !word.is_empty()).collect();
        (cells[1].trim_matches('`').to_owned(), words)
    })
    .collect()
}

/// The modules of the library that a text names, by `crate::x`, `crate::{x, y}` or `miniftp::x`.
fn named_modules(code: &str, library: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices(&format!("{library}::")) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + library.len() + 2..];
        let group = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once("};").expect("the end of a group").0,
            None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap(),
        };
        for name in at_the_top(group) {
            named.insert(name);
        }
    }
    named
}

/// The first names of `a::b, c::{d, e}`: a and c.
fn at_the_top(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut name) = (0, Vec::new(), String::new());
    for c in group.chars().chain([',']) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let first = name.split("::").next().unwrap().trim().to_owned();
                names.push(first);
                name.clear();
            }
            _ if depth == 0 => name.push(c),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let table = table("Who may use whom");
    let mut missing: BTreeSet<&str> = table.iter().map(|(module, _)| module.as_str()).collect();
    for path in sources() {
        let name = module(&path);
        if name == "lib" {
            continue;
        }
        missing.remove(name.as_str());
        let row = table.iter().find(|(module, _)| *module == name);
        let allowed = match row {
            Some((_, allowed)) => allowed.as_slice(),
            None => &[],
        };
        assert!(row.is_some() || FOR_ALL.contains(&name.as_str()), "no row for {name}");
        let library = if name.starts_with("bin/") { "miniftp" } else { "crate" };
        for used in named_modules(&code(&path), library) {
            let fine = used == name
                || FOR_ALL.contains(&used.as_str())
                || allowed.contains(&used)
                // Within one file of its own, a module of a program.
                || (library == "crate" && !root().join("src").join(&used).exists()
                    && !root().join(format!("src/{used}.rs")).exists());
            assert!(fine, "{}: {name} may not use {used}", path.display());
        }
    }
    assert!(missing.is_empty(), "rows without a module: {missing:?}");
}

#[test]
fn each_danger_has_one_module() {
    for (what, rooms) in table("What is in one module only") {
        for path in sources() {
            let module = module(&path);
            let is_room = rooms.iter().any(|room| {
                *room == module
                    || module.strip_prefix(room.as_str()).is_some_and(|r| r.starts_with('/'))
            });
            if is_room || is_test(&path) {
                continue;
            }
            let code = code(&path);
            let used = code.match_indices(&what).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                let after = code[at + what.len()..].chars().next();
                let inside_a_word =
                    |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                !inside_a_word(before) && (!inside_a_word(after) || what.ends_with(':'))
            });
            assert!(!used, "{}: {what} belongs to {rooms:?}", path.display());
        }
    }
}

#[test]
fn groups_of_imports_are_read_whole() {
    let code = "use crate::{limits, wire::{self, Code}};\nlet x = crate::vfs::open(my_crate::no);";
    let named: Vec<String> = named_modules(code, "crate").into_iter().collect();
    assert_eq!(named, ["limits", "vfs", "wire"]);
}

#[test]
fn files_and_lines_keep_to_their_budget() {
    let mut over = Vec::new();
    let others = ["tests", "benches", "hashing"].map(|folder| files(folder, ".rs"));
    for path in sources().into_iter().chain(others.concat()) {
        let text = read(&path);
        let lines = text.lines().count();
        if lines > LINES {
            over.push(format!("{}: {lines} lines", path.display()));
        }
        for (i, line) in text.lines().enumerate() {
            if line.chars().count() > COLUMNS {
                over.push(format!(
                    "{}:{}: {} columns",
                    path.display(),
                    i + 1,
                    line.chars().count()
                ));
            }
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}

#[test]
fn every_file_begins_with_what_it_is() {
    for path in sources().into_iter().chain(files("tests", ".rs")) {
        assert!(read(&path).starts_with("//! "), "{} does not say what it is", path.display());
    }
    let main = read("tests/all/main.rs");
    let lines: Vec<&str> = main.lines().collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("mod ")) {
        assert!(lines[i - 1].starts_with("// "), "tests/all/main.rs: no remark above `{line}`");
    }
}

#[test]
fn tests_never_sleep() {
    let sleep = concat!("thread::", "sleep");
    for path in files("tests", ".rs") {
        assert!(!read(&path).contains(sleep), "{} sleeps", path.display());
    }
    for path in sources() {
        let text = read(&path);
        let (_, tests) = text.split_once("#[cfg(test)]").unwrap_or_default();
        assert!(!tests.contains(sleep), "{} sleeps in its tests", path.display());
    }
}

#[test]
fn unsafe_code_is_forbidden_by_the_compiler() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for path in sources().into_iter().chain(files("tests", ".rs")) {
        let allowed = concat!("allow(", "unsafe_code");
        assert!(!read(&path).contains(allowed), "{}", path.display());
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = files("docs", ".md");
    documents.extend([PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")]);
    for document in documents {
        let text = read(&document);
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = root().join(&document).parent().unwrap().join(target);
            assert!(path.exists(), "{} leads to {target}, which is not there", document.display());
        }
    }
}

/// The map sent its readers to a file that had been renamed.
#[test]
fn files_that_the_map_names_are_there() {
    let text = read("docs/ARCHITECTURE.md");
    let named = text.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs"));
    let mut count = 0;
    for name in named {
        let (whole, below) = (root().join(name), root().join("src").join(name));
        let beside = files("src", "rs").iter().any(|path| path.ends_with(name));
        assert!(whole.is_file() || below.is_file() || beside, "docs/ARCHITECTURE.md: {name}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}

#[test]
fn nothing_names_the_place_where_it_was_made() {
    let foreign =
        [["/wo", "rk/"], ["/roo", "t/"], ["/Use", "rs/"], ["DECISIONS", ".md"], ["HOUSE", ".md"]];
    let mut all = sources();
    for (folder, ending) in [("tests", ".rs"), ("docs", ""), ("conf", ""), ("benches", ".rs")] {
        all.extend(files(folder, ending));
    }
    all.extend(["README.md", "CHANGELOG.md", "Cargo.toml"].map(PathBuf::from));
    for path in all {
        let text = read(&path);
        for word in foreign.map(|parts| parts.concat()) {
            assert!(!text.contains(&word), "{} names {word}", path.display());
        }
    }
}

/// How a command is treated is in its row: an alias that a comparison forgets would be treated
/// otherwise.
#[test]
fn no_dispatcher_compares_the_names_of_commands() {
    use miniftp::protocols::{framed::COMMANDS, ftp::VERBS};
    let names = VERBS.iter().map(|row| row.verb).chain(COMMANDS.iter().map(|row| row.name));
    let quoted: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    for path in files("src/protocols", ".rs") {
        for line in code(&path).lines() {
            let is_comparison = ["==", "!=", "matches!("].iter().any(|sign| line.contains(sign));
            let named = quoted.iter().find(|name| line.contains(name.as_str()));
            assert!(!is_comparison || named.is_none(), "{}: {line}", path.display());
        }
    }
}

#[test]
fn every_lock_is_in_the_list() {
    let document = read("docs/ARCHITECTURE.md");
    let section = document.split("\n## Locks\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows.map(str::to_owned).collect();
    let is_lock = |line: &str| {
        let is_taken =
            ["Mutex<", "Mutex::new", "RwLock", "flock("].iter().any(|w| line.contains(w));
        is_taken && !line.contains("fn lock<T>(")
    };
    let with_locks = sources().into_iter().filter(|path| !is_test(path));
    let with_locks = with_locks.filter(|path| code(path).lines().any(is_lock));
    let found: BTreeSet<String> =
        with_locks.map(|path| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(found, listed, "left: in the sources, right: in docs/ARCHITECTURE.md");
}

/// Each file of the settings' directory is known to whoever looks at the modes of them.
#[test]
fn every_file_of_the_settings_is_looked_at_for_others() {
    let looked_at = read("bin/miniftpd/secrets.rs");
    let mut names = 0;
    for path in files("src", ".rs") {
        let text = code(&path);
        for (_, name) in text.lines().filter_map(|line| line.split_once("const FILE: &str = \"")) {
            names += 1;
            let name = format!("\"{}", name.trim_end_matches(';'));
            assert!(looked_at.contains(&name), "{name} of {} is not", path.display());
        }
    }
    assert!(names >= 9, "{names}");
}
