//! Behind a proxy that says whose each connection is (PROXY protocol, version 2): who may come, how
//! many, and from where is a matter of the client's address and not of the proxy's.

#[cfg(feature = "tls")]
mod encrypted;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::harness::{
    Daemon, Frames, FtpTalk, Site, bytes, connect_from, eventually, outer_address, password,
};

/// A client elsewhere, and the address of the proxy that it came to.
const CLIENT: &str = "192.0.2.7:40000";
const PROXY: &str = "203.0.113.5:21";

/// A header by the words of the protocol's description, sections 2.2 and 2.3.
fn header(from: &str, to: &str) -> Vec<u8> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let mut body = Vec::new();
    for address in [from, to] {
        match address.ip() {
            std::net::IpAddr::V4(v4) => body.extend(v4.octets()),
            std::net::IpAddr::V6(v6) => body.extend(v6.octets()),
        }
    }
    body.extend(from.port().to_be_bytes());
    body.extend(to.port().to_be_bytes());
    let family = if from.is_ipv4() { 0x11 } else { 0x21 };
    whole(0x21, family, &body)
}

fn whole(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend((body.len() as u16).to_be_bytes());
    header.extend(body);
    header
}

fn connect(addr: SocketAddr, header: &[u8]) -> TcpStream {
    let mut tcp = TcpStream::connect(addr).unwrap();
    tcp.write_all(header).unwrap();
    tcp
}

/// A connection of the framed protocol, greeted.
fn framed(daemon: &Daemon, header: &[u8]) -> Frames {
    let mut frames = Frames::over(connect(daemon.addr(), header));
    frames.read_frame().expect("a greeting");
    frames
}

fn ftp(daemon: &Daemon, header: &[u8]) -> FtpTalk {
    let mut talk = FtpTalk::over(connect(daemon.ftp_addr(), header));
    talk.reply().expect(220);
    talk
}

/// The connection ends without a word.
#[track_caller]
fn is_refused(mut tcp: TcpStream, what: &str) {
    // It may be closed already.
    let _ = tcp.shutdown(std::net::Shutdown::Write);
    let mut said = Vec::new();
    // A reset is an end too.
    let _ = tcp.read_to_end(&mut said);
    assert!(said.is_empty(), "{what}: {}", String::from_utf8_lossy(&said));
}

/// A server behind a proxy at this machine, whose clients need no TLS.
fn site() -> Site {
    let site = Site::new();
    site.account("ann", "10M").setting("server", "proxies", "127.0.0.1, ::1");
    site.setting("server", "tls", "preferred").setting("ftp", "clear_passwords", "anywhere");
    site
}

#[test]
fn limits_and_the_log_go_by_the_address_that_the_proxy_names() {
    let site = site();
    site.setting("server", "connections_per_address", "2");
    let daemon = site.start();
    let _two = [(); 2].map(|()| {
        let mut frames = framed(&daemon, &header(CLIENT, PROXY));
        frames.log_in("ann", &password("ann")).expect(254);
        frames
    });
    daemon.wait_for_log("192.0.2.7");
    let third = Frames::over(connect(daemon.addr(), &header(CLIENT, PROXY)));
    third.expect_bye(422).says("2 connections from one address at most");
    // Somebody else comes through the same proxy.
    framed(&daemon, &header("192.0.2.8:1", PROXY)).log_in("ann", &password("ann")).expect(254);
    let v6 = header("[2001:db8::7]:1", "[2001:db8::1]:2020");
    framed(&daemon, &v6).log_in("ann", &password("ann")).expect(254);
    daemon.wait_for_log("2001:db8::7");
}

/// Guesses through a proxy ban whoever made them, by both protocols, and never the proxy.
#[test]
fn a_ban_is_for_the_client_and_not_for_its_proxy() {
    let site = site();
    site.account("bob", "1M").setting("login", "ban_address_after", "6");
    site.setting("login", "delay_millis", "0").setting("login", "delay_most_millis", "0");
    let daemon = site.start();
    let other = header("192.0.2.8:40000", PROXY);
    for name in ["ann", "bob", "n1"] {
        framed(&daemon, &header(CLIENT, PROXY)).log_in(name, "guess").expect(253);
        ftp(&daemon, &header(CLIENT, PROXY)).log_in(name, "guess").expect(530);
    }
    daemon.wait_for_log("address 192.0.2.7 is banned until ");
    let banned = "this address is banned: 6 failed logins within 10 min; try again in ";
    let refused = Frames::over(connect(daemon.addr(), &header(CLIENT, PROXY)));
    refused.expect_bye(428).says(banned);
    let mut refused = FtpTalk::over(connect(daemon.ftp_addr(), &header(CLIENT, PROXY)));
    refused.reply().expect(421).says(banned);
    framed(&daemon, &other).log_in("ann", &password("ann")).expect(254);
    ftp(&daemon, &other).log_in("ann", &password("ann")).expect(230);
    // The proxy itself, which is on this machine.
    framed(&daemon, &whole(0x20, 0, &[])).log_in("ann", &password("ann")).expect(254);
}

#[test]
fn a_client_behind_a_proxy_on_this_machine_is_not_on_this_machine() {
    let site = site();
    site.setting("ftp", "clear_passwords", "loopback");
    let daemon = site.start();
    let mut far = ftp(&daemon, &header(CLIENT, PROXY));
    far.ask("USER ann").expect(530);
    // The proxy itself, which looks whether the server is there, is.
    let mut own = ftp(&daemon, &whole(0x20, 0, &[]));
    own.log_in("ann", &password("ann")).expect(230);
    let mut near = ftp(&daemon, &header("127.0.0.1:5", "127.0.0.1:21"));
    near.log_in("ann", &password("ann")).expect(230);
}

/// Where a proxy runs elsewhere, its own machine is not this one, whatever it is called there.
#[test]
fn a_client_at_the_machine_of_a_proxy_elsewhere_is_not_on_this_machine() {
    let Some(elsewhere) = outer_address() else { return };
    let site = site();
    site.setting("server", "proxies", &elsewhere.to_string());
    site.setting("ftp", "clear_passwords", "loopback");
    let daemon = Daemon::start_ftp_on(&site, elsewhere);
    for from in ["127.0.0.1:5", "[::1]:5", "[::ffff:127.0.0.1]:5"] {
        let to = if from.starts_with('[') { "[::1]:21" } else { "127.0.0.1:21" };
        let mut tcp = connect_from(elsewhere, daemon.ftp_addr());
        tcp.write_all(&header(from, to)).unwrap();
        let mut talk = FtpTalk::over(tcp);
        talk.reply().expect(220);
        talk.ask("USER ann").expect(530);
    }
}

#[test]
fn a_proxy_without_a_header_and_a_header_of_somebody_else_are_refused() {
    let site = site();
    let daemon = site.start();
    let mut strange: Vec<Vec<u8>> = vec![
        b"USER ann\r\nPASS ann-secret\r\n".to_vec(),
        // The first version of the protocol, which is a line.
        b"PROXY TCP4 192.0.2.7 203.0.113.5 40000 21\r\n".to_vec(),
        whole(0x21, 0, &[]),
        whole(0x21, 0x31, &[0; 216]),
        whole(0x11, 0x11, &[0; 12]),
        whole(0x21, 0x11, &[0; 11]),
        whole(0x21, 0x11, &vec![0; 2000]),
    ];
    strange.push(header(CLIENT, PROXY)[..20].to_vec());
    for bytes in strange {
        for addr in [daemon.addr(), daemon.ftp_addr()] {
            is_refused(connect(addr, &bytes), &format!("{bytes:?}"));
        }
    }
    daemon.wait_for_log("is one of [server] proxies: no PROXY header came in time");
    daemon.wait_for_log("is one of [server] proxies: instead of a PROXY header came");
    // From now on this machine is no proxy: its header is not believed.
    site.setting("server", "proxies", "198.51.100.0/24");
    daemon.login("ann");
    let mut talk = FtpTalk::over(connect(daemon.ftp_addr(), &header("127.0.0.1:5", PROXY)));
    talk.reply().expect(220);
    talk.reply().expect(500);
    let mut frames = Frames::over(connect(daemon.addr(), &header("127.0.0.1:5", PROXY)));
    frames.read_frame().expect("a greeting");
    frames.expect_bye(424);
}

#[test]
fn data_connections_come_through_the_proxy_too_and_only_the_clients_own() {
    let site = site();
    let content = bytes(3, 100_000);
    let daemon = site.start();
    let mut talk = ftp(&daemon, &header(CLIENT, PROXY));
    talk.log_in("ann", &password("ann")).expect(230);
    talk.ask("TYPE I").expect(200);
    let reported = talk.ask("PASV").expect(227).text();
    assert!(reported.contains("(203,0,113,5,"), "{reported}");

    let addr = talk.epsv();
    // Somebody else's, and one without a header: both are turned away, and the port stays.
    let stolen = connect(addr, &header("192.0.2.8:40000", PROXY));
    let bare = connect(addr, b"");
    let _ = bare.shutdown(std::net::Shutdown::Write);
    let mut data = connect(addr, &header("192.0.2.7:40001", PROXY));
    talk.ask("STOR f.bin").expect(150);
    data.write_all(&content).unwrap();
    drop((data, stolen, bare));
    talk.reply().expect(226);
    assert_eq!(fs::read(site.stored("ann", "f.bin")).unwrap(), content);

    let addr = talk.epsv();
    let mut data = connect(addr, &header("192.0.2.7:40002", PROXY));
    talk.ask("RETR f.bin").expect(150);
    let mut got = Vec::new();
    data.read_to_end(&mut got).unwrap();
    talk.reply().expect(226);
    assert_eq!(got, content);
}

/// Whoever is at the proxy's own machine sends the header on data connections too.
#[test]
fn a_header_is_no_part_of_what_the_proxy_itself_stores() {
    let site = site();
    let daemon = site.start();
    let local = whole(0x20, 0, &[]);
    let mut talk = ftp(&daemon, &local);
    talk.log_in("ann", &password("ann")).expect(230);
    talk.ask("TYPE I").expect(200);
    let addr = talk.epsv();
    let bare = connect(addr, b"bare");
    let mut data = connect(addr, &local);
    talk.ask("STOR f.bin").expect(150);
    data.write_all(b"content").unwrap();
    drop((data, bare));
    talk.reply().expect(226);
    let addr = talk.epsv();
    let mut data = connect(addr, &local);
    talk.ask("RETR f.bin").expect(150);
    let mut got = Vec::new();
    data.read_to_end(&mut got).unwrap();
    talk.reply().expect(226);
    assert_eq!(got, b"content");
}

/// A proxy that says nothing is waited for, and holds up nobody else meanwhile.
#[test]
fn connections_that_say_nothing_hold_up_nobody() {
    let site = site();
    let daemon = site.start();
    let silent: Vec<TcpStream> =
        (0..miniftp::limits::PROXY_WAITING).map(|_| connect(daemon.addr(), b"")).collect();
    daemon.wait_for_log("is one of [server] proxies: no PROXY header came in time");
    drop(silent);
    eventually("there is room again", || {
        let mut frames = Frames::over(connect(daemon.addr(), &header(CLIENT, PROXY)));
        frames.read_frame().is_some()
    });
}

/// Each of them once held up the session for five seconds, its control line included.
#[test]
fn silent_connections_to_a_passive_port_hold_up_nobody() {
    let site = site();
    let daemon = site.start();
    let mut talk = ftp(&daemon, &header(CLIENT, PROXY));
    talk.log_in("ann", &password("ann")).expect(230);
    talk.ask("TYPE I").expect(200);
    let many = miniftp::limits::PROXY_UNNAMED + 4;
    let addr = talk.epsv();
    let silent: Vec<TcpStream> = (0..many).map(|_| connect(addr, b"")).collect();
    talk.send("STOR f.bin\r\nABOR\r\n");
    talk.reply().expect(426);
    talk.reply().expect(226);
    drop(silent);
    let addr = talk.epsv();
    let silent: Vec<TcpStream> = (0..many).map(|_| connect(addr, b"")).collect();
    let head = header("192.0.2.7:40001", PROXY);
    let mut data = connect(addr, &head[..7]);
    talk.send("STOR f.bin\r\nNOOP\r\n");
    talk.reply().expect(200);
    data.write_all(&[&head[7..], b"content"].concat()).unwrap();
    talk.reply().expect(150);
    drop((data, silent));
    talk.reply().expect(226);
    assert_eq!(fs::read(site.stored("ann", "f.bin")).unwrap(), b"content");
    daemon.wait_for_log("passive port of 192.0.2.7: no PROXY header came in time");
}

#[test]
fn a_list_that_cannot_be_read_is_named() {
    let site = Site::new();
    for list in ["192.0.2.7/33", "nobody", "127.0.0.1,,::1"] {
        site.setting("server", "proxies", list);
        let said = site.miniftpd(&["check"], "").out;
        assert!(said.contains("expected addresses or networks, such as 192.0.2.7"), "{said}");
    }
}
