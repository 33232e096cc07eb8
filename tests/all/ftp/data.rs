//! How data connections come about, both ways and in both families, and who is kept out.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use super::{Scene, own_ports};
use crate::harness::{Daemon, FtpTalk, Site, bytes, connect_from};

/// Reads to the end.
#[track_caller]
fn all(mut data: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    data.read_to_end(&mut all).unwrap();
    all
}

#[test]
fn four_ways_lead_to_the_same_bytes() {
    let scene = Scene::new();
    let content = bytes(1, 100_000);
    scene.put("f", &content);
    let mut ann = scene.ann();
    for passive in [true, false] {
        for extended in [true, false] {
            let waiting = match (passive, extended) {
                (true, true) => Err(ann.epsv()),
                (true, false) => Err(ann.pasv()),
                (false, true) => Ok(ann.active()),
                (false, false) => {
                    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
                    let [high, low] = listener.local_addr().unwrap().port().to_be_bytes();
                    ann.ask(&format!("PORT 127,0,0,1,{high},{low}")).expect(200);
                    Ok(listener)
                }
            };
            // Half of the clients connect before they ask, half after it.
            let data = match waiting {
                Err(there) if extended => {
                    let data = TcpStream::connect(there).unwrap();
                    ann.ask("RETR f").expect(150);
                    data
                }
                Err(there) => {
                    ann.send("RETR f");
                    let data = TcpStream::connect(there).unwrap();
                    ann.reply().expect(150);
                    data
                }
                Ok(listener) => {
                    ann.send("RETR f");
                    let (data, from) = listener.accept().unwrap();
                    assert_eq!(from.ip(), ann.tcp().peer_addr().unwrap().ip());
                    ann.reply().expect(150);
                    data
                }
            };
            assert!(all(data) == content);
            ann.reply().expect(226);
            // A way is good for one transfer.
            ann.ask("RETR f").expect(425);
        }
    }
}

#[test]
fn it_speaks_ipv6() {
    let here = IpAddr::from(Ipv6Addr::LOCALHOST);
    if TcpListener::bind((here, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = Daemon::start_ftp_on(&site, here);
    let mut ann = daemon.ftp("ann");
    ann.store("f", b"hello").expect(226);
    assert_eq!(ann.fetch("f"), b"hello");
    let listener = ann.active();
    ann.send("RETR f");
    let data = listener.accept().unwrap().0;
    ann.reply().expect(150);
    assert_eq!(all(data), b"hello");
    ann.reply().expect(226);
    ann.ask("PASV").expect(425).says("EPSV");
    ann.ask("EPSV 2").expect(229);
    ann.ask("EPSV 1").expect(522).says("use (2)");
    ann.ask("EPRT |1|127.0.0.1|60000|").expect(501);
    ann.ask("PORT 127,0,0,1,200,1").expect(501);
    ann.ask("EPRT |2|::1|1023|").expect(501);
    ann.ask("EPSV ALL").expect(200);
    assert_eq!(ann.fetch("f"), b"hello");
}

#[test]
fn both_families_through_one_socket() {
    let site = Site::new();
    site.account("ann", "10M");
    let here = IpAddr::from(Ipv6Addr::UNSPECIFIED);
    if TcpListener::bind((here, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let daemon = Daemon::start_ftp_on(&site, here);
    let port = daemon.ftp_addr().port();
    let mut ann = FtpTalk::login(SocketAddr::from(([127, 0, 0, 1], port)), "ann");
    // An IPv4 client sees nothing of the IPv6 socket that it came through.
    assert_eq!(ann.pasv().ip(), IpAddr::from([127, 0, 0, 1]));
    ann.store("f", b"hello").expect(226);
    assert_eq!(ann.fetch("f"), b"hello");
    ann.ask("EPSV 1").expect(229);
    let listener = ann.active();
    ann.send("RETR f");
    let data = listener.accept().unwrap().0;
    ann.reply().expect(150);
    assert_eq!(all(data), b"hello");
    ann.reply().expect(226);
}

#[test]
fn a_stranger_at_a_passive_port_is_turned_away_and_the_client_served() {
    let scene = Scene::new();
    let content = bytes(2, 300_000);
    scene.put("f", &content);
    let mut ann = scene.ann();
    let there = ann.epsv();
    let thieves = [2, 3].map(|last| connect_from(IpAddr::from([127, 0, 0, last]), there));
    ann.send("RETR f");
    let late = connect_from(IpAddr::from([127, 0, 0, 4]), there);
    let data = TcpStream::connect(there).unwrap();
    ann.reply().expect(150);
    assert!(all(data) == content);
    ann.reply().expect(226);
    for mut thief in thieves.into_iter().chain([late]) {
        let mut stolen = Vec::new();
        // An end or a reset, and not a byte.
        let _ = thief.read_to_end(&mut stolen);
        assert!(stolen.is_empty(), "{} bytes", stolen.len());
    }
    scene.daemon.wait_for_log("refused a connection from 127.0.0.2");
    // Nor is anything taken from one.
    let there = ann.epsv();
    let mut thief = connect_from(IpAddr::from([127, 0, 0, 2]), there);
    let _ = thief.write_all(b"forged");
    drop(thief);
    let mut data = TcpStream::connect(there).unwrap();
    data.write_all(b"honest").unwrap();
    drop(data);
    ann.ask("STOR g").expect(150);
    ann.reply().expect(226);
    assert_eq!(scene.stored("g").unwrap(), b"honest");
}

#[test]
fn a_stranger_in_a_control_session_gets_no_data_of_another() {
    let scene = Scene::new();
    scene.put("f", b"hello");
    let to = scene.daemon.ftp_addr();
    // The same client from two addresses: each has its own.
    let mut ann = scene.ann();
    let listener = TcpListener::bind(("127.0.0.2", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    ann.ask(&format!("EPRT |1|127.0.0.2|{port}|")).expect(501);
    ann.ask("RETR f").expect(425);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody knocked");
    drop(connect_from(IpAddr::from([127, 0, 0, 2]), to));
}

#[test]
fn two_passive_ports_in_a_row_and_the_second_counts() {
    // Of two ports, the third request would find none if one stayed open.
    let scene = Scene::with(&[("ftp", "passive_ports", &own_ports(2))]);
    scene.put("f", b"hello");
    let mut ann = scene.ann();
    for _ in 0..3 {
        let (first, second) = (ann.pasv(), ann.pasv());
        assert!(first == second || TcpStream::connect(first).is_err(), "the first is closed");
        let (first, second) = (ann.epsv(), ann.pasv());
        assert!(first == second || TcpStream::connect(first).is_err(), "the first is closed");
    }
    let there = ann.epsv();
    let data = TcpStream::connect(there).unwrap();
    ann.ask("RETR f").expect(150);
    assert_eq!(all(data), b"hello");
    ann.reply().expect(226);
    // An active one after a passive one, and the other way round.
    let unused = ann.epsv();
    let listener = ann.active();
    assert!(TcpStream::connect(unused).is_err());
    ann.send("RETR f");
    let data = listener.accept().unwrap().0;
    ann.reply().expect(150);
    assert_eq!(all(data), b"hello");
    ann.reply().expect(226);
}

#[test]
fn the_settings_say_which_ports_and_which_address() {
    let range = own_ports(0);
    let first: u16 = range.split('-').next().unwrap().parse().unwrap();
    let scene =
        Scene::with(&[("ftp", "passive_ports", &range), ("ftp", "passive_address", "192.0.2.77")]);
    scene.put("f", b"hello");
    let (mut one, mut two, mut three) = (scene.ann(), scene.ann(), scene.ann());
    let told = one.pasv();
    assert_eq!(told.ip(), IpAddr::from([192, 0, 2, 77]));
    let ports = [told.port(), two.epsv().port()];
    assert!(ports.iter().all(|port| (first..=first + 1).contains(port)), "{ports:?}");
    assert_ne!(ports[0], ports[1]);
    three.ask("EPSV").expect(425).says("no port is free");
    three.ask("PASV").expect(425).says("no port is free");
    // What another gives back is free again.
    two.ask("ABOR").expect(226);
    three.epsv();
    let data = TcpStream::connect(("127.0.0.1", told.port())).unwrap();
    one.ask("RETR f").expect(150);
    assert_eq!(all(data), b"hello");
    one.reply().expect(226);
}

#[test]
fn an_active_port_that_nobody_listens_at_is_425() {
    let scene = Scene::new();
    scene.put("f", b"hello");
    let mut ann = scene.ann();
    drop(ann.active());
    ann.ask("RETR f").expect(425).says("could not be made");
    drop(ann.active());
    ann.ask("STOR new").expect(425);
    assert_eq!(scene.stored("new"), None);
    assert_eq!(ann.fetch("f"), b"hello");
}
