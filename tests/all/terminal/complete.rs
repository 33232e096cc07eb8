//! What the shell offers while a line is typed: commands, options, paths on both sides, accounts;
//! hints and a search in the history.

use super::{Screen, shell, site};
use crate::harness::{password, write_file};

#[test]
fn commands_options_and_paths_are_completed() {
    let (site, daemon) = site();
    for name in ["docs/alpha one.txt", "docs/beta", "it's", "[x]", "-dash", ".hidden", "star*"] {
        write_file(site.stored("ann", name), b"content");
    }
    write_file(site.local().join("local file"), b"here");
    write_file(site.local().join("nest/inner"), b"here");
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    for (keys, shown, answer) in [
        ("pw\t", "pwd", "\r\n/\r\n"),
        ("ls --rev\tdo\t", "ls --reverse docs/", "\r\nbeta"),
        ("cat do\tal\t", r"cat docs/alpha\ one.txt", "content"),
        ("cat 'do\tal\t", "cat 'docs/alpha one.txt'", "content"),
        ("cat \"docs/al\t", "cat \"docs/alpha one.txt\"", "content"),
        ("cat it\t", r"cat it\'s", "content"),
        ("cat \\[\t", r"cat \[x\]", "content"),
        ("cat \\-\t", r"cat \-dash", "content"),
        ("cat star\t", r"cat star\*", "content"),
        ("cat .h\t", "cat .hidden", "content"),
        ("put loc\tdocs/new\\ na", r"put local\ file", "put new na: 4 bytes"),
        ("cat docs/new\t", r"cat docs/new\ na", "here"),
        ("lls ne\t", "lls nest/", "inner"),
        ("lls ~/ne\t", "lls ~/nest/", "inner"),
        ("help mkd\t", "help mkdir", "usage"),
    ] {
        screen.press(keys);
        screen.see(shown);
        screen.press("\r");
        match keys.starts_with("help") {
            true => screen.see("make folders; -p with those above"),
            false => screen.see(answer),
        };
        screen.see("ann:/> ");
    }
    // What one could mean is listed.
    screen.press("cat docs/\t\t");
    screen.see("alpha one.txt");
    screen.see("beta");
    screen.see("new na");
    screen.press("\u{3}");
    // What is typed while the terminal changes its modes is lost.
    screen.see("\u{1b}[?2004h");
    screen.see("ann:/> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn what_was_typed_before_is_hinted_at_and_found_again() {
    let (site, daemon) = site();
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    screen.enter("mkdir -p one/two");
    screen.see("ann:/> ");
    screen.enter("cd one");
    screen.see("ann:/one> ");
    // The hint stands behind the cursor, and the arrow to the right takes it over.
    screen.press("mkd");
    screen.see("ir -p one/two");
    screen.press("\u{1b}[C");
    screen.see("mkdir -p one/two\r");
    screen.press("\r");
    screen.see("ann:/one> ");
    screen.enter("ls one");
    screen.see("two/");
    screen.see("ann:/one> ");
    screen.press("\u{12}cd o");
    screen.see("cd one");
    screen.press("\r");
    screen.see("ann:/one/one> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn admins_are_offered_their_commands_and_accounts() {
    let (site, daemon) = site();
    site.admin("root");
    site.account("zoe.long-name", "10M");
    let Some(mut screen) = Screen::start(&site, daemon.port(), &["-u", "root"]) else { return };
    screen.see("Password of root: ");
    screen.enter(&password("root"));
    screen.see("root:/> ");
    screen.press("admin sho\tzo\t");
    screen.see("admin show zoe.long-name");
    screen.press("\r");
    screen.see("10.0 MiB");
    screen.see("root:/> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn a_listing_has_columns_and_colours_on_a_terminal() {
    let (site, daemon) = site();
    for name in ["a", "b", "名前", "e\u{301}", "z", ".hidden"] {
        write_file(site.stored("ann", name), b"");
    }
    std::fs::create_dir(site.stored("ann", "dir")).unwrap();
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    screen.enter("ls");
    screen.see("\r\na  b  \u{1b}[01;34mdir/\u{1b}[0m  e\u{301}  z  名前\r\n");
    screen.see("ann:/> ");
    screen.enter("ls -1");
    screen.see("\r\na\r\nb\r\n");
    screen.see("ann:/> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
    let words = [
        "env",
        "NO_COLOR=1",
        env!("CARGO_BIN_EXE_miniftp"),
        "-P",
        &daemon.port().to_string(),
        "-u",
        "ann",
    ]
    .map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let program =
        ["/usr/bin/env"].into_iter().chain(words[1..].iter().copied()).collect::<Vec<_>>();
    let Some(mut screen) = Screen::of(&site, 13, &program) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("ann:/> ");
    screen.enter("ls");
    screen.see("\r\na  dir/  z\r\nb  e\u{301}     名前\r\n");
    screen.see("ann:/> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn a_shell_goes_from_server_to_server_and_to_other_programs() {
    let (site, daemon) = site();
    let (other, second) = super::site();
    write_file(site.stored("ann", "read me"), b"what is read");
    write_file(other.stored("ann", "there"), b"");
    let port = daemon.port().to_string();
    let client = env!("CARGO_BIN_EXE_miniftp");
    let program =
        ["/usr/bin/env", "PAGER=sed s/^/paged:/", "EDITOR=false", client, "-P", &port, "-u", "ann"];
    let Some(mut screen) = Screen::of(&site, 100, &program) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("ann:/> ");
    screen.enter("less 'read me'");
    screen.see("paged:what is read");
    screen.see("ann:/> ");
    screen.enter("!echo $((40 + 2))");
    screen.see("\r\n42\r\n");
    screen.see("ann:/> ");
    screen.enter("edit 'read me'");
    screen.see("miniftp: `false` ended with status 1");
    screen.see("ann:/> ");
    screen.enter("close");
    screen.see("miniftp> ");
    screen.enter("ls");
    screen.see("no server is open; `open SERVER` connects to one");
    screen.see("miniftp> ");
    screen.enter(&format!("open ann@127.0.0.1:{}", second.port()));
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("Logged in as ann at 127.0.0.1:");
    screen.see("ann:/> ");
    screen.enter("ls -1");
    screen.see("\r\nthere\r\n");
    screen.see("ann:/> ");
    // A server that is not there leaves the session as it is.
    screen.enter("open ann@127.0.0.1:1");
    screen.see("cannot connect to 127.0.0.1:1");
    screen.see("ann:/> ");
    screen.enter("pwd");
    screen.see("\r\n/\r\n");
    screen.enter("quit");
    screen.see("Goodbye.");
    assert_eq!(screen.end(), Some(0));
}
