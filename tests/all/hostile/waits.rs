//! Servers that keep a client waiting, or busy.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use miniftp::wire::{self, Challenge, Code, Fields, FrameKind, Message, Piece};

use super::{guest, interrupted};
use crate::harness::{Hostile, Miniftp, Site, bytes, frame, write_file};

/// A moment in which a dribbling server does nothing.
const MOMENT: Duration = Duration::from_millis(5);

#[test]
fn ctrl_c_ends_a_frame_that_dribbles() {
    let site = Site::new();
    let server = Hostile::start(|name, victim| match name {
        "STAT" => {
            let entry = wire::Entry::new(b'f', 0, 1 << 20, 0, 0, 0o644, 7, "f");
            victim.answer(Code::Done, &entry);
            Some(())
        }
        "GET" => {
            let whole =
                frame(FrameKind::More, Piece::new(0, &[7; 256]).fields().as_bytes(), &[0; 1 << 20]);
            for piece in whole.chunks(16) {
                thread::park_timeout(MOMENT);
                if !victim.send(piece) {
                    break;
                }
            }
            Some(())
        }
        _ => None,
    });
    let running = guest(&site, &server).spawn(&["get", "f"]);
    server.wait_for_request("GET");
    server.wait_for_bytes(1000);
    interrupted(running);
}

#[test]
fn ctrl_c_ends_an_upload_that_is_taken_in_sips() {
    let site = Site::new();
    write_file(site.local().join("f"), &bytes(1, 1 << 20));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // What is inherited by each connection: room for little.
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 1024).unwrap();
    let addr = listener.local_addr().unwrap();
    let (began, has_begun) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let greeting = wire::Greeting::new("miniftp", 1, "b", 65_536, 1 << 20, 65_536, "md5");
        tcp.write_all(&frame(FrameKind::Greeting, greeting.fields().as_bytes(), &[])).unwrap();
        answer_up_to_the_content(&mut tcp);
        began.send(()).unwrap();
        let mut sip = [0; 512];
        while tcp.read(&mut sip).is_ok_and(|n| n > 0) {
            thread::park_timeout(MOMENT);
        }
    });
    let running = Miniftp::new(&site.local(), addr, "anonymous").spawn(&["put", "f"]);
    has_begun.recv().unwrap();
    interrupted(running);
    server.join().unwrap();
}

/// Answers HELLO, GUEST, USE, PWD and PUT.
fn answer_up_to_the_content(tcp: &mut TcpStream) {
    let answers = [
        (Code::Greeted, wire::Greeted::new(1).fields()),
        (Code::LoggedIn, wire::LoggedIn::new("", "anonymous", "").fields()),
        (Code::Done, wire::Using::new("md5").fields()),
        (Code::Done, wire::Here::new("/", "").fields()),
        (Code::Ready, wire::Opened::new(0).fields()),
    ];
    for (code, fields) in answers {
        let mut prefix = [0; 12];
        tcp.read_exact(&mut prefix).unwrap();
        let head = u32::from_be_bytes(prefix[..4].try_into().unwrap());
        tcp.read_exact(&mut vec![0; head as usize]).unwrap();
        let mut sink = wire::Sink::new();
        wire::put_answer_head(&mut sink, code, "");
        sink.raw(fields.as_bytes());
        tcp.write_all(&frame(FrameKind::Answer, sink.as_bytes(), &[])).unwrap();
    }
}

/// The most iterations that a client computes take it seconds; they can be stopped.
#[test]
fn ctrl_c_ends_a_derivation_that_a_server_made_long() {
    let site = Site::new();
    let server = Hostile::start(|name, victim| match name {
        "LOGIN" => {
            let request = victim.last_request().to_vec();
            let mut fields = Fields::new(&request);
            wire::request_name(&mut fields).unwrap();
            let first = fields.text("client_first").unwrap();
            let nonce = first.rsplit_once("r=").unwrap().1;
            let challenge = format!("r={nonce}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=5000000");
            victim.answer(Code::Challenge, &Challenge::new(&challenge));
            Some(())
        }
        _ => None,
    });
    let running = Miniftp::new(&site.local(), server.addr(), "ann").spawn(&["ls"]);
    server.wait_for_request("LOGIN");
    interrupted(running);
    assert!(!server.requests().contains(&"PROOF".to_owned()), "{:?}", server.requests());
}

/// A host that does not answer at all.
#[test]
fn ctrl_c_ends_the_wait_for_a_connection() {
    let site = Site::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let addr = listener.local_addr().unwrap();
    // Nobody accepts: after these the system answers no more.
    let mut taken = Vec::new();
    while let Ok(tcp) = TcpStream::connect_timeout(&addr, Duration::from_millis(300)) {
        taken.push(tcp);
        assert!(taken.len() < 100, "this system takes any number of connections");
    }
    let running = Miniftp::new(&site.local(), addr, "anonymous").spawn(&["ls"]);
    // A connection to there that is not answered yet: before it the signal may not be caught.
    let unanswered = format!("0100007F:{:04X} 02 ", addr.port());
    crate::harness::eventually("it connects", || {
        std::fs::read_to_string("/proc/net/tcp").unwrap().contains(&unanswered)
    });
    interrupted(running);
}
