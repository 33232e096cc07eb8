//! `miniftpd demo`, the first thing that a visitor runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::harness::{Miniftp, Running, Site, eventually};

/// Where a demo's files lie while it runs.
fn place(site: &Site) -> PathBuf {
    let place = site.root().join("tmp");
    fs::create_dir_all(&place).unwrap();
    place
}

fn demo(site: &Site) -> Miniftp {
    let place = place(site);
    Miniftp::server_program(&site.local()).env("TMPDIR", place.to_str().unwrap())
}

/// The processes that were started to use this place for their files.
fn processes(place: &Path) -> Vec<String> {
    let wanted = format!("TMPDIR={}\0", place.display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let named = entries.filter_map(|entry| entry.file_name().into_string().ok());
    named
        .filter(|pid| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.windows(wanted.len()).any(|part| part == wanted.as_bytes())
        })
        .collect()
}

/// Neither a process nor a file is left of it.
#[track_caller]
fn nothing_is_left(site: &Site) {
    let place = place(site);
    let files: Vec<_> = fs::read_dir(&place).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(files.is_empty(), "{files:?}");
    assert_eq!(processes(&place), [""; 0]);
}

#[track_caller]
fn wait_for(running: &Running, words: &str) {
    let shown = running.out().wait_for(|text| text.contains(words).then_some(()));
    assert!(shown.is_some(), "`{words}` was not shown: {}", running.out().text());
}

#[test]
fn the_demo_shows_each_step_and_ends_well() {
    let site = Site::new();
    let said = demo(&site).run(&["demo"]);
    said.ok().stderr_has(" trying again in 0.2 s\n");
    assert_eq!(said.err.lines().count(), 1, "{}", said.tell());
    let steps = [
        "\n1. A server listens on 127.0.0.1:",
        "\n2. The client logs in. ",
        "   With a wrong password: refused.\n",
        "\n3. It puts a file of ",
        "   put engine.bin: 50331648 bytes in ",
        "   The client connected again and went on: ",
        "\n4. It gets the file back.\n",
        "   get engine.bin: 50331648 bytes in ",
        "   Equal to the last byte. ",
        "   put engine.bin: the same file is there already (50331648 bytes)\n",
        "\n5. It puts a directory of 200 small files",
        "   put notes: 200 files, 1690 bytes in ",
        "\n6. It puts another large file, which would exceed its quota.\n",
        "over quota: needs ",
        "\n7. It tries to leave its home.\n",
        "cd ..: ",
        "\n8. grace has no account, and asks for one.\n",
        "   |      1  grace  127.0.0.1  2",
        "   | approved registration 1: grace can log in now\n",
        "   grace is informed, and logs in: welcome, grace.\n",
        "\n9. ada comes by FTP, as with any FTP client: the same files are there.\n",
        "   > USER ada\n   < 331 ",
        "   > PASS ********\n   < 230 ",
        "   > RETR notes/note-007.txt\n   < 150 ",
        "   > STOR letter.txt\n   < 150 ",
        "   get letter.txt: 49 bytes in ",
        "\n10. The server is asked to stop: ",
        "   It has ended well. That was all of it; nothing is left on the disk.\n",
    ];
    let mut at = 0;
    for step in steps {
        match said.out[at..].find(step) {
            Some(found) => at += found + step.len(),
            None => panic!("`{step}` is missing: {}", said.tell()),
        }
    }
    assert!(said.out.chars().all(|c| c == '\n' || c == '\r' || !c.is_control()), "{}", said.tell());
    nothing_is_left(&site);
}

#[test]
fn whatever_signal_ends_a_demo_nothing_is_left_of_it() {
    let signals = [
        ("\n1. A server listens", Signal::INT, 130),
        ("\n2. The client logs in", Signal::QUIT, 131),
        ("\n3. It puts a file", Signal::TERM, 143),
        ("\n4. It gets the file", Signal::HUP, 129),
    ];
    for (moment, signal, code) in signals {
        let site = Site::new();
        let running = demo(&site).spawn(&["demo"]);
        wait_for(&running, moment);
        let dirs: Vec<_> = fs::read_dir(place(&site)).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(dirs.len(), 1, "{dirs:?}");
        let mode = fs::metadata(&dirs[0]).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "others can read it");
        running.signal(signal);
        let said = running.wait();
        said.fails(code).stderr_has("miniftpd: the demo was stopped; nothing is left of it\n");
        nothing_is_left(&site);
    }
}

/// A terminal that is closed takes nothing that is said any more, and says so by a signal.
#[test]
fn a_terminal_that_is_closed_leaves_nothing_of_a_demo() {
    let site = Site::new();
    let place = place(&site);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/terminal/on_a_terminal.py");
    let (script, server) = (script.to_str().unwrap(), env!("CARGO_BIN_EXE_miniftpd"));
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let terminal = Miniftp::foreign("python3", &site.local());
    let terminal = terminal.env("TMPDIR", place.to_str().unwrap());
    let running = terminal.spawn(&[script, "100", server, "demo"]);
    wait_for(&running, "\n3. It puts a file");
    running.kill9();
    eventually("the demo ends", || processes(&place).is_empty());
    nothing_is_left(&site);
}

/// Nothing can tidy up after itself that was killed; the next one does.
#[test]
fn a_demo_that_was_killed_leaves_no_process_and_the_next_one_removes_its_files() {
    let site = Site::new();
    let running = demo(&site).spawn(&["demo"]);
    wait_for(&running, "\n3. It puts a file");
    running.kill9();
    let place = place(&site);
    assert_eq!(processes(&place), [""; 0]);
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
    let second = demo(&site).spawn(&["demo"]);
    wait_for(&second, "\n1. A server listens");
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
    // One that runs is left alone.
    let third = demo(&site).spawn(&["demo"]);
    wait_for(&third, "\n1. A server listens");
    assert_eq!(fs::read_dir(&place).unwrap().count(), 2);
    for running in [second, third] {
        running.signal(Signal::INT);
        running.wait().fails(130);
    }
    nothing_is_left(&site);
}

/// `nohup` and its like say that a closed terminal does not matter.
#[test]
fn a_demo_whose_hangups_are_ignored_goes_on() {
    let site = Site::new();
    let place = place(&site);
    let shell = Miniftp::foreign("/bin/sh", &site.local()).env("TMPDIR", place.to_str().unwrap());
    let script = "trap '' HUP; exec \"$0\" demo";
    let running = shell.spawn(&["-c", script, env!("CARGO_BIN_EXE_miniftpd")]);
    wait_for(&running, "\n3. It puts a file");
    running.signal(Signal::HUP);
    running.wait().ok();
    nothing_is_left(&site);
}
