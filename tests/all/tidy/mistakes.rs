//! The mistakes of others in docs/SECURITY.md: each names the tests that would find it here.

use std::path::Path;

use super::read;

/// The file that a test is in, by the modules in its name.
fn file_of(modules: &str) -> Option<String> {
    let path = modules.replace("::", "/");
    let names = [format!("{path}.rs"), format!("{path}/mod.rs")];
    let found = names.into_iter().map(|name| format!("tests/all/{name}"));
    found.into_iter().find(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists())
}

#[test]
fn each_mistake_of_others_has_a_test_that_there_is() {
    let document = read("docs/SECURITY.md");
    let (_, chapter) = document.split_once("\n## Mistakes of others").unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let rows: Vec<&str> = chapter.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 20, "{}", rows.len());
    for row in rows {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let tests: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            let (modules, name) = test.rsplit_once("::").unwrap_or_else(|| panic!("{test}"));
            let file = file_of(modules).unwrap_or_else(|| panic!("no file of {test}"));
            let is_there = read(&file).contains(&format!("#[test]\nfn {name}() {{"));
            assert!(is_there, "{file} has no test {name}");
        }
    }
}
