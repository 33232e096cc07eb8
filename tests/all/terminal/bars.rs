//! Bars: they never run backwards, never show the end before it is confirmed, and fit.

use unicode_width::UnicodeWidthStr;

use super::{MIB, Screen, site};
use crate::harness::{Proxy, Way, bytes, password, write_file};

/// The shares in percent that were shown, in order.
fn shares(shown: &str) -> Vec<f64> {
    let frames = shown.split(['\r', '\n']);
    let share = |frame: &str| {
        let before = frame.split(" %").next()?.trim_end();
        let number = before.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        number.parse().ok()
    };
    frames
        .filter(|frame| frame.contains(" %") && !frame.contains("miniftp: "))
        .filter_map(share)
        .collect()
}

#[test]
fn a_bar_only_grows_through_every_break() {
    let (site, daemon) = site();
    let content = bytes(1, 40 * MIB);
    write_file(site.local().join("up"), &content);
    write_file(site.stored("ann", "down"), &content);
    for (columns, verb, way, name) in [(120, "put", Way::Up, "up"), (70, "get", Way::Down, "down")]
    {
        let mut proxy = Proxy::to(daemon.addr()).cut_after(way, 12 * MIB as u64);
        for _ in 0..3 {
            proxy = proxy.then().cut_after(way, 11 * MIB as u64);
        }
        let words = ["-u", "ann", verb, name];
        let Some(mut screen) = Screen::wide(&site, proxy.addr().port(), columns, &words) else {
            return;
        };
        screen.see("Password of ann: ");
        screen.enter(&password("ann"));
        let shown = screen.see(&format!("{verb} {name}: {} bytes in ", content.len()));
        assert_eq!(screen.end(), Some(0));
        let shares = shares(&shown);
        // Each break is told on a line of its own and the bar drawn anew below it.
        assert!(shares.len() >= 5, "{shown:?}");
        assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]), "{shares:?}");
        assert!(shares.iter().all(|share| *share < 100.0), "{shares:?}");
        for frame in shown.split(['\r', '\n']).filter(|frame| !frame.contains("miniftp: ")) {
            assert!(frame.chars().count() <= columns, "{frame:?}");
        }
    }
}

#[test]
fn a_bar_follows_the_terminal_when_it_gets_narrower() {
    const NARROW: usize = 40;
    let (site, daemon) = site();
    let name = "名".repeat(20) + &"x".repeat(60);
    write_file(site.local().join(&name), &bytes(1, 8 * MIB));
    let words = ["-u", "ann", "--limit-rate", "4M", "put", &name];
    let Some(mut screen) = Screen::wide(&site, daemon.port(), 120, &words) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see(" %");
    screen.resize(NARROW);
    let shown = screen.see("8388608 bytes in ");
    assert_eq!(screen.end(), Some(0));
    let frames = shown.split(['\r', '\n']).filter(|frame| frame.contains(" %"));
    let widths: Vec<usize> = frames
        .map(|frame| frame.trim_start_matches("\u{1b}[1A").trim_start_matches("\u{1b}[J").width())
        // Some may have been drawn before.
        .skip_while(|width| *width > NARROW)
        .collect();
    assert!(widths.len() >= 3 && widths.iter().all(|width| *width <= NARROW), "{shown:?}");
}

/// The demo's bars are the client's: what did not travel is not shown as if it had.
#[test]
fn the_demo_shows_what_happens_and_nothing_else() {
    let site = crate::harness::Site::new();
    let demo = [env!("CARGO_BIN_EXE_miniftpd"), "demo"];
    let Some(mut screen) = Screen::of(&site, 100, &demo) else { return };
    screen.see("3. It puts a file");
    let first = screen.see("   put engine.bin: 50331648 bytes in ");
    screen.see("4. It gets the file back.");
    let second = screen.see("   get engine.bin: 50331648 bytes in ");
    screen.see("   Put once more:\r\n");
    let third = screen.see("   put engine.bin: the same file is there already");
    for shown in [&first, &second] {
        let shares = shares(shown);
        assert!(shares.len() >= 2, "{shown:?}");
        assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]), "{shares:?}");
        assert!(shares.iter().all(|share| *share < 100.0), "{shares:?}");
    }
    assert!(shares(&third).iter().all(|share| *share == 0.0), "{third:?}");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn a_resumed_bar_begins_where_it_was() {
    let (site, daemon) = site();
    let content = bytes(1, 8 * MIB);
    write_file(site.stored("ann", "f"), &content);
    write_file(site.local().join(".f.miniftp-part"), &content[..6 * MIB]);
    let words = ["-u", "ann", "get", "--resume", "f"];
    let Some(mut screen) = Screen::start(&site, daemon.port(), &words) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    let shown = screen.see("get f: 8388608 bytes in ");
    assert_eq!(screen.end(), Some(0));
    let shares = shares(&shown);
    assert!(!shares.is_empty() && shares.iter().all(|s| (75.0..100.0).contains(s)), "{shown:?}");
}

#[test]
fn there_is_no_bar_where_nobody_sees_it_or_wants_it() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), &bytes(1, 8 * MIB));
    let said = site.miniftp("ann", &["put", "f"]);
    said.ok().stdout("");
    assert!(said.err.lines().count() == 1 && !said.err.contains(['\r', '%']), "{}", said.tell());
    site.miniftp("ann", &["--no-progress", "put", "f", "g"]).ok().stdout("").stderr("");
    let words = ["-u", "ann", "--no-progress", "put", "f", "h"];
    let Some(mut screen) = Screen::start(&site, daemon.port(), &words) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    let all = screen.shown_to_the_end();
    assert!(!all.contains('%'), "{all:?}");
}
