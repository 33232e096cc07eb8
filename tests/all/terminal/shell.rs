//! The shell: prompt, hints, questions, Ctrl-C.

use std::fs;

use super::{MIB, Screen, shell, site};
use crate::harness::{Proxy, Way, bytes, password, write_file};

#[test]
fn the_prompt_says_where_and_mistakes_are_met_with_hints() {
    let (site, daemon) = site();
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    screen.enter("");
    screen.see("ann:/> ");
    screen.enter("mkdri docs");
    screen.see("unknown command `mkdri`; did you mean `mkdir`?");
    screen.see("ann:/> ");
    screen.enter("  xyzzy");
    screen.see("unknown command `xyzzy`; `help` lists the commands");
    screen.see("ann:/> ");
    // As in a script: nothing, and a command that may fail.
    screen.enter("# a remark");
    screen.see("\u{1b}[?2004l");
    screen.enter("-mkdri docs");
    screen.see("ann:/> ");
    screen.see("unknown command `mkdri`; did you mean `mkdir`?");
    screen.see("ann:/> ");
    screen.enter("help");
    screen.see("transfer        put  get  cp");
    screen.see("  quit\r\n");
    screen.see("ann:/> ");
    screen.enter("? mkdir");
    screen.see("mkdir [-p] PATH...\r\n  make folders; -p with those above\r\n  also: md\r\n");
    screen.see("  -p, --parents          make missing folders above it too\r\n");
    screen.see("  example: mkdir -p a/b/c\r\n");
    screen.see("ann:/> ");
    screen.enter("help mkdri");
    screen.see("did you mean `mkdir`?");
    screen.see("ann:/> ");
    screen.enter("cd a b");
    screen.see("`cd` takes less; quote names with blanks; usage: cd [PATH]");
    screen.see("ann:/> ");
    screen.enter("  mkdir   docs  ");
    screen.see("ann:/> ");
    screen.enter("cd docs");
    screen.see("ann:/docs> ");
    screen.enter("ls");
    screen.see("<empty folder>");
    screen.see("ann:/docs> ");
    screen.enter("cd ..");
    screen.see("ann:/> ");
    screen.enter("cd ..");
    screen.see("miniftp: Permission denied!");
    screen.see("ann:/> ");
    screen.enter("parts");
    screen.see("<no unfinished uploads>");
    screen.see("ann:/> ");
    // Ctrl-C at the prompt is an empty line; Ctrl-D leaves.
    screen.press("half a li\u{3}");
    screen.see("ann:/> ");
    screen.enter("pwd");
    screen.see("/\r\n");
    screen.see("ann:/> ");
    screen.press("\u{4}");
    screen.see("Goodbye.");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn ctrl_c_stops_the_transfer_and_not_the_shell() {
    let (site, daemon) = site();
    let content = bytes(1, 24 * MIB);
    write_file(site.local().join("up"), &content);
    write_file(site.stored("ann", "down"), &content);
    let half = content.len() as u64 / 2;
    let proxy =
        Proxy::to(daemon.addr()).stall_after(Way::Up, half).then().stall_after(Way::Down, half);
    let Some(mut screen) = shell(&site, proxy.addr().port()) else { return };
    for (line, answer) in [("put up", "put up: "), ("get down", "get down: ")] {
        screen.enter(line);
        let verb = &line[..3];
        match verb {
            "put" => proxy.wait_for_bytes(Way::Up, half),
            _ => proxy.wait_for_bytes(Way::Down, half),
        }
        screen.press("\u{3}");
        screen.see("miniftp: stopped; the same command resumes from there");
        screen.see("ann:/> ");
        screen.enter(line);
        screen.see("is there in part: ");
        screen.see("Go on? [Y/n] ");
        screen.enter("");
        screen.see(&format!("{}: going on at ", &line[4..]));
        screen.see(&format!("{answer}25165824 bytes in "));
        screen.see(" kept from before");
        screen.see("ann:/> ");
    }
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
    assert!(fs::read(site.stored("ann", "up")).unwrap() == content);
    assert!(fs::read(site.local().join("down")).unwrap() == content);
}

/// A terminal whose first program is the client has nobody who could let it go on.
#[test]
fn ctrl_z_does_not_stop_what_nobody_could_let_go_on() {
    let (site, daemon) = site();
    let content = bytes(1, 24 * MIB);
    write_file(site.stored("ann", "down"), &content);
    let half = content.len() as u64 / 2;
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Down, half);
    let Some(mut screen) = Screen::start(&site, proxy.addr().port(), &["-u", "ann"]) else {
        return;
    };
    screen.see("Password of ann: ");
    screen.press("\u{1a}");
    screen.enter(&password("ann"));
    screen.see("ann:/> ");
    screen.enter("get down");
    proxy.wait_for_bytes(Way::Down, half);
    screen.press("\u{1a}");
    screen.press("\u{3}");
    screen.see("miniftp: stopped; ");
    screen.see("ann:/> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

/// Where the messages went elsewhere, one Ctrl-C stopped every command that followed.
#[test]
fn with_its_messages_elsewhere_one_ctrl_c_stops_one_command() {
    let (site, daemon) = site();
    let content = bytes(1, 24 * MIB);
    write_file(site.stored("ann", "down"), &content);
    let half = content.len() as u64 / 2;
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Down, half);
    let port = proxy.addr().port();
    let Some(mut screen) = Screen::silent(&site, port, "errors", &["-u", "ann"]) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("ann:/> ");
    screen.enter("get down");
    proxy.wait_for_bytes(Way::Down, half);
    screen.press("\u{3}");
    screen.see("ann:/> ");
    screen.enter("ls");
    screen.see("down\r\n");
    screen.see("ann:/> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
    let errors = fs::read_to_string(site.local().join("errors")).unwrap();
    assert_eq!(errors.matches("stopped").count(), 1, "{errors}");
}

#[test]
fn what_is_there_is_asked_about() {
    let (site, daemon) = site();
    let (old, new) = (bytes(1, 3 * MIB), bytes(2, 3 * MIB));
    write_file(site.local().join("f"), &new);
    write_file(site.stored("ann", "f"), &old);
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    let question = "`f` exists and differs: 3.0 MiB there, 3.0 MiB new. Replace it? [y/N] ";
    for (keys, after) in [
        ("n\r", "put f: left alone"),
        ("\r", "put f: left alone"),
        ("x\r", "You entered incorrectly."),
    ] {
        screen.enter("put f");
        screen.see(question);
        screen.press(keys);
        screen.see(after);
        if keys == "x\r" {
            screen.see(question);
            screen.press("\u{3}");
            screen.see("miniftp: stopped; nothing was changed");
        }
        screen.see("ann:/> ");
        assert!(fs::read(site.stored("ann", "f")).unwrap() == old);
    }
    // The other way, where the old one is the new one.
    screen.enter("get f");
    screen.see(question);
    screen.enter("no");
    screen.see("get f: left alone");
    screen.see("ann:/> ");
    screen.enter("put f");
    screen.see(question);
    screen.enter("yes");
    screen.see("put f: 3145728 bytes in ");
    screen.see("ann:/> ");
    assert!(fs::read(site.stored("ann", "f")).unwrap() == new);

    // A tree can be answered at once.
    for name in ["a", "b", "c"] {
        write_file(site.local().join("tree").join(name), b"new");
        write_file(site.stored("ann", "tree").join(name), b"older");
    }
    screen.enter("put -r tree");
    screen.see("[y/N/a, a for all] ");
    screen.enter("n");
    screen.see("[y/N/a, a for all] ");
    screen.enter("a");
    screen.see("put tree: 2 files, 6 bytes in ");
    screen.see("1 left alone");
    screen.see("ann:/> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn a_part_can_be_begun_anew_or_left() {
    let (site, daemon) = site();
    let content = bytes(1, 3 * MIB);
    write_file(site.stored("ann", "f"), &content);
    let part = site.local().join(".f.miniftp-part");
    write_file(&part, &bytes(9, MIB));
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    let question = "`f` is there in part: 1.0 MiB of 3.0 MiB (33 %). Go on? [Y/n] ";
    screen.enter("get f");
    screen.see(question);
    screen.press("\u{3}");
    screen.see("miniftp: stopped; nothing was changed");
    screen.see("ann:/> ");
    assert!(fs::read(&part).unwrap() == bytes(9, MIB));
    screen.enter("get f");
    screen.see(question);
    screen.enter("n");
    let said = screen.see("ann:/> ");
    assert!(said.contains("get f: 3145728 bytes in "), "{said:?}");
    assert!(!said.contains("kept from before") && !said.contains("going on"), "{said:?}");
    assert!(fs::read(site.local().join("f")).unwrap() == content);
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn a_server_that_came_back_is_met_in_the_same_folder() {
    let (site, mut daemon) = site();
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    screen.enter("mkdir docs");
    screen.see("ann:/> ");
    screen.enter("cd docs");
    screen.see("ann:/docs> ");
    daemon.restart();
    screen.enter("pwd");
    screen.see("/docs\r\n");
    screen.see("ann:/docs> ");
    daemon.kill9();
    screen.enter("pwd");
    screen.see("connection refused; is miniftpd running?");
    screen.see("ann:/docs> ");
    daemon.restart();
    screen.enter("pwd");
    screen.see("/docs\r\n");
    screen.see("ann:/docs> ");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}

/// Whoever was sent away came back with the next command, and never heard of it.
#[test]
fn who_was_sent_away_is_told_before_the_next_command_brings_them_back() {
    let (site, daemon) = site();
    site.admin("root");
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    daemon.ftp("root").ask("SITE KICK ann").expect(200);
    daemon.wait_for_log("ann@127.0.0.1 left");
    screen.enter("pwd");
    screen.see("ended by an administrator, or by its owner elsewhere");
    screen.see("ann:/> ");
    screen.enter("pwd");
    screen.see("/\r\n");
    screen.enter("quit");
    assert_eq!(screen.end(), Some(0));
}
