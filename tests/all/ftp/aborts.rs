//! What a client says while a transfer runs: some is answered at once, the rest after it.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{LARGE, Scene, own_ports};
use crate::harness::{FtpTalk, bytes};

/// A download of more than all the buffers on the way, of which nothing is read.
#[track_caller]
fn stuck_download(scene: &Scene) -> (FtpTalk, TcpStream) {
    scene.put_large("big");
    let mut ann = scene.ann();
    let data = ann.begin("RETR big");
    (ann, data)
}

/// The ways to say it: plain, marked as urgent as Python's ftplib does, and as telnet wants it.
const WAYS: [fn(&FtpTalk); 4] = [
    |ann| ann.send("ABOR"),
    |ann| ann.send_urgent(b"ABOR\r\n"),
    |ann| {
        ann.send_urgent(b"\xff\xf4\xff\xf2");
        ann.send("ABOR");
    },
    |ann| {
        ann.send_bytes(b"\xff\xf4\xff");
        ann.send_urgent(b"\xf2");
        ann.send("abor");
    },
];

#[test]
fn an_abort_ends_a_download_however_it_is_said() {
    for say in WAYS {
        let scene = Scene::new();
        let (mut ann, mut data) = stuck_download(&scene);
        say(&ann);
        ann.reply().expect(426);
        ann.reply().expect(226);
        let mut some = Vec::new();
        let _ = data.read_to_end(&mut some);
        assert!(some.len() < LARGE, "the whole file came");
        ann.ask("PWD").expect(257);
        scene.put("f", b"hello");
        assert_eq!(ann.fetch("f"), b"hello");
    }
}

#[test]
fn an_abort_ends_an_upload_however_it_is_said() {
    for say in WAYS {
        let scene = Scene::new();
        let mut ann = scene.ann();
        let mut data = ann.begin("STOR f");
        data.write_all(b"a piece").unwrap();
        ann.until_moved(7);
        say(&ann);
        ann.reply().expect(426);
        ann.reply().expect(226);
        // The server has closed it.
        assert!(!matches!(data.read(&mut [0]), Ok(1..)));
        assert_eq!(scene.stored("f"), None);
        ann.ask("SIZE f").expect(213).says("7");
    }
}

#[test]
fn an_abort_ends_the_wait_for_a_data_connection_and_a_listing() {
    let scene = Scene::with(&[("ftp", "passive_ports", &own_ports(4))]);
    let mut ann = scene.ann();
    for command in ["STOR f", "LIST", "MLSD"] {
        let there = ann.epsv();
        ann.send(command);
        ann.ask("NOOP").expect(200).says("a transfer is running");
        ann.ask("ABOR").expect(426);
        ann.reply().expect(226);
        assert!(TcpStream::connect(there).is_err());
    }
    ann.ask("ABOR").expect(226);
    assert_eq!(ann.listed("NLST"), "");
}

#[test]
fn noop_and_stat_are_answered_at_once_and_the_rest_after_the_end() {
    let scene = Scene::new();
    let content = bytes(2, 500_000);
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(&content[..100_000]).unwrap();
    ann.until_moved(100_000);
    ann.ask("NOOP").expect(200);
    ann.send_bytes(b"\r\nSTAT\r\nNOOP\r\n");
    ann.reply().expect(211).says("100000 bytes so far");
    ann.reply().expect(200);
    // These wait, in their order, with what comes behind them.
    ann.send_bytes(b"SIZE f\r\nNOOP\r\nMKD d\r\nSTAT f\r\n\xff\xfe\r\nxx yy\r\n");
    data.write_all(&content[100_000..]).unwrap();
    drop(data);
    ann.reply().expect(226);
    ann.reply().expect(213).says("500000");
    ann.reply().expect(200).says("nothing done");
    ann.reply().expect(257);
    ann.reply().expect(213);
    ann.reply().expect(500).says("unknown command");
    assert!(scene.stored("f").unwrap() == content);
}

#[test]
fn quit_during_a_transfer_waits_for_its_end() {
    let scene = Scene::new();
    let content = bytes(3, 500_000);
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    ann.send("QUIT");
    data.write_all(&content).unwrap();
    drop(data);
    ann.reply().expect(226);
    ann.reply().expect(221);
    ann.expect_end();
    assert!(scene.stored("f").unwrap() == content);

    let mut ann = scene.ann();
    let mut data = ann.begin("RETR f");
    ann.send("QUIT");
    let mut all = Vec::new();
    data.read_to_end(&mut all).unwrap();
    assert!(all == content);
    ann.reply().expect(226);
    ann.reply().expect(221);
    ann.expect_end();
}

#[test]
fn a_client_that_leaves_a_download_is_noticed() {
    let scene = Scene::new();
    let (mut ann, data) = stuck_download(&scene);
    drop(data);
    ann.reply().expect(426);
    ann.ask("PWD").expect(257);
    let (ann, data) = stuck_download(&scene);
    drop(ann);
    scene.daemon.wait_for_log("ann@127.0.0.1 left");
    drop(data);
}
