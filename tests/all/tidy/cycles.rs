//! No more than three files use each other in a circle.
//!
//! Read are `use` lines and paths in code. A name that a file only re-exports is a use of the file
//! that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{code, is_test, sources};

/// Files that may use each other in a circle.
const MOST: usize = 3;

/// The circles that are left: how many files each has, and where the names of all of them begin. A
/// row may only shrink, and goes when it has come to [`MOST`].
const LEFT: &str = "tests/all/tidy/circles.txt";

/// A module by its crate (`src`, `bin/miniftp`) and its path.
type Module = (String, Vec<String>);

/// A source file as the check reads it.
struct File {
    module: Module,
    /// The code between the `use` lines.
    body: String,
    /// What it imports, as whole paths, and whether it hands it on.
    imports: Vec<(Vec<String>, bool)>,
    /// The names that it defines.
    names: BTreeSet<String>,
}

fn module_of(path: &str) -> Module {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let (owner, rest) = match parts.as_slice() {
        ["src", rest @ ..] => ("src".to_owned(), rest),
        // Compiled into both programs.
        ["bin", "shared", rest @ ..] => ("bin/shared".to_owned(), rest),
        ["bin", program, rest @ ..] => (format!("bin/{program}"), rest),
        _ => panic!("{path}"),
    };
    let mut names: Vec<String> = rest.iter().map(|name| (*name).to_owned()).collect();
    if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        names.pop();
    }
    (owner, names)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `a::{b, c::d as e}` as a::b and a::c::d.
fn expanded(tree: &str) -> Vec<Vec<String>> {
    let Some((before, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap();
        let names = path.split("::").map(|name| name.trim().to_owned());
        return vec![names.filter(|name| !name.is_empty()).collect()];
    };
    let group = &group[..group.rfind('}').unwrap()];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expanded(&format!("{}{}", before, part.trim()))).collect()
}

/// A source file, without remarks, texts and tests.
fn read(path: &str) -> File {
    let text = code(&PathBuf::from(path));
    let (mut body, mut imports) = (String::new(), Vec::new());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = rest[line..at].trim();
        let (head, tail) = rest.split_at(at);
        let public = before == "pub" || before.starts_with("pub(") && before.ends_with(')');
        if before.is_empty() || public {
            let (tree, after) = tail[4..].split_once(';').unwrap();
            imports.extend(expanded(tree).into_iter().map(|path| (path, public)));
            body.push_str(&head[..line]);
            rest = after;
        } else {
            body.push_str(head);
            body.push_str("use_");
            rest = &tail[4..];
        }
    }
    body.push_str(rest);
    let mut names = BTreeSet::new();
    let words: Vec<&str> =
        body.split(|c: char| !is_word(c)).filter(|word| !word.is_empty()).collect();
    for pair in words.windows(2) {
        if ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"].contains(&pair[0]) {
            names.insert(pair[1].to_owned());
        }
    }
    File { module: module_of(path), body, imports, names }
}

struct Crates {
    files: BTreeMap<String, File>,
    by_module: BTreeMap<Module, String>,
}

impl Crates {
    fn new() -> Crates {
        let paths = sources().into_iter().filter(|path| !is_test(path));
        let paths = paths.map(|path| path.to_str().unwrap().to_owned());
        let files: BTreeMap<String, File> = paths.map(|path| (path.clone(), read(&path))).collect();
        let by_module = files.iter().map(|(path, file)| (file.module.clone(), path.clone()));
        Crates { by_module: by_module.collect(), files }
    }

    /// A path as a file writes it, from the root of its crate; `None` if it leads out of it.
    fn absolute(&self, file: &File, path: &[String]) -> Option<Vec<String>> {
        let (owner, here) = &file.module;
        let supers = path.iter().take_while(|name| *name == "super").count();
        let (start, rest) = match path.first()?.as_str() {
            "crate" => (&here[..0], &path[1..]),
            "self" => (&here[..], &path[1..]),
            "super" => (&here[..here.len().checked_sub(supers)?], &path[supers..]),
            first => {
                let child: Vec<String> = here.iter().cloned().chain([first.to_owned()]).collect();
                self.by_module.get(&(owner.clone(), child))?;
                (&here[..], path)
            }
        };
        Some(start.iter().chain(rest).cloned().collect())
    }

    /// The file that defines what a whole path leads to.
    fn defining(&self, owner: &str, path: &[String], depth: u32) -> Option<&str> {
        for end in (0..=path.len()).rev() {
            let module = |owner: &str| (owner.to_owned(), path[..end].to_vec());
            let shared = self.by_module.get(&module("bin/shared"));
            if owner.starts_with("bin/") && shared.is_some() {
                return shared.map(String::as_str);
            }
            let Some(found) = self.by_module.get(&module(owner)) else { continue };
            let file = &self.files[found];
            let Some(name) = path.get(end).filter(|name| !["self", "*"].contains(&name.as_str()))
            else {
                return Some(found);
            };
            if file.names.contains(name) || depth > 8 {
                return Some(found);
            }
            for (import, _) in &file.imports {
                let last = import.last().map_or("", String::as_str);
                if last != name && last != "*" {
                    continue;
                }
                let Some(mut whole) = self.absolute(file, import) else { continue };
                if last == "*" {
                    whole.pop();
                    let globbed = self.by_module.get(&(owner.to_owned(), whole.clone()));
                    if !globbed.is_some_and(|path| self.files[path].names.contains(name)) {
                        continue;
                    }
                    whole.push(name.clone());
                }
                return self.defining(owner, &whole, depth + 1);
            }
            return Some(found);
        }
        None
    }

    /// The files of its crate that a file uses.
    fn uses(&self, path: &str) -> BTreeSet<&str> {
        let file = &self.files[path];
        let has_word =
            |word: &str| file.body.split(|c: char| !is_word(c)).any(|found| found == word);
        let handed_on = |import: &[String]| !import.last().is_some_and(|name| has_word(name));
        let imports = file.imports.iter().filter(|(import, public)| !public || !handed_on(import));
        let mut paths: Vec<Vec<String>> = imports.map(|(import, _)| import.clone()).collect();
        let separated = file.body.split(|c: char| !is_word(c) && c != ':');
        for path in separated.filter(|path| path.contains("::")) {
            paths.push(path.split("::").map(str::to_owned).filter(|p| !p.is_empty()).collect());
        }
        let wholes = paths.iter().filter_map(|path| self.absolute(file, path));
        let found = wholes.filter_map(|whole| self.defining(&file.module.0, &whole, 0));
        found.filter(|found| *found != path).collect()
    }
}

/// The sets of files of which each reaches all others.
fn circles(uses: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<BTreeSet<String>> {
    let reached = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in uses.get(file).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let all: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reached(file))).collect();
    let mut found = BTreeSet::new();
    for (file, reaches) in &all {
        let circle = reaches.iter().filter(|other| all[**other].contains(file));
        let circle: BTreeSet<String> = circle.map(|file| (*file).to_owned()).collect();
        found.insert(circle);
    }
    found.into_iter().filter(|circle| circle.len() > MOST).collect()
}

#[test]
fn no_more_than_three_files_use_each_other_in_a_circle() {
    let crates = Crates::new();
    let uses = crates.files.keys().map(|path| (path.as_str(), crates.uses(path))).collect();
    let list = super::read(LEFT);
    let rows = list.lines().map(|line| line.split_once(' ').expect(line));
    let mut left: Vec<(usize, &str)> =
        rows.map(|(files, place)| (files.parse().expect(files), place)).collect();
    let mut new = String::new();
    for circle in circles(&uses) {
        let row = left.iter().position(|(files, place)| {
            circle.iter().all(|file| file.starts_with(place)) && *files == circle.len()
        });
        if let Some(row) = row {
            left.remove(row);
            continue;
        }
        new += &format!("{} files in a circle:\n", circle.len());
        for file in &circle {
            let used = uses[file.as_str()].iter().filter(|used| circle.contains(**used));
            new += &format!("{file} uses {}\n", used.copied().collect::<Vec<_>>().join(", "));
        }
    }
    assert!(new.is_empty() && left.is_empty(), "{new}not found as the list has them: {left:?}");
}

#[test]
fn a_circle_is_found_through_groups_re_exports_and_paths() {
    assert_eq!(expanded("a::{b, c::{d as e, self}}").concat().join(" "), "a b a c d a c self");
    let uses = BTreeMap::from([
        ("a", BTreeSet::from(["b"])),
        ("b", BTreeSet::from(["c", "x"])),
        ("c", BTreeSet::from(["d"])),
        ("d", BTreeSet::from(["a", "x"])),
        ("x", BTreeSet::from(["y"])),
        ("y", BTreeSet::from(["x"])),
    ]);
    let circle = BTreeSet::from(["a", "b", "c", "d"].map(str::to_owned));
    assert_eq!(circles(&uses), [circle]);
}
