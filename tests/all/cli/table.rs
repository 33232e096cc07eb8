//! The table of docs/CLIENT.md: what people type elsewhere, and here. Each row is run.

use std::fs;
use std::path::Path;

use super::site;
use crate::harness::{Site, write_file};

/// The lines of the last column, in their order.
fn rows() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLIENT.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text.split("\n## What you type elsewhere, and here\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 8, "{row}");
        cells[6].trim_matches('`').to_owned()
    })
    .collect()
}

/// What a row must have done: the line, words of what is printed, and a look at both sides.
type Case = (&'static str, &'static str, fn(&Site) -> bool);

const CASES: &[Case] = &[
    ("open nas", "", |_| true),
    ("ls", "docs/\nold\n", |_| true),
    ("ls -la", " .dot\n", |_| true),
    ("ls -lt", " old\n", |_| true),
    ("ls -R", "docs:\na.txt\n", |_| true),
    ("tree docs", "docs\n└── a.txt\n", |_| true),
    ("du -sh docs", "       3 B  docs\n", |_| true),
    ("find *.txt", "docs/a.txt\n", |_| true),
    ("cd docs", "", |_| true),
    ("cd ..", "", |_| true),
    ("pwd", "/\n", |_| true),
    ("lpwd", "/local\n", |_| true),
    ("lls", "pics/\nx.txt\nz.txt\n", |_| true),
    ("mkdir new", "", |site| site.stored("ann", "new").is_dir()),
    ("mkdir -p a/b", "", |site| site.stored("ann", "a/b").is_dir()),
    ("put x.txt", "", |site| is(site, "x.txt", b"x")),
    ("put x.txt new/y.txt", "", |site| is(site, "new/y.txt", b"x")),
    ("put --resume x.txt", "", |site| is(site, "x.txt", b"x")),
    ("put *.txt new/", "", |site| is(site, "new/z.txt", b"z")),
    ("put -r pics", "", |site| is(site, "pics/1.jpg", b"jpg")),
    ("get docs/a.txt", "", |site| is_here(site, "a.txt", b"abc")),
    ("get docs/a.txt b.txt", "", |site| is_here(site, "b.txt", b"abc")),
    ("get --resume docs/a.txt", "", |site| is_here(site, "a.txt", b"abc")),
    ("get -r docs got", "", |site| is_here(site, "got/a.txt", b"abc")),
    ("mirror --delete pics pics", "", |site| is(site, "pics/1.jpg", b"jpg")),
    ("mirror -R --delete docs copy", "", |site| is_here(site, "copy/a.txt", b"abc")),
    ("check pics pics", "", |_| true),
    ("cat docs/a.txt", "abc", |_| true),
    ("less docs/a.txt", "abc", |_| true),
    ("put - z", "", |site| is(site, "z", b"from a pipe")),
    ("edit docs/a.txt", "", |site| is(site, "docs/a.txt", b"abc+")),
    ("cp docs/a.txt c.txt", "", |site| is(site, "c.txt", b"abc+")),
    ("mv c.txt d.txt", "", |site| is(site, "d.txt", b"abc+")),
    ("chmod 600 d.txt", "", |site| mode(site, "d.txt") == 0o600),
    ("touch d.txt", "", |site| is(site, "d.txt", b"abc+")),
    ("hash d.txt", "  d.txt\n", |_| true),
    ("stat d.txt", "size    4 B (4 bytes)\n", |_| true),
    ("rm d.txt", "", |site| !site.stored("ann", "d.txt").exists()),
    ("rm *.txt", "", |site| !site.stored("ann", "x.txt").exists()),
    ("rm -r pics", "", |site| !site.stored("ann", "pics").exists()),
    ("rmdir a/b", "", |site| !site.stored("ann", "a/b").exists()),
    ("df", "free  use  path\n", |_| true),
    ("!true", "", |_| true),
    ("lmkdir here", "", |site| site.local().join("here").is_dir()),
    ("lcd here", "/here\n", |_| true),
    ("help", "transfer ", |_| true),
    ("close", "", |_| true),
    ("bye", "", |_| true),
];

fn is(site: &Site, path: &str, content: &[u8]) -> bool {
    fs::read(site.stored("ann", path)).is_ok_and(|found| found == content)
}

fn is_here(site: &Site, path: &str, content: &[u8]) -> bool {
    fs::read(site.local().join(path)).is_ok_and(|found| found == content)
}

fn mode(site: &Site, path: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(site.stored("ann", path)).map_or(0, |meta| meta.permissions().mode() & 0o777)
}

#[test]
fn each_row_does_what_it_says() {
    let (site, daemon) = site();
    for (path, content) in [("docs/a.txt", &b"abc"[..]), (".dot", b""), ("old", b"")] {
        write_file(site.stored("ann", path), content);
    }
    for (path, content) in [("x.txt", &b"x"[..]), ("z.txt", b"z"), ("pics/1.jpg", b"jpg")] {
        write_file(site.local().join(path), content);
    }
    write_file(
        site.local().join(".config/miniftp/config.ini"),
        format!(
            "[nas]\nhost = 127.0.0.1\nport = {}\nuser = ann\n\
             password_command = printf '%s\\n' ann-secret\n",
            daemon.port()
        )
        .as_bytes(),
    );
    let rows = rows();
    let cases: Vec<&str> = CASES.iter().map(|(line, ..)| *line).collect();
    assert_eq!(rows, cases, "the table and the cases of this test");
    let miniftp = || {
        let client = crate::harness::Miniftp::foreign(env!("CARGO_BIN_EXE_miniftp"), &site.local());
        client.env("VISUAL", "sh -c 'printf + >> \"$0\"'").env("TMPDIR", "/tmp")
    };
    for (line, out, holds) in CASES {
        // Lines of the shell come as a script; what reads standard input stands alone.
        let said = match *line == "put - z" {
            true => miniftp().input("from a pipe").run(&["nas", "put", "-", "z"]),
            false => {
                let before = if *line == "cd .." { "cd docs\n" } else { "" };
                miniftp().input(format!("{before}{line}\n")).run(&["nas"])
            }
        };
        said.ok();
        assert!(said.out.contains(out), "{line}: {}", said.tell());
        assert!(holds(&site), "{line}: {}", said.tell());
    }
}
