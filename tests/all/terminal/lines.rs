//! The one line about what is under way: for lists and folders as for files, and while the line is
//! broken.

use super::{MIB, Screen, site};
use crate::harness::{Miniftp, Output, Proxy, Way, bytes, password, write_file};

/// Every state of the line that was shown.
fn frames(shown: &str) -> Vec<&str> {
    shown.split(['\r', '\n']).map(str::trim_end).filter(|frame| !frame.is_empty()).collect()
}

/// The numbers before these words, in order.
fn before(frames: &[&str], words: &str) -> Vec<f64> {
    let number = |frame: &&str| {
        let text = frame.split_once(words)?.0.trim_end();
        text.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?.parse().ok()
    };
    frames.iter().filter_map(number).collect()
}

#[track_caller]
fn start(site: &crate::harness::Site, port: u16, columns: usize, words: &[&str]) -> Option<Screen> {
    let words = [&["-u", "ann"], words].concat();
    let mut screen = Screen::wide(site, port, columns, &words)?;
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    Some(screen)
}

/// Lists showed no totals, and each file its own bar from 0 to 100.
#[test]
fn lists_and_folders_show_files_bytes_and_percent_of_all() {
    let (site, daemon) = site();
    for n in 0..6 {
        let content = bytes(n, 3 * MIB + n as usize);
        write_file(site.local().join(format!("f{n}")), &content);
        write_file(site.local().join("tree/below").join(format!("f{n}")), &content);
    }
    let list = ["f0", "f1", "f2", "f3", "f4", "f5", "."];
    for words in [
        [&["put"][..], &list].concat(),
        vec!["put", "-r", "tree"],
        vec!["get", "-r", "tree", "back"],
        [&["get", "--overwrite"][..], &list[..6], &["back"]].concat(),
    ] {
        let Some(screen) = start(&site, daemon.port(), 130, &words) else { return };
        let shown = screen.shown_to_the_end();
        let frames = frames(&shown);
        let files = before(&frames, "/6 files");
        assert!(files.first() == Some(&0.0), "{words:?}: {shown:?}");
        let share = before(&frames, " %");
        for rising in [&files, &share] {
            assert!(rising.windows(2).all(|pair| pair[0] <= pair[1]), "{words:?}: {shown:?}");
        }
        assert!(share.iter().all(|share| *share < 100.0), "{words:?}: {shown:?}");
        assert!(frames.iter().any(|frame| frame.contains(" of 18.0 MiB ")), "{words:?}: {shown:?}");
        let end = frames.last().unwrap();
        assert!(end.contains(": 6 files, 18874383 bytes in "), "{words:?}: {shown:?}");
    }
}

/// Each attempt left a line of its own.
#[test]
fn while_the_line_is_broken_one_line_counts_down() {
    let (site, mut daemon) = site();
    let half = 4 * MIB as u64;
    for (columns, name) in [(120, "up"), (40, "down")] {
        write_file(site.local().join(name), &bytes(5, 8 * MIB));
        let proxy = Proxy::to(daemon.addr()).cut_after(Way::Up, half);
        let words = ["put", name];
        let Some(mut screen) = start(&site, proxy.addr().port(), columns, &words) else { return };
        proxy.wait_for_bytes(Way::Up, half);
        daemon.kill9();
        let words = "trying again in 1.";
        let mut shown = screen.see(words) + words;
        daemon.restart();
        shown += &screen.see("bytes in ");
        assert_eq!(screen.end(), Some(0));
        let seconds = |frame: &&str| {
            let (_, left) = frame.split_once("trying again in ")?;
            left.trim_end_matches(" s").parse::<f64>().ok()
        };
        let left: Vec<f64> = frames(&shown).iter().filter_map(seconds).collect();
        let falling = left.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(falling > 8, "{columns}: {left:?} in {shown:?}");
        assert!(!shown.trim_start().contains('\n'), "{columns}: it is one line: {shown:?}");
        for frame in frames(&shown) {
            assert!(frame.chars().count() < columns, "{columns}: {frame:?}");
            let is_wait = frame.contains("trying again in ");
            assert!(is_wait || !frame.contains("miniftp: "), "{columns}: {frame:?}");
        }
    }
}

/// What comes at the end says what failed and what was left out, by name.
#[test]
fn the_end_of_a_list_sums_up() {
    let (site, daemon) = site();
    for (name, content) in [("a", "new"), ("b", "same"), ("c", "third")] {
        write_file(site.local().join(name), content.as_bytes());
    }
    write_file(site.stored("ann", "a"), b"older");
    write_file(site.stored("ann", "b"), b"same");
    std::os::unix::fs::symlink("c", site.local().join("link")).unwrap();
    let run =
        |words: &[&str]| -> Output { Miniftp::new(&site.local(), daemon.addr(), "ann").run(words) };
    let said = run(&["put", "a", "b", "c", "missing", "."]);
    said.fails(1).stderr_has("\nput: 1 file, 5 bytes in ");
    said.stderr_has(", 1 there already, 2 failed\nfailed: a, missing\n");
    write_file(site.local().join("tree/x"), b"x");
    std::os::unix::fs::symlink("x", site.local().join("tree/link")).unwrap();
    run(&["put", "-r", "tree"]).ok().stderr_has(", 1 left alone\nleft out: tree/link\n");
    run(&["--quiet", "put", "c", "quiet"]).ok().stderr("");
    run(&["-q", "put", "a"]).fails(1).stderr_has("--overwrite replaces it");
    let said = run(&["-v", "put", "-r", "tree", "again"]);
    said.ok().stderr_has("put tree/x: 1 bytes in ").stderr_has("put tree: 1 file, 1 bytes in ");
}

/// A name of 255 bytes, wide and combining characters: nothing is wider than the terminal.
#[test]
fn long_wide_and_combining_names_keep_to_the_line() {
    let (site, daemon) = site();
    let names = ["名".repeat(85), "e\u{301}".repeat(85), "x".repeat(255), "👩‍👩‍👧".repeat(14)];
    for name in &names {
        write_file(site.local().join("tree").join(name), &bytes(1, 2 * MIB));
    }
    for columns in [7, 40, 90] {
        let words = ["put", "-r", "--overwrite", "tree"];
        let Some(screen) = start(&site, daemon.port(), columns, &words) else { return };
        let shown = screen.shown_to_the_end();
        let drawn = shown
            .split(['\r', '\n'])
            .filter(|frame| frame.starts_with("put") && !frame.contains(" s"));
        for frame in drawn {
            let wide: usize = frame.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum();
            let combining = frame.chars().filter(|c| matches!(c, '\u{301}' | '\u{200d}')).count();
            assert!(wide - combining.min(wide) < columns, "{columns}: {frame:?}");
        }
    }
}
