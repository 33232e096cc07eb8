//! The picture of a share, as the camera of a telephone sees it.

use super::{BIND, LAST, lines_of, temporary, tree};
use crate::harness::Site;
use crate::terminal::Screen;

/// Dots of an edge of a module in what the reader sees.
const SCALE: usize = 4;
/// What begins each line of the picture: black on white.
const COLOURS: &str = "\u{1b}[30;107m";

/// The modules of the picture in what a terminal shows, a row after the other; true is dark.
fn modules(shown: &str) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in shown.lines().filter_map(|line| line.split(COLOURS).nth(1)) {
        let halves: Vec<[bool; 2]> = line
            .chars()
            .map_while(|block| match block {
                ' ' => Some([false, false]),
                '\u{2580}' => Some([true, false]),
                '\u{2584}' => Some([false, true]),
                '\u{2588}' => Some([true, true]),
                _ => None,
            })
            .collect();
        rows.extend([0, 1].map(|half| halves.iter().map(|halves| halves[half]).collect()));
    }
    rows
}

/// A picture that does not fit would only be noise.
#[test]
fn it_is_there_where_a_terminal_holds_it_and_is_the_address() {
    for (columns, is_shown) in [(80, true), (30, false)] {
        let site = Site::new();
        tree(&site, "photos");
        let tmp = format!("TMPDIR={}", temporary(&site).display());
        let words = ["/usr/bin/env", &tmp, env!("CARGO_BIN_EXE_miniftpd"), "share", "photos"];
        let Some(mut screen) = Screen::of(&site, columns, &[&words[..], &BIND].concat()) else {
            return;
        };
        if is_shown {
            screen.see("The picture is the address for FTP, with user and password.");
        }
        screen.see(LAST.trim_end());
        screen.press("\u{3}");
        screen.see("Ended after 0 transfers");
        let shown = screen.all();
        assert_eq!(screen.end(), Some(0));
        let modules = modules(&shown);
        if !is_shown {
            assert!(modules.is_empty() && !shown.contains('\u{2580}'), "{shown:?}");
            continue;
        }
        let (width, height) = (modules[0].len() * SCALE, modules.len() * SCALE);
        let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            if modules[y / SCALE][x / SCALE] { 0 } else { 255 }
        });
        let codes = seen.detect_grids();
        let texts: Vec<String> = codes.iter().map(|code| code.decode().unwrap().1).collect();
        let lines = lines_of(&shown.replace('\r', ""));
        assert_eq!(texts, [address_of_curl(&lines)]);
    }
}

/// The address in the line for curl, with the user and the password that it names.
#[track_caller]
fn address_of_curl(lines: &[String]) -> String {
    let line = lines.iter().find(|line| line.starts_with("curl ")).unwrap();
    let words: Vec<&str> = line.split(' ').map(|word| word.trim_matches('\'')).collect();
    let login = words[words.iter().position(|word| *word == "-u").unwrap() + 1];
    let address = words.iter().find_map(|word| word.strip_prefix("ftp://")).unwrap();
    format!("ftp://{login}@{address}")
}
