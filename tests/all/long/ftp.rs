//! Long commands of FTP, with the control connection heard meanwhile.

use std::io::{Read, Write};

use super::{End, HUGE, Scene};
use crate::harness::{FtpTalk, reset, stored_bytes};

/// What computes a digest of a whole file.
const DIGESTS: [&str; 4] = ["HASH huge", "XMD5 huge", "XSHA256 huge", "XCRC huge"];

/// A session in which a digest is being computed, and whose NOOP and STAT are answered.
#[track_caller]
fn computing(scene: &Scene, command: &str) -> FtpTalk {
    let mut ann = scene.daemon.ftp("ann");
    ann.send(command);
    ann.ask("NOOP").expect(200).says("the command is running");
    ann.ask("STAT").expect(211).says(&format!(" of {HUGE} bytes so far"));
    ann
}

#[test]
fn an_abort_ends_a_digest_and_what_came_after_it_is_done() {
    let scene = Scene::new();
    for command in DIGESTS {
        let mut ann = computing(&scene, command);
        ann.send_bytes(b"ABOR\r\nPWD\r\n");
        ann.reply().expect(426);
        ann.reply().expect(226);
        ann.reply().expect(257);
    }
    // A command that waits keeps nothing else from ending it.
    let ann = computing(&scene, "XSHA256 huge");
    ann.send_bytes(b"PWD\r\n");
    scene.leave(ann.tcp(), false);
    scene.daemon.wait_for_log("ann@127.0.0.1 left");
}

#[test]
fn a_digest_ends_with_its_client() {
    for by_reset in [false, true] {
        for waits in ["", "PWD\r\nQUIT\r\n"] {
            let scene = Scene::new();
            let ann = computing(&scene, "XSHA256 huge");
            ann.send_bytes(waits.as_bytes());
            if by_reset {
                reset(ann.into_tcp());
            } else {
                drop(ann);
            }
            scene.daemon.wait_for_log("ann@127.0.0.1 left");
        }
    }
}

#[test]
fn a_digest_ends_with_its_session_and_with_the_server() {
    for how in End::ALL {
        let mut scene = Scene::new();
        let mut all: Vec<FtpTalk> =
            DIGESTS.iter().map(|command| computing(&scene, command)).collect();
        scene.end(how);
        for ann in &mut all {
            ann.reply().expect(421);
            ann.expect_end();
        }
        scene.check_after(how);
    }
}

#[test]
fn a_copy_before_appe_and_rest_is_heard_through_and_leaves_nothing() {
    const LARGE: u64 = 2 << 30;
    let site = crate::harness::Site::on_disk();
    site.account("ann", "unlimited");
    super::holes(&site, "ann", "large", LARGE);
    let daemon = site.start();
    for (rest, command) in [(None, "APPE large"), (Some(LARGE - 1), "STOR large")] {
        let mut ann = daemon.ftp("ann");
        if let Some(rest) = rest {
            ann.ask(&format!("REST {rest}")).expect(350);
        }
        let mut data = ann.begin(command);
        data.write_all(b"more").unwrap();
        let words = format!(" of {} bytes so far", rest.unwrap_or(LARGE));
        crate::harness::eventually("the copy has begun", || {
            ann.ask("STAT").expect(211).text().contains(&words)
        });
        ann.ask("ABOR").expect(426);
        ann.reply().expect(226);
        let mut rest = Vec::new();
        let _ = data.read_to_end(&mut rest);
        assert_eq!(stored_bytes(&site.home(), "ann"), LARGE);
        assert_eq!(ann.used_bytes(), LARGE);
    }
}

#[test]
fn a_connection_to_a_client_that_does_not_take_it_can_be_aborted() {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};
    let scene = Scene::new();
    let mut ann = scene.daemon.ftp("ann");
    // A queue with room for one, which a connection of our own takes: the next one waits.
    let full = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::empty(), None);
    let full = full.unwrap();
    bind(&full, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&full, 0).unwrap();
    let full = std::net::TcpListener::from(full);
    let port = full.local_addr().unwrap().port();
    let fill = || {
        let socket =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None);
        let socket = socket.unwrap();
        let _ = connect(&socket, &full.local_addr().unwrap());
        socket
    };
    let filled = [fill(), fill(), fill()];
    ann.ask(&format!("EPRT |1|127.0.0.1|{port}|")).expect(200);
    ann.send("LIST");
    ann.ask("NOOP").expect(200).says("a transfer is running");
    ann.ask("ABOR").expect(426);
    ann.reply().expect(226);
    ann.ask("PWD").expect(257);
    drop(filled);
}
