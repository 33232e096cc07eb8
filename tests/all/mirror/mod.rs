//! `mirror` and `check`: one side as the other, and nothing removed that should stay.

mod checks;
mod deletions;
// What was asked is read between the two, which takes what encryption needs.
#[cfg(feature = "tls")]
mod equal;
mod parallel;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::harness::{Daemon, Proxy, Site, Way, bytes, write_file};

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "unlimited");
    let daemon = site.start();
    (site, daemon)
}

/// Everything below a directory: files with their content, directories as `None`.
fn all(dir: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                waiting.push(path);
                found.insert(name, None);
            } else {
                found.insert(name, Some(fs::read(&path).unwrap_or_default()));
            }
        }
    }
    found
}

fn set_time(path: impl AsRef<Path>, secs: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(secs)).unwrap();
}

#[test]
fn one_side_becomes_as_the_other_both_ways() {
    let (site, daemon) = site();
    let (local, there) = (site.local().join("tree"), site.stored("ann", "deep/copy"));
    write_file(local.join("a"), b"one");
    write_file(local.join("d/e/large"), &bytes(3, (3 << 20) + 5));
    write_file(local.join("d/.hidden"), b"too");
    write_file(local.join("empty file"), b"");
    fs::create_dir_all(local.join("d/empty/inner")).unwrap();
    let run = |words: &[&str]| site.miniftp("ann", words);
    run(&["mirror", "tree", "deep/copy"]).ok().stderr_has("mirror tree: 4 files, 3145739 bytes in");
    assert!(all(&local) == all(&there), "{:?}", all(&there).keys());
    // Again: nothing travels, and nothing is compared but names, sizes and times.
    let proxy = Proxy::to(daemon.addr());
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&["mirror", "tree", "deep/copy"]);
    said.ok().stderr_has("mirror tree: 0 files, 0 bytes in ").stderr_has(", 4 there already\n");
    drop(said);
    assert!(proxy.count(Way::Up) < 2000, "{}", proxy.count(Way::Up));
    // What differs is replaced, what is extra stays, and what is new comes.
    write_file(local.join("a"), b"another");
    write_file(local.join("d/new"), b"new");
    write_file(there.join("extra"), b"extra");
    run(&["mirror", "tree", "deep/copy"]).ok().stderr_has(": 2 files, 10 bytes in ");
    assert_eq!(fs::read(there.join("extra")).unwrap(), b"extra");
    run(&["mirror", "--delete", "tree", "deep/copy"]).ok().stderr_has("removed: 1\n");
    assert!(all(&local) == all(&there));
    // The other way.
    for words in [
        vec!["mirror", "-R", "deep/copy", "back/here"],
        vec!["mirror", "--reverse", "--delete", "/deep/copy", "back/here"],
    ] {
        run(&words).ok();
        assert!(all(&local) == all(&site.local().join("back/here")), "{words:?}");
        write_file(site.local().join("back/here/extra/deep"), b"extra");
        write_file(site.local().join("back/here/a"), b"changed");
    }
    let url = format!("miniftp://ann@127.0.0.1:{}/deep/copy", daemon.port());
    run(&["mirror", "--delete", &url, "back/here"]).ok().stderr_has("removed: 2\n");
    assert!(all(&local) == all(&site.local().join("back/here")));
}

#[test]
fn a_mirror_goes_on_after_the_line_broke() {
    let (site, daemon) = site();
    for n in 0..300 {
        write_file(site.local().join(format!("tree/{n:03}")), &bytes(n, 5000));
    }
    let proxy = Proxy::to(daemon.addr()).cut_after(Way::Up, 300_000);
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&["mirror", "tree", "copy"]);
    said.ok().stderr_has("trying again in");
    assert!(all(&site.local().join("tree")) == all(&site.stored("ann", "copy")));
    let proxy = Proxy::to(daemon.addr()).cut_after(Way::Down, 300_000);
    let said =
        site.client("ann").in_clear().at(proxy.addr()).run(&["mirror", "-R", "copy", "back"]);
    said.ok().stderr_has("trying again in");
    assert!(all(&site.local().join("tree")) == all(&site.local().join("back")));
}

/// Without `--checksum` size and time decide.
#[test]
fn checksum_sees_what_size_and_time_hide() {
    let (site, _daemon) = site();
    let (here, there) = (site.local().join("tree/f"), site.stored("ann", "copy/f"));
    for (path, content) in [(&here, b"new"), (&there, b"old")] {
        write_file(path, content);
        set_time(path, 1_700_000_000);
    }
    let run = |words: &[&str]| site.miniftp("ann", words);
    run(&["mirror", "tree", "copy"]).ok().stderr_has(", 1 there already\n");
    assert_eq!(fs::read(&there).unwrap(), b"old");
    run(&["mirror", "--checksum", "tree", "copy"]).ok().stderr_has(": 1 file, 3 bytes");
    assert_eq!(fs::read(&there).unwrap(), b"new");
    // With another time the content is compared, and what is equal does not travel.
    set_time(&here, 1_600_000_000);
    run(&["mirror", "tree", "copy"]).ok().stderr_has(", 1 there already\n");
    write_file(&here, b"far");
    set_time(&here, 1_600_000_001);
    run(&["mirror", "-R", "--checksum", "copy", "tree"]).ok();
    assert_eq!(fs::read(&here).unwrap(), b"new");
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let (site, _daemon) = site();
    let (local, there) = (site.local().join("tree"), site.stored("ann", "copy"));
    write_file(local.join("same"), b"same");
    write_file(there.join("same"), b"same");
    write_file(local.join("changed"), b"longer");
    write_file(there.join("changed"), b"short");
    write_file(local.join("new/file"), b"new");
    write_file(there.join("old/file"), b"old");
    let before = (all(&site.local()), all(&there));
    let run = |words: &[&str]| site.miniftp("ann", words);
    let up = "would replace copy/changed with tree/changed (6 bytes)\n\
              would make the folder copy/new\n\
              would put tree/new/file as copy/new/file (3 bytes)\n";
    run(&["mirror", "-n", "tree", "copy"]).ok().stdout(up);
    let said = run(&["mirror", "--dry-run", "--delete", "tree", "copy"]);
    said.ok().stdout(&format!("{up}would remove copy/old/\n"));
    let down = "would replace tree/changed with copy/changed (5 bytes)\n\
                would remove tree/new/\n\
                would make the folder tree/old\n\
                would get copy/old/file as tree/old/file (3 bytes)\n";
    run(&["mirror", "-nR", "--delete", "copy", "tree"]).ok().stdout(down);
    let said = run(&["put", "-r", "--dry-run", "tree", "copy"]);
    said.fails(1).stdout_has("would refuse copy/changed, which differs; --overwrite replaces it\n");
    run(&["put", "-rn", "--overwrite", "tree", "copy"]).ok().stdout(up);
    run(&["put", "-n", "tree/same", "copy/other"])
        .ok()
        .stdout("would put tree/same as copy/other (4 bytes)\n");
    run(&["get", "-n", "copy/same", "tree/same"]).ok().stdout("");
    run(&["get", "-rn", "--skip", "copy", "tree"]).ok().stdout_has("would leave tree/changed");
    assert!(before == (all(&site.local()), all(&there)));
}
