//! `miniftpd man`: a page that the system's own programs can show.

use super::miniftpd;
use crate::harness::{Miniftp, Site};

#[test]
fn the_manual_page_is_whole_and_can_be_shown() {
    let site = Site::new();
    let said = miniftpd(&site.local(), &["man"]);
    said.ok().stderr("").stdout_has(".TH MINIFTPD 8 ");
    let help = miniftpd(&site.local(), &["--help"]);
    let options = help.out.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    for option in options.map(|line| line.split([' ', ',']).next().unwrap().replace('-', "\\-")) {
        said.stdout_has(&format!("\n.B \\-\\-{option}"));
    }
    if std::process::Command::new("mandoc").arg("-V").output().is_ok() {
        let lint = Miniftp::foreign("mandoc", &site.local()).input(said.out.clone());
        lint.run(&["-Tlint", "-Wwarning"]).ok();
    }
    if std::process::Command::new("groff").arg("--version").output().is_err() {
        eprintln!("skipped: there is no groff");
        return;
    }
    let shown = Miniftp::foreign("groff", &site.local()).input(said.out.clone());
    let shown = shown.run(&["-man", "-Tutf8", "-ww"]);
    shown.ok().stderr("").stdout_has("MINIFTPD");
}
