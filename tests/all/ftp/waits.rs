//! Who waits for whom: no reply for the next command, no `ABOR` for commands that wait, no port for
//! a client that does not come, no goodbye for a transfer that does not move.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use super::{Scene, own_ports};
use crate::harness::{
    Daemon, FtpTalk, Site, bytes, connect_from, eventually, password, try_connect_from,
};

/// More than a second's work for a digest.
const HUGE: u64 = 8 << 30;

impl Scene {
    /// Puts a file there whose digest takes long.
    fn put_huge(&self, path: &str) {
        self.put(path, b"");
        let file = File::options().write(true).open(self.site.stored("ann", path)).unwrap();
        file.set_len(HUGE).unwrap();
    }
}

#[test]
fn the_reply_of_a_transfer_does_not_wait_for_the_next_command() {
    let scene = Scene::new();
    scene.put("f", b"hello");
    scene.put_huge("huge");
    for (command, content) in [("RETR f", &b"hello"[..]), ("NLST f", b"f\r\n"), ("STOR g", b"")] {
        let mut ann = scene.ann();
        let mut data = ann.data();
        ann.send_bytes(format!("{command}\r\nXMD5 huge\r\n").as_bytes());
        if command == "STOR g" {
            drop(data);
        } else {
            let mut all = Vec::new();
            data.read_to_end(&mut all).unwrap();
            assert_eq!(all, content);
        }
        ann.reply().expect(150);
        ann.reply().expect(226);
        // The digest runs.
        ann.ask("STAT").expect(211).says("the command is running");
        ann.ask("ABOR").expect(426);
        ann.reply().expect(226);
    }
}

#[test]
fn commands_that_wait_do_not_hide_an_abort() {
    let scene = Scene::new();
    scene.put_large("big");
    scene.put_huge("huge");
    for (running, needs_data) in [("RETR big", true), ("STOR new", true), ("XMD5 huge", false)] {
        let mut ann = scene.ann();
        let data = needs_data.then(|| ann.begin(running));
        if !needs_data {
            ann.send(running);
        }
        ann.send_bytes(b"SIZE big\r\nNOOP\r\nPWD\r\n");
        ann.ask("ABOR").expect(426);
        ann.reply().expect(226);
        // They are run in their order then.
        ann.reply().expect(213);
        ann.reply().expect(200).says("nothing done");
        ann.reply().expect(257);
        drop(data);
    }
    // More than are kept stay where they are, and lose nothing.
    let mut ann = scene.ann();
    let data = ann.begin("RETR big");
    let many = 3 * miniftp::limits::FTP_PENDING;
    ann.send_bytes("PWD\r\n".repeat(many).as_bytes());
    drop(data);
    ann.reply().expect(426);
    for _ in 0..many {
        ann.reply().expect(257);
    }
}

/// Waits until nobody listens there. Whoever looks is a stranger: the client would be let in.
#[track_caller]
fn until_closed(there: SocketAddr) {
    let stranger = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    eventually("the port is closed", || try_connect_from(stranger, there).is_err());
}

#[test]
fn a_passive_port_that_nobody_comes_to_is_closed() {
    for busy in ["", "NO", "XMD5 huge\r\n"] {
        let range = own_ports(6);
        let scene = Scene::with(&[("ftp", "data_secs", "1"), ("ftp", "passive_ports", &range)]);
        scene.put("f", b"hello");
        scene.put_huge("huge");
        let mut ann = scene.ann();
        for passive in ["EPSV", "PASV"] {
            let there = if passive == "EPSV" { ann.epsv() } else { ann.pasv() };
            ann.send_bytes(busy.as_bytes());
            until_closed(there);
            match busy {
                "" => {}
                "NO" => {
                    ann.ask("OP").expect(200);
                }
                _ => {
                    ann.ask("ABOR").expect(426);
                    ann.reply().expect(226);
                }
            }
            ann.ask("RETR f").expect(425).says("waited 1 s for the data connection");
            ann.ask("RETR f").expect(425).says("comes first");
            assert_eq!(ann.fetch("f"), b"hello");
        }
    }
}

/// Replies that nobody reads keep the server waiting, and no port open.
#[test]
fn a_passive_port_is_closed_though_the_client_reads_no_replies() {
    const MANY: usize = 3000;
    let settings = [
        ("ftp", "data_secs", "1"),
        ("ftp", "passive_ports", &own_ports(2)),
        ("server", "frame_secs", "3600"),
    ];
    let scene = Scene::with(&settings);
    scene.put("f", b"hello");
    let mut ann = scene.ann();
    let there = ann.epsv();
    ann.send_bytes("HELP\r\n".repeat(MANY).as_bytes());
    until_closed(there);
    for _ in 0..MANY {
        ann.reply().expect(214);
    }
    ann.ask("RETR f").expect(425).says("waited 1 s for the data connection");
    assert_eq!(ann.fetch("f"), b"hello");
    // Nor in the middle of a transfer that waits for its connection.
    let there = ann.epsv();
    ann.send("RETR f");
    ann.tcp().set_nonblocking(true).unwrap();
    let stranger = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    let noops = "NOOP\r\n".repeat(10_000);
    eventually("the port is closed", || {
        while ann.tcp().write(noops.as_bytes()).is_ok() {}
        try_connect_from(stranger, there).is_err()
    });
}

#[test]
fn a_client_that_has_come_in_time_is_served_though_its_port_was_closed() {
    let range = own_ports(8);
    let scene = Scene::with(&[("ftp", "data_secs", "1"), ("ftp", "passive_ports", &range)]);
    scene.put("f", b"hello");
    let mut ann = scene.ann();
    let there = ann.epsv();
    let mut data = TcpStream::connect(there).unwrap();
    until_closed(there);
    ann.ask("RETR f").expect(150);
    let mut all = Vec::new();
    data.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"hello");
    drop(data);
    ann.reply().expect(226);
}

#[test]
fn an_active_connection_leaves_from_the_address_that_the_client_came_to() {
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = Daemon::start_ftp_on(&site, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let port = daemon.ftp_addr().port();
    for last in [2, 3] {
        // The way back would choose 127.0.0.1 otherwise.
        let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let there = SocketAddr::from(([127, 0, 0, last], port));
        let mut ann = FtpTalk::over(connect_from(own, there));
        ann.reply().expect(220);
        ann.log_in("ann", &password("ann")).expect(230);
        let listener = TcpListener::bind((own, 0)).unwrap();
        let [high, low] = listener.local_addr().unwrap().port().to_be_bytes();
        ann.ask(&format!("PORT 127,0,0,1,{high},{low}")).expect(200);
        ann.send("LIST");
        let (data, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), there.ip());
        drop(data);
        ann.reply().expect(150);
    }
}

/// What ends a session or its login.
const LEAVING: [(&str, u16); 4] = [("QUIT", 221), ("BYE", 221), ("REIN", 220), ("USER ann", 331)];

#[test]
fn whoever_leaves_does_not_wait_for_a_connection_that_nobody_makes() {
    // Not the deadline of the data connection ends the wait.
    let scene = Scene::with(&[("ftp", "data_secs", "3600")]);
    scene.put("f", b"hello");
    for ((line, code), command) in LEAVING.into_iter().zip(["RETR f", "LIST", "STOR g", "APPE g"]) {
        let mut ann = scene.ann();
        ann.epsv();
        ann.send_bytes(format!("{command}\r\n{line}\r\n").as_bytes());
        ann.reply().expect(425).says("leaving");
        ann.reply().expect(code);
    }
    assert_eq!(scene.stored("g"), None);
}

#[test]
fn whoever_leaves_waits_for_a_transfer_that_moves_and_for_no_other() {
    let scene = Scene::with(&[("ftp", "data_secs", "3600")]);
    let content = bytes(7, 500_000);
    for (line, code) in LEAVING {
        let mut ann = scene.ann();
        let mut data = ann.begin("STOR f");
        ann.send(line);
        data.write_all(&content).unwrap();
        drop(data);
        ann.reply().expect(226);
        ann.reply().expect(code);
        assert!(scene.stored("f").unwrap() == content);
    }
    for ((line, code), command) in LEAVING.into_iter().zip(["STOR g", "RETR big", "RETR big"]) {
        let mut ann = scene.ann();
        if command == "RETR big" {
            scene.put_large("big");
        }
        let mut data = ann.begin(command);
        if command == "STOR g" {
            data.write_all(&content).unwrap();
        }
        ann.send(line);
        ann.reply().expect(426);
        ann.reply().expect(code);
        drop(data);
    }
    scene.ann().ask("SIZE g").expect(213).says("500000");
}
