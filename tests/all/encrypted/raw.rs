//! The request itself, and what comes around it, from a client without manners.

use std::net::TcpStream;

use miniftp::scram::{Binding, ClientExchange, Coverage};
use miniftp::stream::{Patience, Stream};
use miniftp::tls::ClientTls;
use miniftp::wire::{
    self, Ceiling, Challenge, Fields, FrameKind, Hello, Inbox, LoggedIn, Login, Message, Nothing,
    Path, Proof,
};

use super::site;
use crate::harness::{DEADLINE, Daemon, Frames, password, request};

/// A client whose every frame a test writes, in clear first and then not.
struct Raw {
    stream: Stream,
    inbox: Inbox,
}

impl Raw {
    fn connect(daemon: &Daemon) -> Raw {
        let patience = Patience { idle: DEADLINE, frame: DEADLINE, login: None };
        let stream = Stream::new(TcpStream::connect(daemon.addr()).unwrap(), patience).unwrap();
        let mut raw = Raw { stream, inbox: Inbox::new() };
        assert_eq!(raw.frame().0, FrameKind::Greeting);
        raw
    }

    fn frame(&mut self) -> (FrameKind, Vec<u8>) {
        let mut head = Vec::new();
        while self.inbox.head(&mut self.stream, Ceiling::KNOWN, &mut head).unwrap().is_none() {}
        (FrameKind::of(head[0]).unwrap(), head.split_off(1))
    }

    fn ask<'a>(&mut self, name: &str, message: &impl Message<'a>) -> (u16, String, Vec<u8>) {
        self.stream.send(&[&request(name, message, &[])]).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> (u16, String, Vec<u8>) {
        loop {
            let (kind, head) = self.frame();
            if !matches!(kind, FrameKind::Alive | FrameKind::Greeting) {
                let mut fields = Fields::new(&head);
                let (code, text) = wire::answer_head(&mut fields).unwrap();
                return (code, text.to_owned(), fields.rest().to_vec());
            }
        }
    }

    /// `TLS` with these bytes in the same segment behind it.
    fn encrypt(&mut self, behind: &[u8]) {
        let both = [request("TLS", &Nothing::new(), &[]), behind.to_vec()].concat();
        self.stream.send(&[&both]).unwrap();
        assert_eq!(self.answer().0, 200);
        self.inbox = Inbox::new();
        self.stream.encrypt_as_client(&ClientTls::new().unwrap()).unwrap();
        assert_eq!(self.frame().0, FrameKind::Greeting, "greeted once more");
    }

    fn hello(&mut self) {
        assert_eq!(self.ask("HELLO", &Hello::new(1, "test")).0, 220);
    }

    /// Logs in; the code and text that the login ends with.
    fn log_in(&mut self, name: &str, coverage: &Coverage) -> (u16, String) {
        let (exchange, first) = ClientExchange::begin_over(name, coverage).unwrap();
        let (code, text, fields) = self.ask("LOGIN", &Login::new(&first));
        if code != 280 {
            return (code, text);
        }
        let challenge = Challenge::decode(Fields::new(&fields)).unwrap().server_first;
        let challenge = exchange.challenge(challenge).unwrap();
        let keys = challenge.derive(&password(name)).unwrap();
        let (proof, last) = challenge.prove(&keys).unwrap();
        let (code, text, fields) = self.ask("PROOF", &Proof::new(&last));
        if code == 254 {
            proof.verify(LoggedIn::decode(Fields::new(&fields)).unwrap().server_final).unwrap();
        }
        (code, text)
    }

    fn exporter(&self) -> Coverage {
        Coverage::Channel(Binding::Exporter, self.stream.binding(Binding::Exporter).unwrap())
    }
}

#[test]
fn after_the_handshake_nothing_is_left_of_what_came_before() {
    let (_site, daemon) = site();
    let mut raw = Raw::connect(&daemon);
    raw.hello();
    raw.encrypt(&[]);
    let (code, text) = raw.log_in("ann", &raw.exporter());
    assert_eq!((code, text.as_str()), (269, "not now: HELLO comes first"));
    raw.hello();
    assert_eq!(raw.log_in("ann", &raw.exporter()).0, 254);
    assert_eq!(raw.ask("PWD", &Nothing::new()).0, 200);
}

#[test]
fn requests_that_were_put_behind_tls_in_clear_are_thrown_away() {
    let (site, daemon) = site();
    let mut raw = Raw::connect(&daemon);
    let forged = [
        request("HELLO", &Hello::new(1, "forged"), &[]),
        request("LOGIN", &Login::new("n,,n=ann,r=forged"), &[]),
        request("BYE", &Nothing::new(), &[]),
    ];
    raw.encrypt(&forged.concat());
    let (code, text) = raw.log_in("ann", &raw.exporter());
    assert_eq!((code, text.as_str()), (269, "not now: HELLO comes first"));
    raw.hello();
    assert_eq!(raw.log_in("ann", &raw.exporter()).0, 254);
    drop(site);
}

#[test]
fn a_login_has_to_name_the_channel_that_it_came_through() {
    let (_site, daemon) = site();
    let wrong = |binding| Coverage::Channel(binding, vec![7; 32]);
    let table = [
        (Coverage::Unused, "this login does not name the TLS channel"),
        (Coverage::NotOffered, "this login does not name the TLS channel"),
        (wrong(Binding::Exporter), "this login was made for another connection"),
        (wrong(Binding::ServerEndPoint), "this login was made for another connection"),
    ];
    for (coverage, words) in table {
        for name in ["ann", "nobody"] {
            let mut raw = Raw::connect(&daemon);
            raw.encrypt(&[]);
            raw.hello();
            let (code, text) = raw.log_in(name, &coverage);
            assert!(code == 291 && text.starts_with(words), "{coverage:?} {name}: {code} {text}");
        }
    }
    // It was not a guess, so nobody is slowed for it.
    let mut raw = Raw::connect(&daemon);
    raw.encrypt(&[]);
    raw.hello();
    assert_eq!(raw.log_in("ann", &raw.exporter()).0, 254);
}

#[test]
fn a_login_in_clear_says_whether_tls_was_offered() {
    let (_site, daemon) = site();
    for name in ["ann", "nobody"] {
        let mut raw = Raw::connect(&daemon);
        raw.hello();
        let (code, text) = raw.log_in(name, &Coverage::NotOffered);
        assert!(
            code == 291 && text.starts_with("this login says that TLS was not offered"),
            "{text}"
        );
        let named = Coverage::Channel(Binding::Exporter, vec![7; 32]);
        let (code, text) = raw.log_in(name, &named);
        assert!(code == 291 && text.starts_with("this login was made for another"), "{text}");
    }
    let mut raw = Raw::connect(&daemon);
    raw.hello();
    assert_eq!(raw.log_in("ann", &Coverage::Unused).0, 254, "a client that cannot encrypt");
}

#[test]
fn tls_is_begun_once_and_before_the_login() {
    let (site, daemon) = site();
    let mut raw = Raw::connect(&daemon);
    raw.encrypt(&[]);
    let (code, text, _) = raw.ask("TLS", &Nothing::new());
    assert_eq!((code, text.as_str()), (269, "not now: this connection is encrypted already"));
    let mut frames = daemon.login("ann");
    frames.request("TLS", &Nothing::new()).expect(269).says("TLS comes before the login");
    frames.request("LS", &Path::new("")).expect(200);
    drop(daemon);
    site.setting("server", "tls", "off");
    let daemon = site.start();
    let mut frames = daemon.connect();
    frames.request("TLS", &Nothing::new()).expect(275).says("this server does not offer");
    assert_eq!(frames.log_in("ann", &password("ann")).code, 254);
}

/// Whoever begins a handshake and says no more is as late as anybody before a login.
#[test]
fn a_handshake_has_the_deadline_of_a_login() {
    let (site, daemon) = site();
    drop(daemon);
    site.setting("server", "login_secs", "1");
    let daemon = site.start();
    let mut frames = daemon.connect();
    frames.request("TLS", &Nothing::new()).expect(200);
    let mut frames = Frames::over(frames.into_tcp());
    assert!(frames.read_frame().is_none(), "the connection ends");
    daemon.login("ann");
}
