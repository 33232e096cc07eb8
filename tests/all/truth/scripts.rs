//! Scripts: a batch that could not be finished, and a file that was passed over.

use super::site;
use crate::harness::write_file;

#[test]
fn a_batch_whose_output_is_gone_fails_while_commands_remain() {
    let (site, _daemon) = site();
    write_file(site.local().join("f"), b"f");
    for (lines, status) in [
        ("pwd\nput f\n", 1),
        ("pwd\n\n# a remark\n  put f", 1),
        ("-pwd\nput f\n", 1),
        ("pwd\nquit\nput f\n", 0),
        ("pwd\n", 0),
        ("pwd\n\n# the end\n", 0),
        ("put f\npwd\n", 0),
    ] {
        // Its output is closed before it has a line to answer.
        let mut running = site.client("ann").typed().unread().spawn(&["--no-progress"]);
        running.type_line(lines);
        let said = running.wait();
        said.fails(status);
        let stored = site.stored("ann", "f");
        assert_eq!(stored.exists(), lines.starts_with("put"), "{lines:?} {}", said.tell());
        let told = said.err.contains("standard output") && said.err.contains("line 1");
        assert_eq!(told, status == 1, "{lines:?} {}", said.tell());
        let _ = std::fs::remove_file(stored);
    }
    // One command alone ends quietly, as in `miniftp ls | head`.
    let mut running = site.client("ann").unread().typed().spawn(&["ls"]);
    running.type_line("");
    running.wait().ok().stderr("");
}

#[test]
fn what_was_passed_over_is_told_always() {
    let (site, _daemon) = site();
    write_file(site.local().join("f"), b"new");
    write_file(site.local().join("tree/f"), b"new");
    write_file(site.stored("ann", "f"), b"there");
    write_file(site.stored("ann", "tree/f"), b"there");
    write_file(site.local().join("back/f"), b"here");
    let line = "left alone, because something of that name is there\n";
    let put = site.miniftp("ann", &["--no-progress", "put", "--skip", "f"]);
    put.ok().stdout("").stderr(&format!("put f: {line}"));
    let get = site.miniftp("ann", &["--no-progress", "get", "--skip", "f", "back"]);
    get.ok().stdout("").stderr(&format!("get f: {line}"));
    let script = "put --skip f\n";
    let said = site.client("ann").input(script).run(&["--no-progress"]);
    said.ok().stderr(&format!("put f: {line}"));
    for words in [["put", "-r", "--skip", "tree"], ["get", "-r", "--skip", "tree"]] {
        if words[0] == "get" {
            write_file(site.local().join("tree/f"), b"here");
        }
        let said = site.client("ann").run(&[&["--no-progress"][..], &words].concat());
        said.ok().stderr_has(", 1 left alone\n");
    }
}
