//! `completions` and `man`: made of the table, and understood by the programs that they are for.

use std::process::{Command, Stdio};

use super::site;
use crate::harness::write_file;

/// Whether a program is there; says so if not.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: there is no {program}");
    }
    found
}

#[test]
fn bash_completes_commands_options_and_files() {
    let (site, _daemon) = site();
    site.miniftp("ann", &["completions", "bash"]).ok().stderr("");
    if !has("bash") {
        return;
    }
    write_file(site.local().join("a file"), b"");
    let complete = |words: &str| {
        let script = format!(
            "source <({} completions bash); \
             COMP_WORDS=({words}); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _miniftp; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            env!("CARGO_BIN_EXE_miniftp")
        );
        let done =
            Command::new("bash").args(["-c", &script]).current_dir(site.local()).output().unwrap();
        assert!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    assert_eq!(complete("miniftp mkd"), "mkdir\n");
    assert_eq!(complete("miniftp --ver"), "--verbose\n--version\n");
    assert_eq!(complete("miniftp ann@box put --over"), "--overwrite\n");
    assert_eq!(complete("miniftp put 'a f'"), "a file\n");
    assert_eq!(complete("miniftp ls --hu"), "--human-readable\n");
    assert_eq!(complete("miniftp help chm"), "chmod\n");
}

#[test]
fn the_other_shells_read_theirs() {
    let (site, _daemon) = site();
    for (shell, arguments) in [("zsh", ["-n"]), ("fish", ["--no-execute"])] {
        let script = site.miniftp("ann", &["completions", shell]);
        script.ok().stderr("");
        assert!(
            script.out.contains("mkdir") && script.out.contains("overwrite"),
            "{}",
            script.tell()
        );
        if has(shell) {
            let path = site.local().join("script");
            write_file(&path, script.out.as_bytes());
            let done = Command::new(shell).args(arguments).arg(&path).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }
    if has("fish") {
        for (words, shown) in [
            ("miniftp mkd", "mkdir"),
            ("miniftp ann@box mkd", "mkdir"),
            ("miniftp ann@box put --over", "--overwrite"),
        ] {
            let script = format!(
                "{} completions fish | source; complete -C '{words}'",
                env!("CARGO_BIN_EXE_miniftp")
            );
            let mut fish = Command::new("fish");
            let done = fish.args(["--no-config", "-c", &script]).env("HOME", site.local()).output();
            let text = String::from_utf8(done.unwrap().stdout).unwrap();
            assert!(text.starts_with(shown), "{words}: {text}");
        }
    }
    let said = site.miniftp("ann", &["completions", "tcsh"]);
    said.fails(2)
        .stderr("miniftp: there are no completions for `tcsh`; expected bash or zsh or fish\n");
}

#[test]
fn the_manual_names_every_command_and_option() {
    let (site, _daemon) = site();
    let page = site.miniftp("ann", &["man"]);
    page.ok().stderr("");
    assert!(page.out.starts_with(".TH MINIFTP 1 "), "{}", page.tell());
    let help = site.miniftp("ann", &["help"]).out.clone();
    let (list, _) = help.split_once("\n\n").unwrap();
    for name in list.lines().flat_map(|line| line[14..].split_whitespace()) {
        assert!(page.out.contains(&format!("\n.B {}", name.replace('-', "\\-"))), "{name}");
    }
    if !has("man") {
        return;
    }
    write_file(site.local().join("miniftp.1"), page.out.as_bytes());
    let shown = Command::new("man")
        .args(["--warnings", "-l", "miniftp.1"])
        .env("MANWIDTH", "80")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(site.local())
        .output()
        .unwrap();
    let (text, warnings) =
        (String::from_utf8_lossy(&shown.stdout), String::from_utf8_lossy(&shown.stderr));
    // Lines are filled with blanks on both sides.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        eprintln!("skipped: man shows nothing here: {warnings}");
        return;
    }
    assert!(warnings.is_empty(), "{warnings}");
    for words in
        ["put [-r]", "--password-file FILE", "give files the present time", "Exit codes: 0"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}
