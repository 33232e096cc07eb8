//! Connections that rest have no thread, and nobody who uses one notices.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};

use crate::harness::{CHUNK, Daemon, Frames, FtpTalk, Site, bytes, eventually, try_connect_from};

fn ground() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "64M").account("bob", "64M").admin("root");
    let daemon = site.start();
    (site, daemon)
}

#[track_caller]
fn all_rest(daemon: &Daemon) {
    eventually("no connection has a thread", || daemon.served() == 0);
}

#[test]
fn what_was_begun_before_a_rest_goes_on_after_it() {
    let (site, daemon) = ground();
    let content = bytes(1, 3 * CHUNK + 7);
    let mut uploading = daemon.login("ann");
    uploading.put("f", content.len(), 0).expect(802);
    uploading.chunk(0, &content[..2 * CHUNK]).expect(900);
    let mut moved = daemon.ftp("ann");
    moved.ask("MKD d").expect(257);
    moved.ask("CWD d").expect(250);
    let mut renaming = daemon.ftp("bob");
    renaming.store("old", b"content").expect(226);
    renaming.ask("RNFR old").expect(350);
    let mut unknown = daemon.connect();
    let mut named = FtpTalk::connect(daemon.ftp_addr());
    named.ask("USER ann").expect(331);
    for _ in 0..2 {
        all_rest(&daemon);
        // Whoever is spoken to rests again afterwards.
        assert_eq!(uploading.pwd(), "/");
    }
    uploading.chunk(2 * CHUNK, &content[2 * CHUNK..]).expect(900);
    uploading.done(&content).expect(900);
    assert!(std::fs::read(site.stored("ann", "f")).unwrap() == content);
    moved.ask("PWD").expect(257).says("\"/d\"");
    renaming.ask("RNTO new").expect(250);
    assert_eq!(std::fs::read(site.stored("bob", "new")).unwrap(), b"content");
    unknown.hello();
    unknown.prove("bob", &crate::harness::password("bob")).expect(254);
    named.ask(&format!("PASS {}", crate::harness::password("ann"))).expect(230);
}

#[test]
fn a_line_in_two_pieces_is_one_however_long_is_between_them() {
    let (_site, daemon) = ground();
    let mut ann = daemon.ftp("ann");
    let mut bob = daemon.login("bob");
    all_rest(&daemon);
    ann.send_bytes(b"MKD of tw");
    let request = crate::harness::request("PING", &miniftp::wire::Nothing::new(), &[]);
    bob.send_bytes(&request[..5]);
    // Both are waited for on a thread until the rest has come.
    eventually("they have threads", || daemon.served() == 2);
    ann.send_bytes(b"o\r\nPWD\r\n");
    ann.reply().expect(257).says("of two");
    ann.reply().expect(257).says("\"/\"");
    bob.send_bytes(&request[5..]);
    bob.read_answer().expect(200);
    all_rest(&daemon);
}

#[test]
fn a_passive_port_is_open_while_its_session_rests() {
    let (_site, daemon) = ground();
    let mut ann = daemon.ftp("ann");
    ann.store("f", b"content").expect(226);
    let there = ann.epsv();
    all_rest(&daemon);
    let mut data = std::net::TcpStream::connect(there).unwrap();
    ann.ask("STOR g").expect(150);
    data.write_all(b"more").unwrap();
    drop(data);
    ann.reply().expect(226);
    assert_eq!(ann.fetch("g"), b"more");
    // What one command leaves for the next is left over a rest.
    let there = ann.epsv();
    ann.ask("REST 3").expect(350);
    all_rest(&daemon);
    let mut data = std::net::TcpStream::connect(there).unwrap();
    ann.ask("RETR f").expect(150);
    let mut got = Vec::new();
    data.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"tent");
    ann.reply().expect(226);
}

#[test]
fn what_was_ahead_when_a_rest_began_still_comes() {
    let site = Site::new();
    site.account("ann", "64M");
    site.setting("ftp", "data_secs", "2").setting("server", "idle_secs", "4");
    let daemon = site.start();
    let (mut ann, bob) = (daemon.ftp("ann"), daemon.login("ann"));
    let there = ann.epsv();
    all_rest(&daemon);
    // Whoever else comes to the port is turned away until it is closed.
    let stranger = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    eventually("the port is closed", || try_connect_from(stranger, there).is_err());
    // That was nothing that a client says.
    ann.reply().expect(421).says("waited 4 s for the next request");
    bob.expect_bye(420).says("waited 4 s for the next request");
}

#[test]
fn those_that_rest_are_listed_ended_and_sent_the_reason() {
    let (_site, mut daemon) = ground();
    let ann = daemon.login("ann");
    let mut anns = daemon.ftp("ann");
    let mut bob = daemon.login("bob");
    let stranger: Frames = daemon.connect();
    let mut left = daemon.ftp("bob");
    all_rest(&daemon);
    let mut root = daemon.login("root");
    let listed = root.admin("who");
    assert_eq!(listed.cells().rows.len(), 6, "{:?}", listed.cells());
    root.admin("kick ann").expect(200);
    ann.expect_bye(427).says("ended by an administrator");
    anns.reply().expect(421).says("ended by an administrator");
    anns.expect_end();
    // Whoever has gone is gone from the list.
    drop(left.into_tcp());
    eventually("three are left", || root.admin("who").cells().rows.len() == 3);
    assert_eq!(bob.pwd(), "/");
    left = daemon.ftp("bob");
    all_rest(&daemon);
    daemon.term();
    for frames in [stranger, bob, root] {
        frames.expect_bye(421).says("the server is stopping");
    }
    left.reply().expect(421).says("the server is stopping");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[cfg(feature = "tls")]
#[test]
fn encrypted_ones_rest_too() {
    let (site, daemon) = ground();
    let mut shell = site.client("ann").typed().spawn(&["--tls", "required"]);
    for made in ["one", "two"] {
        shell.type_line(&format!("mkdir {made}"));
        eventually("it was made", || site.stored("ann", made).is_dir());
        all_rest(&daemon);
    }
    shell.type_line("quit");
    shell.wait().ok();
}
