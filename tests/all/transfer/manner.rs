//! How a command is carried out: slowly, quietly, as JSON, through pipes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::site;
use crate::harness::{Output, Proxy, Way, bytes, part_files, write_file};

/// The events that a program wrote.
fn events(said: &Output) -> Vec<Value> {
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn a_limited_rate_holds_in_both_directions() {
    let (site, _daemon) = site();
    write_file(site.local().join("f"), &bytes(1, 300_000));
    for n in 0..30 {
        write_file(site.local().join(format!("tree/{n}")), &bytes(n, 10_000));
    }
    let slow = ["--limit-rate", "200k", "--json"];
    for words in [
        [&slow[..], &["put", "f"]].concat(),
        [&slow[..], &["get", "f", "back"]].concat(),
        vec!["put", "-r", "--limit-rate=200k/s", "--json", "tree"],
        vec!["get", "-r", "--limit-rate", "200k", "--json", "tree", "again"],
    ] {
        let said = site.miniftp("ann", &words);
        let events = events(said.ok());
        let summary = named(&events, "summary")[0];
        let (bytes, secs) = (summary["bytes"].as_u64(), summary["seconds"].as_f64());
        assert_eq!(bytes, Some(300_000), "{}", said.tell());
        // The first piece and the frames' heads are not waited for.
        assert!(secs.unwrap() > 1.2, "{}", said.tell());
    }
    site.miniftp("ann", &["put", "--limit-rate", "fast", "f"]).fails(2).stderr_has("500k or 2M");
    site.miniftp("ann", &["put", "f", "--limit-rate"]).fails(2).stderr_has("needs RATE");
    site.miniftp("ann", &["put", "--quiet=yes", "f"]).fails(2).stderr_has("takes no value");
}

/// Every file has its event, with exact names and numbers; the last line sums up.
#[test]
fn events_are_exact_and_complete() {
    let (site, _daemon) = site();
    let tree = site.local().join("tree");
    write_file(tree.join("new\\line"), b"12345");
    write_file(tree.join("名"), b"same");
    write_file(site.stored("ann", "tree/名"), b"same");
    write_file(tree.join("differs"), b"new");
    write_file(site.stored("ann", "tree/differs"), b"older");
    write_file(tree.join(OsStr::from_bytes(b"latin-\xe9")), b"x");
    std::os::unix::fs::symlink("x", tree.join("link")).unwrap();
    let said = site.miniftp("ann", &["--json", "put", "-r", "tree"]);
    let events = events(said.fails(1));
    let mut files: Vec<(&str, &str)> = named(&events, "file")
        .iter()
        .map(|file| (file["remote"].as_str().unwrap(), file["outcome"].as_str().unwrap()))
        .collect();
    files.sort_unstable();
    let expected = [("tree/differs", "failed"), ("tree/new\\line", "stored"), ("tree/名", "equal")];
    assert_eq!(files, expected, "{}", said.tell());
    let stored = named(&events, "file");
    let stored = stored.iter().find(|file| file["outcome"] == "stored").unwrap();
    assert_eq!(stored["local"], "tree/new\\line");
    assert_eq!((stored["bytes"].as_u64(), stored["sent_bytes"].as_u64()), (Some(5), Some(5)));
    assert_eq!(named(&events, "expect")[0]["files"], 4);
    assert_eq!(named(&events, "left_out")[0]["shown"], "tree/link");
    assert_eq!(named(&events, "failed")[0]["shown"], "tree/latin-\\xe9");
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary");
    for (field, number) in
        [("files", 1), ("bytes", 5), ("equal", 1), ("left_out", 1), ("failed", 2)]
    {
        assert_eq!(summary[field], number, "{field}: {}", said.tell());
    }
    // A single file, and one that fails.
    let said = site.miniftp("ann", &["get", "--json", "tree/名", "back"]);
    let events = self::events(said.ok().stderr(""));
    assert_eq!(named(&events, "file")[0]["outcome"], "stored");
    let said = site.miniftp("ann", &["get", "--json", "missing", "tree/名", "."]);
    let events = self::events(said.fails(1).stderr_has("missing"));
    let failed = named(&events, "file");
    assert_eq!(failed[0]["outcome"], "failed", "{}", said.tell());
    assert_eq!(events.last().unwrap()["failed"], 1);
}

#[test]
fn the_line_is_waited_for_in_an_event() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), &bytes(1, 4 << 20));
    let proxy = Proxy::to(daemon.addr()).cut_after(Way::Up, 2 << 20);
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&["put", "--json", "f"]);
    let events = events(said.ok());
    assert_eq!(named(&events, "waiting")[0]["seconds"], 0.2, "{}", said.tell());
    assert_eq!(events.last().unwrap()["bytes"], 4 << 20);
}

#[test]
fn pipes_are_files() {
    let (site, daemon) = site();
    let content: String = (0..200_000).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    let put = |name: &str| site.client("ann").input(content.clone()).run(&["put", "-", name]);
    put("piped").ok().stderr_has("put piped: 200000 bytes in ");
    assert!(fs::read_to_string(site.stored("ann", "piped")).unwrap() == content);
    put("piped").ok().stderr_has("the same file is there already");
    let said = site.client("ann").input("other").run(&["put", "-", "piped"]);
    said.fails(1).stderr_has("--overwrite replaces it");
    site.client("ann").input("").run(&["put", "-", "empty"]).ok();
    assert_eq!(fs::read(site.stored("ann", "empty")).unwrap(), b"");
    site.miniftp("ann", &["get", "piped", "-"]).ok().stdout(&content);
    let said = site.miniftp("ann", &["--quiet", "get", "piped", "empty", "piped", "-"]);
    said.ok().stdout(&(content.clone() + &content)).stderr("");
    // Through a line that breaks, and with what a part holds already.
    let proxy = Proxy::to(daemon.addr()).cut_after(Way::Down, 100_000);
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&["get", "piped", "-"]);
    said.ok().stdout(&content).stderr_has("trying again");
    let proxy = Proxy::to(daemon.addr()).cut_after(Way::Up, 100_000);
    let mut client = site.client("ann").in_clear().at(proxy.addr());
    client = client.input(content.clone());
    client.run(&["put", "-", "again"]).ok().stderr_has("trying again");
    assert!(fs::read_to_string(site.stored("ann", "again")).unwrap() == content);
}

#[test]
fn what_pipes_cannot_do_is_one_clear_line() {
    let (site, _daemon) = site();
    site.account("bob", "1000");
    write_file(site.stored("ann", "d/f"), b"x");
    let run =
        |account: &str, words: &[&str]| site.client(account).input("y".repeat(5000)).run(words);
    run("bob", &["put", "-", "f"]).fails(1).stderr_has("over quota: needs");
    assert!(part_files(&site.home(), "bob").is_empty());
    run("ann", &["put", "-"]).fails(2).stderr_has("say what it is called there");
    run("ann", &["put", "-", "d"]).fails(1).stderr_has("`d` is a folder");
    run("ann", &["get", "-r", "d", "-"]).fails(2).stderr_has("a folder cannot");
    run("ann", &["get", "d", "-"]).fails(1).stderr_has("a folder");
    run("ann", &["--json", "get", "d/f", "-"]).fails(2).stderr_has("standard output for itself");
    let said = site.client("ann").input("put - f\npwd\n").run(&[]);
    said.fails(1).stdout("").stderr_has("commands come from standard input here");
    // A file that is called like that has another way to be named.
    write_file(site.local().join("-"), b"dash");
    site.miniftp("ann", &["put", "./-", "dash"]).ok();
    site.miniftp("ann", &["get", "dash", "./--"]).ok();
    assert_eq!(fs::read(site.local().join("--")).unwrap(), b"dash");
}
