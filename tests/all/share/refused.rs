//! What cannot be shared, and what is said about it.

use std::fs;
use std::net::TcpListener;

use super::{nothing_is_left, program, tree};
use crate::harness::Site;

#[test]
fn what_cannot_be_shared_is_refused_in_a_sentence() {
    let site = Site::new();
    tree(&site, "photos");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let here = ["--bind", "127.0.0.1"];
    for (words, code, why) in [
        (&["nowhere"][..], 1, "miniftpd: nowhere: no such file or directory\n"),
        (
            &["photos/a b.txt"],
            1,
            "miniftpd: photos/a b.txt: not a directory; share the one that it is in\n",
        ),
        (&["--name", "a/b", "photos"], 1, "miniftpd: --name: `a/b` is not valid; expected the"),
        (&["--name", "..", "photos"], 1, "miniftpd: --name: `..` is not valid; expected the"),
        (&["--name", "", "photos"], 1, "miniftpd: --name: `` is not valid; expected the name"),
        (
            &["--name", "a\u{202e}b", "photos"],
            1,
            "miniftpd: --name: `a\\u{202e}b` is not valid; expected the name of a directory",
        ),
        (&["/"], 1, "miniftpd: /: the directories for temporary files are in it; share one below"),
        (&["--port", &port, "photos"], 1, "stop it, or name another port by --port\n"),
        (&["--ftp-port", &port, "photos"], 1, "stop it, or name another port by --ftp-port\n"),
        (&["--bind", "192.0.2.77", "photos"], 1, "no network of this machine has that address"),
        (&["--quota", "1G"], 2, "--quota: nothing can be stored in it without --write; try `mini"),
        (&["--for", "soon"], 2, "--for: `soon` is not valid; expected a time such as 30m, 2h or"),
    ] {
        let said = program(&site).run(&[&["share"], &here[..], words].concat());
        said.fails(code).stdout("").stderr_has(why);
        nothing_is_left(&site);
    }
    let file = site.root().join("file");
    fs::write(&file, "").unwrap();
    let said = program(&site).env("TMPDIR", file.to_str().unwrap()).run(&["share", "nowhere"]);
    said.fails(1);
}
