//! Commands from standard input: one a line, to the first failure.

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::site;
use crate::harness::{Pipe, eventually, password, write_file};

#[test]
fn a_batch_does_its_lines_in_order() {
    let (site, _daemon) = site();
    write_file(site.local().join("with blank"), b"x");
    let script = "# a remark\n\n   \nmkdir docs\n  cd docs  \r\npwd\nput 'with blank'\nls\n\
        ls with\\ blank\ncd \"..\"\n-rm nothing\n- ls docs\nquit\npwd\n";
    let said = site.client("ann").input(script).run(&["--no-progress"]);
    said.ok().stdout("/docs\nwith blank\nwith blank\nwith blank\n");
    said.stderr("miniftp: no such file or folder: `/nothing`\n");
    // The last line may lack its end.
    site.client("ann").input("pwd").run(&[]).ok().stdout("/\n").stderr("");
    site.client("ann").input("").run(&[]).ok().stdout("").stderr("");
}

/// What editors of other systems put into a script does no harm.
#[test]
fn a_byte_order_mark_and_carriage_returns_do_no_harm() {
    let (site, _daemon) = site();
    write_file(site.local().join("x"), b"x");
    for script in [
        "\u{feff}mkdir docs\r\ncd docs\r\nput ../x 'a b'\r\nput ../x c\r\nls\r\nrm *\r\n\
         rmdir /docs\r\n\r\nquit\r\n",
        "\u{feff}# a remark\nmkdir docs\ncd docs\nput ../x 'a b'\n\u{feff}put ../x c\nls\nrm *\n\
         rmdir /docs",
    ] {
        let script = script.replace("../x", site.local().join("x").to_str().unwrap());
        let said = site.client("ann").input(script).run(&["--no-progress"]);
        said.ok().stdout("a b\nc\n").stderr("");
    }
    let utf16: Vec<u8> = "\u{feff}ls\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let said = site.client("ann").input(utf16).run(&[]);
    said.fails(1).stderr("miniftp: line 1 of standard input is UTF-16; save it as UTF-8\n");
}

/// A batch that waits for its next line.
#[test]
fn ctrl_c_ends_a_batch_that_waits() {
    let (site, _daemon) = site();
    let mut command = Command::new(env!("CARGO_BIN_EXE_miniftp"));
    // A key that whoever runs the tests remembers of the same port would end it.
    command.env("XDG_STATE_HOME", site.root());
    let port = site.addr().port().to_string();
    command.args(["-P", &port, "-u", "ann"]).env("MINIFTP_PASSWORD", password("ann"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut script = child.stdin.take().unwrap();
    script.write_all(b"pwd\n").unwrap();
    let out = Pipe::collect(child.stdout.take().unwrap());
    assert!(out.wait_for(|text| text.contains("/\n").then_some(())).is_some());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let err = Pipe::collect(child.stderr.take().unwrap());
    if !err.wait_for_end() {
        child.kill().unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(err.text(), "miniftp: stopped\n");
    drop(script);
}

/// Results that nobody reads on: the pipe is full.
#[test]
fn ctrl_c_ends_a_command_whose_reader_has_stopped_reading() {
    let (site, _daemon) = site();
    for name in 0..400 {
        write_file(site.stored("ann", &format!("{name:0>200}")), b"");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_miniftp"));
    // A key that whoever runs the tests remembers of the same port would end it.
    command.env("XDG_STATE_HOME", site.root());
    let port = site.addr().port().to_string();
    command.args(["-P", &port, "-u", "ann", "ls"]).env("MINIFTP_PASSWORD", password("ann"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let unread = child.stdout.take().unwrap();
    let err = Pipe::collect(child.stderr.take().unwrap());
    eventually("the pipe is full", || rustix::io::ioctl_fionread(&unread).unwrap() > 60 * 1024);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    if !err.wait_for_end() {
        child.kill().unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130), "{}", err.text());
    assert_eq!(err.text(), "miniftp: stopped\n");
}

/// Messages that nobody reads on: they went to standard error by themselves, past the look at
/// whether the user has had enough.
#[test]
fn ctrl_c_ends_a_command_whose_messages_nobody_reads() {
    let (site, _daemon) = site();
    let names: Vec<String> = (0..400).map(|name| format!("{name:0>200}")).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_miniftp"));
    // A key that whoever runs the tests remembers of the same port would end it.
    command.env("XDG_STATE_HOME", site.root());
    let port = site.addr().port().to_string();
    command.args(["-P", &port, "-u", "ann", "stat"]).args(names);
    command.env("MINIFTP_PASSWORD", password("ann"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = Pipe::collect(child.stdout.take().unwrap());
    let unread = child.stderr.take().unwrap();
    eventually("the pipe is full", || rustix::io::ioctl_fionread(&unread).unwrap() > 56 * 1024);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    if !out.wait_for_end() {
        child.kill().unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(unread);
}

#[test]
fn a_batch_stops_at_the_first_failure_and_says_where() {
    let (site, _daemon) = site();
    let long = format!("put '{}'\n", "x".repeat(5_000));
    let table: &[(&str, &str)] = &[
        ("rm nix\n", "no such file or folder: `/nix`\nmin: stopped at line 2: rm nix"),
        (
            "xyzzy\n",
            "unknown command `xyzzy`; `help` lists the commands\nmin: stopped at line 2: xyzzy",
        ),
        ("cd 'x\n", "the quote `'` is not closed\nmin: stopped at line 2: cd 'x"),
        (
            "pwd \u{1b}x\n",
            "`pwd` takes less; quote names with blanks; usage: pwd [--json]\n\
             min: stopped at line 2: pwd \\u{1b}x",
        ),
    ];
    for (line, said) in table {
        let script = format!("pwd\n{line}mkdir never\n");
        let done = site.client("ann").input(script).run(&[]);
        let said = format!("miniftp: {}\n", said.replace("min:", "miniftp:"));
        done.fails(1).stdout("/\n").stderr(&said);
    }
    for line in [long.as_bytes(), b"ls \xff\xfe\n", b"ls \0\n"] {
        let script = [b"pwd\n", line, b"mkdir never\n"].concat();
        let done = site.client("ann").input(script).run(&[]);
        done.fails(1).stdout("/\n");
        assert!(!done.err.contains("panicked"), "{}", done.tell());
    }
    site.miniftp("ann", &["ls"]).ok().stdout("");
}

#[test]
fn wildcards_are_expanded_on_either_side() {
    let (site, _daemon) = site();
    for name in ["a.txt", "b.txt", "c.dat", ".hidden.txt", "d/e.txt", "star*"] {
        write_file(site.local().join(name), name.as_bytes());
    }
    let script = "mkdir all\nput *.txt d/?.txt all\nls all\nput 'star*' all\nrm all/star\\*\n\
        rm all/[ab].txt\nls all\n-rm *.nix\n-put *.nix\nrm all/*\nls all\n";
    let said = site.client("ann").input(script).run(&["--no-progress"]);
    said.ok().stdout("a.txt\nb.txt\ne.txt\ne.txt\n");
}
