//! What the server says, as a person hears it: in the shell, and nowhere that a script reads.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use miniftp::wire::{self, Code, FrameKind, Greeted, Greeting, Message, Sink, Using};

use super::{Screen, shell, site};
use crate::harness::{frame, password};

#[test]
fn the_shell_tells_welcome_folders_and_goodbye() {
    let (site, daemon) = site();
    fs::write(site.conf().join("welcome.txt"), "Be kind, {user}.\n\n\\o/\n").unwrap();
    fs::write(site.conf().join("goodbye.txt"), "Come back, {user}.\n").unwrap();
    fs::create_dir_all(site.stored("ann", "docs")).unwrap();
    fs::write(site.stored("ann", "docs/.message"), "The {user} papers.\u{1b}[2J\n").unwrap();
    let Some(mut screen) = Screen::start(&site, daemon.port(), &["-u", "ann"]) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("Logged in as ann at ");
    screen.see("Be kind, ann.\r\n\r\n\\o/\r\n");
    screen.see("ann:/> ");
    screen.enter("cd docs");
    screen.see("The ann papers.\\u{1b}[2J\r\n");
    screen.see("ann:/docs> ");
    screen.enter("pwd");
    assert!(!screen.see("ann:/docs> ").contains("papers"));
    screen.enter("cd .");
    assert!(!screen.see("ann:/docs> ").contains("papers"));
    screen.enter("quit");
    screen.see("Come back, ann.\r\n");
    screen.see("Goodbye.\r\n");
    assert_eq!(screen.end(), Some(0));

    // One command on a terminal, and a batch: nothing but what was asked for.
    let Some(mut screen) = Screen::start(&site, daemon.port(), &["-u", "ann", "cd", "docs"]) else {
        return;
    };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    let all = screen.shown_to_the_end();
    assert!(!all.contains("kind") && !all.contains("papers") && !all.contains("back"), "{all:?}");
    site.client("ann").input("cd docs\npwd\nquit\n").run(&[]).ok().stdout("/docs\n").stderr("");
    site.miniftp("ann", &["pwd"]).ok().stdout("/\n").stderr("");
}

#[test]
fn a_line_that_broke_does_not_welcome_again() {
    let (site, mut daemon) = site();
    fs::write(site.conf().join("welcome.txt"), "Be kind.\n").unwrap();
    let Some(mut screen) = shell(&site, daemon.port()) else { return };
    daemon.restart();
    screen.enter("pwd");
    screen.see("/\r\n");
    screen.see("ann:/> ");
    screen.enter("quit");
    assert_eq!(screen.shown_to_the_end().matches("Be kind.").count(), 1);
}

#[test]
fn a_hostile_server_gets_no_more_of_the_terminal_than_a_few_letters() {
    let (site, _daemon) = site();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || pretend(listener.accept().unwrap().0));
    let Some(mut screen) = Screen::start(&site, port, &["-u", "anonymous"]) else { return };
    screen.see("bell \\u{7} and \\u{1b}[31mred\\u{d}over\\u{9b}\\u{202e}\r\n");
    screen.see("anonymous:/> ");
    assert!(screen.all().matches("again").count() < 50, "{:?}", screen.all());
    screen.enter("quit");
    screen.see("\\u{1b}]0;title\\u{7}\r\n");
    screen.see("Goodbye.");
    assert!(!screen.all().contains("\u{1b}[31m") && !screen.all().contains("\u{1b}]0;"));
    assert_eq!(screen.end(), Some(0));
    server.join().unwrap();
}

/// A server that says bad things.
fn pretend(mut tcp: TcpStream) {
    let again = "again\n".repeat(5000);
    let evil = format!("bell \u{7} and \u{1b}[31mred\rover\u{9b}\u{202e}\n{again}");
    let greeting = Greeting::new("miniftp", 1, "bad", 65_536, 1_048_576, 65_536, "md5 blake3");
    tcp.write_all(&frame(FrameKind::Greeting, greeting.fields().as_bytes(), &[])).unwrap();
    let answers = [
        (Code::Greeted, Greeted::new(1).fields()),
        (Code::LoggedIn, wire::LoggedIn::new("", "anonymous", &evil).fields()),
        (Code::Done, Using::new("md5").fields()),
        (Code::Done, wire::Here::new("/", &evil).fields()),
        (Code::Parting, wire::Goodbye::new("\u{1b}]0;title\u{7}").fields()),
    ];
    for (code, fields) in answers {
        let mut prefix = [0; 12];
        tcp.read_exact(&mut prefix).unwrap();
        let head = u32::from_be_bytes(prefix[..4].try_into().unwrap());
        tcp.read_exact(&mut vec![0; head as usize]).unwrap();
        let mut sink = Sink::new();
        wire::put_answer_head(&mut sink, code, "");
        sink.raw(fields.as_bytes());
        tcp.write_all(&frame(FrameKind::Answer, sink.as_bytes(), &[])).unwrap();
    }
}
