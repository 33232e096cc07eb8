//! The log for programs: every line of a busy run is read by Python.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::{Daemon, Miniftp, Site, bytes, write_file};

/// Reads all lines, and prints paths and what else was asked for.
const READER: &str = r#"
import json, sys
levels = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"}
for line in sys.stdin.buffer.read().decode("utf-8").splitlines(True):
    if not line.endswith("\n"):
        raise SystemExit("torn: " + line)
    what = json.loads(line)
    assert what["time"].endswith("Z") and what["level"] in levels, line
    assert ("event" in what) != ("text" in what), line
    if "event" in what:
        assert what["result"] in ("done", "broken", "refused"), line
        assert what["account"] is None or isinstance(what["account"], str), line
        assert (what["result"] == "refused") <= ("why" in what), line
        if what["event"] in ("put", "get") and what["result"] == "done":
            assert isinstance(what["bytes"], int) and what["secs"] >= 0, line
            assert what["door"] in ("framed", "ftp") and what["session"] > 0, line
        name = what.get("path", what.get("name", ""))
        print(what["event"], what["result"], ascii(name), what.get("bytes", "-"))
"#;

/// Names that a careless writer would stumble over.
const NAMES: [&str; 6] = ["a b", "q\"uo'te", "back\\slash", "ünï 名", "{\"}", "no\u{a0}break"];

#[test]
fn every_line_of_a_busy_run_is_read_by_python() {
    let site = Site::new();
    site.account("ann", "10M").admin("root");
    let daemon = Daemon::start_with(&site, &["--log-format", "json"]);
    let client = |account: &str| Miniftp::new(&site.local(), daemon.addr(), account);
    let content = bytes(1, 200_000);
    for name in NAMES {
        write_file(site.local().join("tree").join(name), &content);
    }
    client("ann").run(&["put", "-r", "tree"]).ok();
    client("ann").run(&["get", "-r", "tree", "back"]).ok();
    client("root").run(&["admin", "quota", "ann", "20M"]).ok();
    client("ann").password("wrong").run(&["ls"]).fails(4);
    let mut ftp = daemon.ftp("ann");
    for name in NAMES {
        ftp.store(&format!("{name}.ftp"), &content).expect(226);
        assert!(ftp.fetch(&format!("{name}.ftp")) == content);
    }
    ftp.ask("MKD \u{202e}gnorw").expect(553);
    ftp.send_bytes(b"MKD \xff\xfe\r\n");
    ftp.reply().expect(501);
    let mut ann = daemon.login("ann");
    for name in ["a\nb", "\u{1b}[2J", "\u{202e}gnorw", "\u{85}"] {
        ann.mkdir(name, false).expect(255);
    }
    drop(ann);
    daemon.signal(rustix::process::Signal::HUP);
    daemon.wait_for_log("settings read again");
    let log = daemon.whole_log();
    let harmful = |c: char| c != '\n' && miniftp::text::is_harmful(c);
    assert!(!log.contains(harmful), "{log}");
    let reader = Command::new("python3")
        .args(["-c", READER])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut reader) = reader else {
        eprintln!("skipped: there is no python3");
        return;
    };
    reader.stdin.take().unwrap().write_all(log.as_bytes()).unwrap();
    let read = reader.wait_with_output().unwrap();
    assert!(read.status.success());
    let read = String::from_utf8(read.stdout).unwrap();
    // As Python writes them.
    for (name, is_fetched) in
        [("a b", 1), ("q\"uo\\'te", 1), ("back\\\\slash", 1), ("\\xfcn\\xef \\u540d", 1)]
    {
        for (line, times) in [
            (format!("put done '/tree/{name}' 200000\n"), 1),
            (format!("get done '/tree/{name}' 200000\n"), is_fetched),
            (format!("put done '/{name}.ftp' 200000\n"), 1),
            (format!("get done '/{name}.ftp' 200000\n"), 1),
        ] {
            assert_eq!(read.matches(&line).count(), times, "{line}{read}");
        }
    }
    assert!(read.contains("mkdir refused '\\u202egnorw' -\n"), "{read}");
    assert!(read.contains("mkdir refused 'a\\nb' -\n"), "{read}");
    assert!(read.contains("login refused 'ann' -\n") && read.contains("quota done 'ann' -\n"));
}
