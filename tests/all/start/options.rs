//! The command line: what a command does not take is refused and does nothing.

use super::miniftpd;
use crate::harness::{Site, snapshot};

/// An option that counted for nothing looked as if it had: `init --conf DIR` made the settings in
/// the working directory.
#[test]
fn what_a_command_does_not_take_is_refused() {
    let site = Site::new();
    let dir = site.local();
    let before = snapshot(&dir);
    let cases: [(&[&str], &str); 13] = [
        (&["--conf", "c", "share"], "`share` has no option --conf"),
        (&["--home", "h", "share", "."], "`share` has no option --home"),
        (&["demo", "--listen", "0"], "`demo` has no option --listen"),
        (&["--console", "man"], "`man` has no option --console"),
        (&["init", "--ftp", "off"], "`init` has no option --ftp"),
        (&["paths", "--wait"], "`paths` has no option --wait"),
        (&["verify", "--listen", "0"], "`verify` has no option --listen"),
        (&["top", "--ftp", "0"], "`top` has no option --ftp"),
        (&["--wait", "account", "list"], "`account` has no option --wait"),
        (&["check", "--console"], "`check` has no option --console"),
        (&["check", "demo"], "unexpected argument \"demo\""),
        (&["man", "share"], "unexpected argument \"share\""),
        (&["paths", "account"], "unexpected argument \"account\""),
    ];
    for (words, why) in cases {
        let said = miniftpd(&dir, words);
        said.fails(2).stdout("").stderr(&format!("miniftpd: {why}; try `miniftpd --help`\n"));
    }
    assert!(snapshot(&dir) == before);
}

#[test]
fn help_is_a_word_too() {
    let site = Site::new();
    let help = miniftpd(&site.local(), &["--help"]);
    for words in [&["help"][..], &["help", "init"], &["init", "--help"], &["-h"]] {
        miniftpd(&site.local(), words).ok().stdout(&help.out);
    }
}
