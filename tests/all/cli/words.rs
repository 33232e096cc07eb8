//! Words on the command line: usage, help, version, and the results of commands.

use std::fs::File;
use std::process::{Command, Stdio};

use super::site;
use crate::harness::{bytes, snapshot, write_file};

#[test]
fn what_cannot_be_understood_ends_with_2_and_one_line() {
    let (site, _daemon) = site();
    let put = "usage: put [-r] [--resume|--overwrite|--skip] [--no-mode] [-n] [-q|-v] \
        [--limit-rate RATE] [--parallel N] [--json] LOCAL... [REMOTE]";
    let table: &[(&[&str], &str)] = &[
        (&["xyzzy"], "unknown command `xyzzy`; `help` lists the commands"),
        (&["ptu", "a"], "unknown command `ptu`; did you mean `put`?"),
        (&["a\u{1b}[2Jb"], "unknown command `a\\u{1b}[2Jb`; `help` lists the commands"),
        (&["put"], &format!("`put` needs more; {put}")),
        (
            &["put", "-x", "a"],
            &format!("`put` has no option `-x`; write `./-x` for a file of that name; {put}"),
        ),
        (
            &["put", "--overwrite", "--skip", "a"],
            &format!("--overwrite and --skip exclude each other; {put}"),
        ),
        (
            &["hash", "--md5", "--blake3", "a"],
            "--md5 and --blake3 exclude each other; usage: hash [--md5|--sha256|--blake3] [--json] \
             PATH...",
        ),
        (&["mv", "a"], "`mv` needs more; usage: mv [-f] FROM... TO"),
        (&["edit", "a", "b"], "`edit` takes less; quote names with blanks; usage: edit PATH"),
        (&["pwd", "a"], "`pwd` takes less; quote names with blanks; usage: pwd [--json]"),
        (&["help", "xyzzy"], "unknown command `xyzzy`; `help` lists the commands"),
        (&["--port", "x", "ls"], "the port must be from 1 to 65535, got `x`"),
        (&["-P", "65536", "ls"], "the port must be from 1 to 65535, got `65536`"),
        (&["-P", "-1", "ls"], "the port must be from 1 to 65535, got `-1`"),
        (&["--tries", "0", "ls"], "the tries must be a number from 1 on, got `0`"),
        (&["--digest", "sha1", "ls"], "the digest must be md5 or blake3, got `sha1`"),
        (&["-s", "", "ls"], "the server and the user must not be empty"),
        (&["--nonsense"], "invalid option `--nonsense`; `miniftp --help` shows the options"),
    ];
    for (words, line) in table {
        let said = site.miniftp("ann", words);
        said.fails(2).stdout("").stderr(&format!("miniftp: {line}\n"));
    }
}

#[test]
fn a_password_is_never_an_argument() {
    let (site, _daemon) = site();
    for words in [&["-p", "hunter2", "ls"][..], &["-phunter2", "ls"], &["--password=hunter2", "ls"]]
    {
        let said = site.miniftp("ann", words);
        said.fails(2).stdout("").stderr(
            "miniftp: a password is never an argument, because everybody on this machine can \
             read arguments; wait to be asked, set MINIFTP_PASSWORD or use --password-file FILE \
             (the port is -P)\n",
        );
    }
}

#[test]
fn help_knows_every_command_and_needs_no_server() {
    let (site, _daemon) = site();
    let all = site.miniftp("ann", &["help"]);
    all.ok().stderr("").stdout_has("transfer ");
    let (list, _) = all.out.split_once("\n\n").unwrap();
    let names: Vec<&str> = list.lines().flat_map(|line| line[14..].split_whitespace()).collect();
    assert!(names.len() > 24, "{}", all.tell());
    for name in names {
        let one = site.miniftp("ann", &["help", name]);
        one.ok().stderr("").stdout_has("\n  example: ");
        let usage = one.out.lines().next().unwrap();
        assert_eq!(usage.split_whitespace().next(), Some(name), "{}", one.tell());
        for option in usage.split([' ', '[', ']', '|']).filter(|word| word.starts_with('-')) {
            assert!(one.out.matches(option).count() >= 2, "{option}: {}", one.tell());
        }
    }
    // A terminal has 24 lines of 80 columns, and one is the prompt's.
    assert!(all.out.lines().count() <= 23, "{}", all.tell());
    assert!(all.out.lines().all(|line| line.len() < 80), "{}", all.tell());
    // As users of other programs ask.
    let one = site.miniftp("ann", &["help", "mirror"]);
    site.miniftp("ann", &["mirror", "--help"]).ok().stdout(&one.out);
    site.miniftp("ann", &["help", "quit"]).ok().stdout(
        "quit\n  leave, or return to the menu if you came from it\n  also: q, exit, bye\n  \
         example: quit\n",
    );
    let help = site.miniftp("ann", &["--help"]);
    help.ok()
        .stderr("")
        .stdout_has("usage: miniftp [OPTIONS] [[USER@]HOST[:PORT][/PATH]] [COMMAND ");
    assert!(help.out.ends_with(&all.out), "{}", help.tell());
    let without = if miniftp::tls::IS_BUILT { "" } else { " (without TLS)" };
    let version = format!("miniftp {}{without}\n", env!("CARGO_PKG_VERSION"));
    for word in ["-V", "--version"] {
        site.miniftp("ann", &[word]).ok().stdout(&version).stderr("");
    }
    site.miniftp("ann", &["quit"]).ok().stdout("").stderr("");
}

#[test]
fn results_are_on_standard_output_and_nothing_else_is() {
    let (site, _daemon) = site();
    write_file(site.stored("ann", "hello.txt"), b"hello");
    write_file(site.stored("ann", "notes/b"), b"");
    write_file(site.stored("ann", "notes/A"), b"");
    write_file(site.local().join("here"), b"x");
    let table: &[(&[&str], &str)] = &[
        (&["ls"], "hello.txt\nnotes/\n"),
        (&["ls", "notes"], "A\nb\n"),
        (&["ls", "hello.txt"], "hello.txt\n"),
        (&["ls", "notes", "hello.txt"], "hello.txt\nnotes:\nA\nb\n"),
        (&["LS", "/notes/"], "A\nb\n"),
        (&["dir", "notes/../notes"], "A\nb\n"),
        (&["pwd"], "/\n"),
        (&["mkdir", "-p", "x/y/z"], ""),
        (&["ls", "x/y"], "z/\n"),
        (&["rmdir", "x/y/z"], ""),
        (&["rm", "-r", "x"], ""),
        (&["cd", "notes"], ""),
        (&["mv", "notes/b", "notes/c"], ""),
        (&["mv", "hello.txt", "notes"], ""),
        (&["hash", "notes/hello.txt"], "5d41402abc4b2a76b9719d911017c592  notes/hello.txt\n"),
        (
            &["hash", "--sha256", "notes/hello.txt"],
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  notes/hello.txt\n",
        ),
        (
            &["hash", "--blake3", "notes/hello.txt"],
            "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f  notes/hello.txt\n",
        ),
        (
            &["quota"],
            "used            5 B (5 bytes)\nlimit     100.0 MiB (104857600 bytes)\nfree      \
             100.0 MiB (104857595 bytes)\nentries           4 of 100000, 99996 free\n",
        ),
        (&["parts"], ""),
        (&["lls"], "here\n"),
    ];
    for (words, out) in table {
        site.miniftp("ann", words).ok().stdout(out).stderr("");
    }
    site.miniftp("ann", &["lpwd"]).ok().stdout(&format!("{}\n", site.local().display()));
}

#[test]
fn refusals_are_one_line_and_end_with_1() {
    let (site, _daemon) = site();
    write_file(site.stored("ann", "f"), b"f");
    write_file(site.stored("ann", "g"), b"g");
    write_file(site.stored("ann", "d/in"), b"in");
    let table: &[(&[&str], &str)] = &[
        (&["ls", "nix"], "no such file or folder: `/nix`"),
        (&["cd", "nix"], "no such file or folder: `/nix`"),
        (&["cd", "f"], "`/f` is not a folder"),
        (&["cd", "f/x/y"], "`/f` is not a folder"),
        (&["mkdir", "f/x/y"], "`/f` is not a folder"),
        (&["cd", ".."], "Permission denied!"),
        (&["cd", "d/../../d"], "Permission denied!"),
        (&["mkdir", "d"], "`/d` exists already"),
        (&["mkdir", "x/y"], "no such file or folder: `/x/y`; `mkdir -p` makes those above too"),
        (&["rmdir", "d"], "the folder `/d` is not empty"),
        (&["rmdir", "f"], "`/f` is not a folder"),
        (&["rm", "d"], "`d` is a folder; say `rm -r` to remove it with all it holds"),
        (&["rm", "nix"], "no such file or folder: `/nix`"),
        (&["mv", "f", "g"], "`/g` exists already; `mv -f` replaces it"),
        (&["stat", "nix"], "no such file or folder: `/nix`"),
        (&["hash", "d"], "`/d` is a folder"),
        (&["forget", "nix"], "no such file or folder: `/nix`"),
        (&["lcd", "nix"], "`nix`: cannot go there: no such file or directory"),
        (&["lls", "nix"], "`nix`: cannot list it: no such file or directory"),
    ];
    for (words, line) in table {
        site.miniftp("ann", words).fails(1).stdout("").stderr(&format!("miniftp: {line}\n"));
    }
}

#[test]
fn a_reader_that_has_gone_is_a_quiet_end_and_a_full_disk_is_not() {
    let (site, daemon) = site();
    for i in 0..3_000 {
        write_file(site.stored("ann", &format!("{}-{i}", "long name ".repeat(8))), b"");
    }
    write_file(site.stored("ann", "f"), &bytes(1, 10));
    let port = daemon.port().to_string();
    let run = |words: &[&str], out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_miniftp"));
        command.args(["-u", "ann", "-P", &port]).args(words);
        command.env("MINIFTP_PASSWORD", crate::harness::password("ann"));
        command.env("XDG_STATE_HOME", site.root());
        command.current_dir(site.local()).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for words in [&["ls"][..], &["help"], &["--help"], &["--version"]] {
        let mut child = run(words, Stdio::piped());
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success() && said.is_empty(), "{words:?}: {} {said}", done.status);

        let done = run(words, full().into()).wait_with_output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{words:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{words:?}: {said}");
        assert!(
            said.starts_with("miniftp: cannot write to standard output: "),
            "{words:?}: {said}"
        );
    }
    // Of what goes into a pipe or device no part stays.
    for words in [&["cat", "f"][..], &["get", "f", "-"]] {
        let done = run(words, full().into()).wait_with_output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{words:?}: {said}");
        let expected = "miniftp: cannot write to standard output: no space left on device\n";
        assert!(said.ends_with(expected), "{words:?}: {said}");
    }
}

/// A variable that is empty would mean the current folder: `mirror --delete tree "$TO"` removed
/// everything there.
#[test]
fn an_empty_name_is_no_path() {
    let (site, _daemon) = site();
    write_file(site.local().join("f"), b"f");
    write_file(site.stored("ann", "g"), b"g");
    let before = snapshot(&site.stored("ann", ""));
    for words in [
        &["put", "f", ""][..],
        &["put", ""],
        &["get", "g", ""],
        &["get", "-r", "", "x"],
        &["mirror", "--delete", "f", ""],
        &["mirror", "-R", "--delete", "", "f"],
        &["check", "f", ""],
        &["cp", "g", ""],
        &["mv", "g", ""],
        &["rm", "-r", ""],
        &["rmdir", ""],
        &["mkdir", ""],
        &["touch", ""],
        &["chmod", "600", ""],
        &["cd", ""],
        &["ls", ""],
        &["lls", ""],
    ] {
        let said = site.miniftp("ann", words);
        said.fails(2).stdout("");
        said.stderr("miniftp: an empty name is no path; say `.` for the current folder\n");
    }
    assert!(snapshot(&site.stored("ann", "")) == before && site.local().join("f").exists());
    // A variable that is empty says nothing; here that there is no password but the one to ask for.
    let said = site.client("ann").env("MINIFTP_PASSWORD", "").run(&["ls"]);
    said.fails(4).stderr_has("there is no terminal to ask for the password of ann");
}
