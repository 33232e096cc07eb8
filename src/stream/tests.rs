//! Deadlines and ends, over real sockets of this machine.

use std::io::{Read, Write};

use super::*;
use std::net::TcpListener;

const QUICK: Patience =
    Patience { idle: Duration::from_millis(20), frame: Duration::from_millis(20), login: None };

fn pair(patience: Patience) -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (Stream::new(ours, patience).unwrap(), listener.accept().unwrap().0)
}

#[test]
fn what_is_sent_in_parts_arrives_in_order_and_the_end_is_reported() {
    let (mut ours, mut theirs) = pair(QUICK);
    let many: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; usize::from(n)]).collect();
    let parts: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
    ours.send(&parts).unwrap();
    ours.shutdown(Shutdown::Write);
    let mut got = Vec::new();
    theirs.read_to_end(&mut got).unwrap();
    assert_eq!(got, many.concat());

    theirs.write_all(b"abc").unwrap();
    let mut into = [0; 2];
    assert_eq!(ours.arrive(&mut into, false).unwrap(), 2);
    assert_eq!(ours.arrive(&mut into, true).unwrap(), 1);
    assert!(ours.is_quiet());
    drop(theirs);
    assert!(matches!(ours.arrive(&mut into, true), Err(Error::Gone)));
    assert!(!ours.is_quiet());
}

#[test]
fn each_deadline_has_its_name() {
    let mut into = [0; 8];
    let (mut ours, _theirs) = pair(QUICK);
    let wait = |got: Result<usize>| match got {
        Err(Error::TimedOut { wait, .. }) => wait,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(ours.arrive(&mut into, false)), Wait::Idle);
    assert_eq!(wait(ours.arrive(&mut into, true)), Wait::Frame);
    ours.patience.login = Some((Instant::now(), Duration::from_secs(60)));
    assert_eq!(wait(ours.arrive(&mut into, false)), Wait::Login);
    assert_eq!(wait(ours.arrive(&mut into, true)), Wait::Login);
    ours.logged_in();
    assert_eq!(wait(ours.arrive(&mut into, false)), Wait::Idle);
}

#[test]
fn a_peer_that_does_not_read_is_late() {
    let (mut ours, _theirs) = pair(QUICK);
    ours.socket.tcp().set_write_timeout(Some(Duration::from_millis(5))).unwrap();
    let large = vec![0; 64 << 20];
    let got = ours.send(&[&large]);
    assert!(matches!(got, Err(Error::TimedOut { wait: Wait::Send, .. })), "{got:?}");
}

#[test]
fn a_dribble_is_late_and_a_flow_is_not() {
    let span = Duration::from_secs(30);
    let mut pace = Pace::default();
    let dribbled = (0..).take_while(|_| pace.step(Duration::from_secs(1), 1, span)).count();
    assert_eq!(dribbled, 29);
    let mut pace = Pace::default();
    assert!((0..1000).all(|_| pace.step(Duration::from_secs(1), 1100, span)));
}

#[test]
fn a_flag_ends_a_wait() {
    let flag = Arc::new(AtomicBool::new(true));
    let (ours, _theirs) = pair(QUICK);
    let mut ours = ours.interrupted_by(flag);
    assert!(matches!(ours.arrive(&mut [0], false), Err(Error::Interrupted)));
}

#[cfg(unix)]
#[test]
fn what_is_there_is_read_without_waiting() {
    let (mut ours, mut theirs) = pair(QUICK);
    let mut into = [0; 8];
    assert_eq!(ours.arrive_now(&mut into), 0);
    theirs.write_all(b"abc").unwrap();
    // The loopback delivers before `write` returns.
    assert_eq!(ours.arrive_now(&mut into), 3);
}

/// A server that holds content back for its rate's sake reads nothing, but says that it is there.
#[test]
fn a_peer_that_does_not_read_but_shows_life_is_waited_for_by_who_heeds_it() {
    // A second, so that a busy machine does not keep the other thread silent for longer.
    let patience = Patience { frame: Duration::from_secs(1), ..QUICK };
    let (ours, mut theirs) = pair(patience);
    let mut ours = ours.heeding_life();
    ours.socket.tcp().set_write_timeout(Some(Duration::from_millis(5))).unwrap();
    let large = vec![0; 64 << 20];
    let begun = Instant::now();
    let life = std::thread::spawn(move || {
        while begun.elapsed() < 2 * patience.frame {
            theirs.write_all(b"L").unwrap();
            std::thread::park_timeout(Duration::from_millis(10));
        }
        theirs
    });
    let got = ours.send(&[&large]);
    assert!(matches!(got, Err(Error::TimedOut { wait: Wait::Send, .. })), "{got:?}");
    assert!(begun.elapsed() >= 2 * patience.frame, "it has not waited: {:?}", begun.elapsed());
    drop(life.join().unwrap());
}
