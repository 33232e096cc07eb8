//! What looks around writes an object a line with `--json`; docs/JSON.md says which.

use serde_json::{Value, json};

use super::site;
use crate::harness::{CHUNK, bytes, write_file};

/// The rows of a command, without what differs from run to run.
#[track_caller]
fn rows(said: &crate::harness::Output) -> Vec<Value> {
    said.ok().stderr("");
    let read = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        for field in ["mtime_secs", "mtime_nanos", "started_secs"] {
            if let Some(at) = row.as_object_mut().unwrap().remove(field) {
                assert!(at.is_u64(), "{row}");
            }
        }
        row
    };
    said.out.lines().map(read).collect()
}

fn file(path: &str, bytes: u64) -> Value {
    json!({"event": "entry", "path": path, "type": "file", "bytes": bytes, "mode": "0644"})
}

fn folder(path: &str) -> Value {
    json!({"event": "entry", "path": path, "type": "folder", "bytes": 0, "mode": "0755"})
}

fn sum(path: &str, kind: &str, bytes: u64) -> Value {
    json!({"event": "sum", "path": path, "type": kind, "bytes": bytes})
}

#[test]
fn what_looks_around_gives_an_object_for_each_row() {
    let (site, daemon) = site();
    let local = site.client("ann");
    write_file(site.local().join("docs/a \"b\".txt"), b"12345");
    write_file(site.local().join("docs/.sub/c.txt"), b"123");
    for path in ["docs", "docs/.sub"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(site.local().join(path), mode).unwrap();
    }
    local.run(&["-q", "put", "-r", "docs"]).ok();
    let mut uploading = daemon.login("ann");
    uploading.put("half", 2 * CHUNK, 0).expect(802);
    uploading.chunk(0, &bytes(1, CHUNK)).expect(900);
    drop(uploading);
    let both = [folder("docs/.sub"), file("docs/.sub/c.txt", 3), file("docs/a \"b\".txt", 5)];
    let digest = |algorithm: &str, hex: &str| {
        let path = "docs/.sub/c.txt";
        json!({"event": "digest", "path": path, "algorithm": algorithm, "hex": hex})
    };
    let table: &[(&[&str], Vec<Value>)] = &[
        (&["tree", "docs"], both.to_vec()),
        (&["tree", "-d", "docs"], both[..1].to_vec()),
        (&["find", "*.txt"], both[1..].to_vec()),
        (&["find", "nothing"], vec![]),
        (&["stat", "docs", "docs/.sub/c.txt"], vec![folder("docs"), both[1].clone()]),
        (&["du", "docs"], vec![sum("docs/.sub", "folder", 3), sum("docs", "folder", 8)]),
        (&["du", "-sh", "docs"], vec![sum("docs", "folder", 8)]),
        (&["du", "docs/.sub/c.txt"], vec![sum("docs/.sub/c.txt", "file", 3)]),
        (&["hash", "docs/.sub/c.txt"], vec![digest("md5", "202cb962ac59075b964b07152d234b70")]),
        (
            &["parts"],
            vec![
                json!({"event": "part", "path": "/half", "held_bytes": CHUNK, "bytes": 2 * CHUNK}),
            ],
        ),
        (&["ftp-passwords"], vec![]),
    ];
    for (words, expected) in table {
        // Before the command or behind it.
        for words in [[&["--json"], *words].concat(), [*words, &["--json"]].concat()] {
            let said = site.miniftp("ann", &words);
            assert_eq!(rows(&said), *expected, "{words:?}");
        }
    }
}

#[test]
fn figures_and_reasons_are_fields() {
    let (site, _daemon) = site();
    site.account("eve", "unlimited");
    write_file(site.local().join("f"), b"12345");
    for account in ["ann", "eve"] {
        site.miniftp(account, &["-q", "put", "f"]).ok();
    }
    let [row] = &rows(&site.miniftp("ann", &["quota", "--json"]))[..] else { panic!("one row") };
    let limit = row["limit_bytes"].as_u64().expect("a limit");
    assert_eq!(row["used_bytes"], 5);
    assert_eq!((&row["reserved_bytes"], &row["used_entries"]), (&json!(0), &json!(1)));
    let space = &rows(&site.miniftp("ann", &["df", "--json", "/"]))[0];
    assert_eq!((&space["limit_bytes"], &space["used_bytes"]), (&json!(limit), &json!(5)));
    assert!(space["free_bytes"].as_u64().unwrap() <= limit - 5);
    // Where there is no limit there is no field for one.
    for words in [["quota", "--json"], ["--json", "df"]] {
        let row = &rows(&site.miniftp("eve", &words))[0];
        assert!(row.get("limit_bytes").is_none(), "{row}");
    }
    let reasons = rows(&site.miniftp("ann", &["why", "--json", "f"]));
    let replace = reasons.iter().find(|row| row["what"] == "replace").expect("whether to replace");
    assert_eq!((&replace["path"], &replace["is_allowed"]), (&json!("f"), &json!(true)));
    assert!(replace["why"].as_str().is_some_and(|why| why.contains("modify")), "{replace}");
}

/// What was there from before counted as if it had come over the line, so that a rate was shown
/// far above the limit.
#[test]
fn what_was_kept_from_before_is_no_part_of_a_rate() {
    let (site, daemon) = site();
    let content = bytes(5, 40 * CHUNK);
    write_file(site.local().join("tree/big"), &content);
    let mut ann = daemon.login("ann");
    ann.mkdir("/tree", false).expect(200);
    for (words, kept) in [(&["put", "-r"][..], 24), (&["--json", "put", "-r"], 32)] {
        ann.rm("/tree/big", false);
        ann.put("/tree/big", content.len(), 0).expect(802);
        ann.send_from(&content[..kept * CHUNK], 0);
        ann.drop_part(true).expect(200);
        let said = site.miniftp("ann", &[words, &["--resume", "tree"]].concat());
        let (size, kept) = (content.len(), kept * CHUNK);
        if !words.contains(&"--json") {
            said.ok().stderr_has(&format!("put tree: 1 file, {size} bytes in "));
            said.stderr_has(&format!(", {kept} kept from before\n"));
            continue;
        }
        let last: Value = serde_json::from_str(said.ok().out.lines().last().unwrap()).unwrap();
        assert_eq!(last["event"], "summary", "{}", said.tell());
        assert_eq!((&last["bytes"], &last["sent_bytes"]), (&json!(size), &json!(size - kept)));
    }
}

/// What is a single value for people is an object too.
#[test]
fn single_values_are_objects() {
    let (site, daemon) = site();
    write_file(site.stored("ann", "docs/f"), b"x");
    let run = |words: &[&str]| site.miniftp("ann", words);
    let here = site.local().canonicalize().unwrap();
    for words in [&["--json", "pwd"][..], &["pwd", "--json"]] {
        assert_eq!(rows(&run(words)), [json!({"event": "folder", "path": "/"})]);
    }
    for words in [&["--json", "lpwd"][..], &["lpwd", "--json"]] {
        assert_eq!(rows(&run(words)), [json!({"event": "folder", "local": here})]);
    }
    let said = site.client("ann").input("cd docs\npwd\nlcd --json ..\nlpwd\n").run(&["--json"]);
    let folder = |field: &str, path: &str| json!({"event": "folder", field: path});
    let above = here.parent().unwrap().to_str().unwrap();
    let three = [folder("path", "/docs"), folder("local", above), folder("local", above)];
    assert_eq!(rows(&said), three);
    let known = run(&["--json", "known-hosts"]);
    if miniftp::tls::IS_BUILT {
        let [known] = &rows(&known)[..] else { panic!("{}", known.tell()) };
        assert_eq!(known["address"], daemon.addr().to_string());
        assert!(known["key"].as_str().unwrap().starts_with("SHA256:"), "{known}");
    }
    let made = run(&["--json", "ftp-password", "--uses", "3"]);
    let made: Value = serde_json::from_str(&made.ok().out).unwrap();
    let (password, until) = (made["password"].as_str(), made["until_secs"].as_u64());
    assert!(password.is_some_and(|text| text.len() > 4) && until.is_some(), "{made}");
    assert_eq!(made["logins_left"], 3);
    site.admin("boss");
    let list = site.miniftp("boss", &["--json", "admin", "list"]);
    assert_eq!(list.ok().out, site.miniftp("boss", &["admin", "list", "--json"]).ok().out);
    assert!(serde_json::from_str::<Value>(&list.out).unwrap().is_array(), "{}", list.tell());
}

#[test]
fn registrations_are_objects() {
    let (site, _daemon) = site();
    let row = |state: &str| json!({"event": "registration", "number": 1, "state": state});
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let run = |words: &[&str]| site.miniftp("bob", words);
    assert_eq!(read(&run(&["--json", "register"]).ok().out), row("waiting"));
    assert_eq!(read(&run(&["registration", "--json", "1"]).ok().out), row("waiting"));
    site.miniftpd(&["account", "reject", "1", "too late"], "").ok();
    let refused = run(&["--json", "registration", "1"]);
    let mut expected = row("refused");
    expected["reason"] = json!("too late");
    assert_eq!(read(&refused.fails(1).stderr_has("Reason: too late").out), expected);
}

/// What writes a text is refused before there is a connection; what writes nothing is not.
#[test]
fn where_there_are_no_objects_json_is_refused() {
    let (site, _daemon) = site();
    write_file(site.stored("ann", "f"), b"content");
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    for line in ["cat f", "less f", "edit f", "help", "help ls", "completions bash", "man", "!ls"] {
        let words: Vec<&str> = [&["--json"], &line.split(' ').collect::<Vec<_>>()[..]].concat();
        let name = if line == "!ls" { "!" } else { words[1] };
        let words = if line == "!ls" { vec!["--json", "!", "ls"] } else { words };
        let refusal = format!("miniftp: `{name}` writes text and no objects; leave --json out\n");
        let said = site.client("ann").at(nowhere).run(&words);
        said.fails(2).stdout("").stderr(&refusal);
        let said = site.client("ann").input(format!("{line}\npwd\n")).run(&["--json"]);
        said.fails(1).stdout("").stderr_has(&refusal);
    }
    for words in [&["mkdir", "d"][..], &["touch", "f"], &["mv", "f", "d"], &["rm", "-r", "d"]] {
        site.miniftp("ann", &[&["--json"], words].concat()).ok().stdout("").stderr("");
    }
}
