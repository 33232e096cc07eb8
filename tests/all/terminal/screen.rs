//! A terminal with a program on it, and somebody who reads and types.

use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::harness::{Pipe, Site};

/// See the module; dropped, the program is left without its terminal and ends.
pub struct Screen {
    child: Child,
    keys: ChildStdin,
    shown: Pipe,
    /// What was seen already.
    seen: usize,
}

impl Screen {
    /// Starts the client on a terminal; `None` where there is no Python to make one.
    #[track_caller]
    pub fn start(site: &Site, port: u16, words: &[&str]) -> Option<Screen> {
        Screen::wide(site, port, 120, words)
    }

    /// The same with so many columns.
    #[track_caller]
    pub fn wide(site: &Site, port: u16, columns: usize, words: &[&str]) -> Option<Screen> {
        let port = port.to_string();
        let client = [env!("CARGO_BIN_EXE_miniftp"), "-P", &port];
        Screen::of(site, columns, &[&client[..], words].concat())
    }

    /// The client with its standard error in this file of [`Site::local`].
    #[track_caller]
    pub fn silent(site: &Site, port: u16, errors: &str, words: &[&str]) -> Option<Screen> {
        let port = port.to_string();
        let redirect = format!("exec \"$0\" \"$@\" 2>{errors}");
        let client = ["/bin/sh", "-c", &redirect, env!("CARGO_BIN_EXE_miniftp"), "-P", &port];
        Screen::of(site, 120, &[&client[..], words].concat())
    }

    /// Any program.
    #[track_caller]
    pub fn of(site: &Site, columns: usize, program: &[&str]) -> Option<Screen> {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/terminal/on_a_terminal.py");
        let child = Command::new("python3")
            .arg(script)
            .arg(columns.to_string())
            .args(program)
            .env("TERM", "xterm")
            .env("HOME", site.local())
            .env_remove("MINIFTP_PASSWORD")
            .current_dir(site.local())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("skipped: there is no python3");
            return None;
        };
        let keys = child.stdin.take().unwrap();
        let shown = Pipe::collect(child.stdout.take().unwrap());
        Some(Screen { child, keys, shown, seen: 0 })
    }

    /// Waits until these words are shown after what was seen before; gives what came before them.
    #[track_caller]
    pub fn see(&mut self, words: &str) -> String {
        let seen = self.seen;
        let found = self.shown.wait_for(|text| {
            let fresh = &text[seen..];
            fresh.find(words).map(|at| (fresh[..at].to_owned(), seen + at + words.len()))
        });
        let Some((before, seen)) = found else {
            panic!("`{words}` was not shown after\n{:?}", &self.shown.text()[seen..]);
        };
        self.seen = seen;
        before
    }

    /// Gives the terminal another width.
    #[track_caller]
    pub fn resize(&mut self, columns: usize) {
        let sign = [&[255], format!("{columns:03}").as_bytes()].concat();
        self.keys.write_all(&sign).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types keys.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types a line.
    #[track_caller]
    pub fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\r"));
    }

    /// Everything that was ever shown.
    pub fn all(&self) -> String {
        self.shown.text()
    }

    /// Waits for the program's good end; gives everything that was shown.
    #[track_caller]
    pub fn shown_to_the_end(mut self) -> String {
        assert!(self.shown.wait_for_end(), "it does not end: {:?}", self.all());
        assert!(self.child.wait().unwrap().success(), "{:?}", self.all());
        self.all()
    }

    /// Waits for the program's end; gives its status.
    #[track_caller]
    pub fn end(mut self) -> Option<i32> {
        assert!(self.shown.wait_for_end(), "it does not end: {:?}", self.all());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
