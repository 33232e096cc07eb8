//! Registering, the operator, admins, one's own password: through the real programs.

mod admin;
mod bans;
mod bans_by_hand;
mod console;
mod creation;
mod guessing;
mod import;
mod import_traps;
mod iterations;
mod modes;
mod own_password;
mod register;
mod removal;
mod restored;

use std::io::ErrorKind;
use std::net::TcpStream;

use miniftp::scram::Verifier;
use miniftp::wire;

use crate::harness::{Answer, Frames, Site, password};

/// The record of the harness' password of a name.
pub(crate) fn record(name: &str) -> String {
    Verifier::derive(&password(name), miniftp::limits::ITERATIONS_LEAST).unwrap().to_string()
}

/// `REGISTER` by hand.
#[track_caller]
fn ask(frames: &mut Frames, name: &str, code: &str) -> Answer {
    frames.request("REGISTER", &wire::Register::new(name, &record(name), code))
}

/// The number of a request that was taken.
#[track_caller]
fn number(answer: &Answer) -> u64 {
    answer.message::<wire::Registered<'_>>().number
}

/// How a request stands, and why.
#[track_caller]
fn standing(frames: &mut Frames, number: u64, name: &str) -> (String, String) {
    let answer = frames.request("REGISTRATION", &wire::Registration::new(number, name));
    let standing: wire::Standing<'_> = answer.expect(200).message();
    (standing.state.to_owned(), standing.reason.to_owned())
}

/// A stranger who has said hello.
#[track_caller]
fn stranger(site: &Site) -> Frames {
    let mut frames = Frames::connect(site.addr());
    frames.hello();
    frames
}

/// Whether nothing has come yet.
fn waits(tcp: &TcpStream) -> bool {
    tcp.set_nonblocking(true).unwrap();
    let peeked = tcp.peek(&mut [0]).map_err(|e| e.kind());
    tcp.set_nonblocking(false).unwrap();
    peeked == Err(ErrorKind::WouldBlock)
}
