//! `check`: what differs, by digests, without moving data.

use std::fs;

use super::site;
use crate::harness::{Proxy, Way, bytes, write_file};

#[test]
fn differences_are_found_by_digest_and_nothing_moves() {
    let (site, daemon) = site();
    let (local, there) = (site.local().join("tree"), site.stored("ann", "copy"));
    let mut large = bytes(3, 3 << 20);
    for (name, content) in [("same", &b"same"[..]), ("d/large", &large), ("d/size", b"size")] {
        write_file(local.join(name), content);
        write_file(there.join(name), content);
    }
    let check = |words: &[&str]| {
        let proxy = Proxy::to(daemon.addr());
        let said = site.client("ann").in_clear().at(proxy.addr()).run(words);
        let moved = proxy.count(Way::Up).max(proxy.count(Way::Down));
        assert!(moved < 20_000, "{moved}: {}", said.tell());
        said
    };
    let said = check(&["check", "tree", "copy"]);
    said.ok().stdout("").stderr_has("files are equal, nothing differs, in ");
    check(&["check", "tree/d/large", "copy/d/large"]).ok().stdout("");
    large[2 << 20] ^= 1;
    write_file(there.join("d/large"), &large);
    write_file(there.join("same"), b"saMe");
    write_file(there.join("d/size"), b"longer");
    write_file(local.join("here/x"), b"x");
    write_file(there.join("there"), b"x");
    write_file(local.join("kind"), b"x");
    fs::create_dir(there.join("kind")).unwrap();
    check(&["check", "tree", "copy"]).fails(1).stdout(
        "differs: tree/d/large and copy/d/large\n\
         differs: tree/d/size and copy/d/size\n\
         only here: tree/here/\n\
         another kind: tree/kind and copy/kind\n\
         differs: tree/same and copy/same\n\
         only there: copy/there\n",
    );
    let said = check(&["check", "tree", "copy"]);
    said.fails(1).stderr_has("check tree: 0 files are equal, 6 differences, in ");
    check(&["check", "tree/same", "copy/same"]).fails(1).stdout_has("differs: tree/same");
    check(&["check", "--exclude", "*", "tree", "copy"]).ok().stdout("");
    for there in ["copy/missing", "copy/same"] {
        let said = check(&["check", "missing", there]);
        said.fails(1).stdout("").stderr_has("`missing`: cannot read it: no such file or directory");
    }
    let said = check(&["check", "--json", "tree", "copy"]);
    let lines: Vec<serde_json::Value> =
        said.fails(1).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines
        .iter()
        .filter(|line| line["event"] == "difference")
        .map(|line| line["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["content", "content", "only_here", "kind", "content", "only_there"]);
}
