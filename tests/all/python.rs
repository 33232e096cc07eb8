//! docs/client.py, which was written from docs/PROTOCOL.md alone, against the real server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{Daemon, Site, bytes, password, write_file};

const SIZE: usize = (3 << 20) + 12_345;

/// Runs it; `None` where there is no Python.
fn python(site: &Site, daemon: &Daemon, words: &[&str]) -> Option<(Option<i32>, String, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/client.py");
    let done = Command::new("python3")
        .arg(script)
        .args(["-u", "ann", "-P", &daemon.port().to_string(), "-s", "127.0.0.1"])
        // A server that was built without TLS offers none.
        .args(["--tls", "preferred"])
        .args(words)
        .env("MINIFTP_PASSWORD", password("ann"))
        .current_dir(site.local())
        .output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match done {
        Ok(Output { status, stdout, stderr }) => {
            Some((status.code(), text(&stdout), text(&stderr)))
        }
        Err(_) => {
            eprintln!("skipped: there is no python3");
            None
        }
    }
}

#[test]
fn its_self_test_passes() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/client.py");
    match Command::new("python3").arg(script).arg("--self-test").status() {
        Ok(status) => assert!(status.success()),
        Err(_) => eprintln!("skipped: there is no python3"),
    }
}

#[test]
fn it_lists_puts_gets_and_goes_on() {
    let site = Site::new();
    site.account("ann", "100M");
    let daemon = site.start();
    let content = bytes(1, SIZE);
    write_file(site.local().join("f"), &content);
    let run = |words: &[&str]| python(&site, &daemon, words);
    let done = |words: &[&str], line: &str| {
        if let Some(got) = run(words) {
            assert_eq!(got, (Some(0), format!("{line}\n"), String::new()), "{words:?}");
        }
    };
    let Some((status, _, said)) = run(&["put", "--stop-after", "2000000", "f", "f"]) else {
        return;
    };
    assert_eq!((status, said.as_str()), (Some(3), ""));
    let kept = 1 << 20;
    done(&["put", "f", "f"], &format!("stored f: {SIZE} bytes, {kept} kept"));
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
    done(&["put", "f", "f"], &format!("equal f: {SIZE} bytes"));

    let (status, _, said) = run(&["get", "--stop-after", "2000000", "f", "back"]).unwrap();
    assert_eq!((status, said.as_str()), (Some(3), ""));
    let kept = 2_000_000 / 65_536 * 65_536;
    done(&["get", "f", "back"], &format!("fetched back: {SIZE} bytes, {kept} kept"));
    assert!(fs::read(site.local().join("back")).unwrap() == content);
    let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(time(&site.local().join("f")), time(&site.local().join("back")));

    write_file(site.local().join("f"), b"small");
    let (status, _, said) = run(&["put", "f", "f"]).unwrap();
    assert_eq!((status, said.as_str()), (Some(1), "client.py: 262 `/f` exists already\n"));
    done(&["put", "--overwrite", "f", "f"], "stored f: 5 bytes, 0 kept");
    write_file(site.local().join("empty"), b"");
    done(&["put", "empty", "empty"], "stored empty: 0 bytes, 0 kept");
    let (status, listed, said) = run(&["ls"]).unwrap();
    assert_eq!((status, said.as_str()), (Some(0), ""));
    assert!(listed.ends_with("2 entries\n"), "{listed}");
    let (status, _, said) = run(&["get", "nix", "x"]).unwrap();
    assert_eq!(
        (status, said.as_str()),
        (Some(1), "client.py: 256 no such file or folder: `/nix`\n")
    );
}

#[test]
fn what_one_client_began_the_other_finishes() {
    let site = Site::new();
    site.account("ann", "100M");
    let daemon = site.start();
    let content = bytes(1, SIZE);
    write_file(site.local().join("f"), &content);
    if python(&site, &daemon, &["put", "--stop-after", "2000000", "f", "f"]).is_none() {
        return;
    }
    let said = site.client("ann").run(&["--digest", "blake3", "put", "f"]);
    said.ok().stderr_has(", 1048576 kept from before\n");
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
}
