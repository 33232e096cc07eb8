//! The control line: however the bytes come, each line gets one right reply, in order.

use miniftp::limits;

use super::Scene;
use crate::harness::FtpTalk;

#[test]
fn a_line_is_a_line_however_it_was_cut_on_its_way() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    for line in [&b"NOOP\r\n"[..], b"noop\n", b"\xff\xf1NOOP\r\n", b"HELP NOOP\r\n"] {
        for byte in line {
            ann.send_bytes(&[*byte]);
        }
        assert!([200, 214].contains(&ann.reply().code));
    }
    for cut in 1..10 {
        ann.send_bytes(&b"NOOP\r\nPWD\r\n"[..cut]);
        // An answer shows that the rest has not come with it, if there is one.
        if cut >= 6 {
            ann.reply().expect(200);
        }
        ann.send_bytes(&b"NOOP\r\nPWD\r\n"[cut..]);
        if cut < 6 {
            ann.reply().expect(200);
        }
        ann.reply().expect(257);
    }
}

#[test]
fn twenty_commands_in_one_packet_get_twenty_replies_in_order() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let mut packet = Vec::new();
    for number in 0..10 {
        packet.extend_from_slice(format!("MKD folder-{number}\r\nNOOP\r\n").as_bytes());
    }
    ann.send_bytes(&packet);
    for number in 0..10 {
        ann.reply().expect(257).says(&format!("/folder-{number}\""));
        ann.reply().expect(200);
    }
    // The whole of a session, from the first word on.
    let mut glued = FtpTalk::connect(scene.daemon.ftp_addr());
    glued.send_bytes(
        b"USER ann\nPASS ann-secret\r\nSYST\r\n\r\n\nTYPE I\r\nPWD\nNO\r\nCWD x y\r\nQUIT\r\n\
        PWD\r\n",
    );
    for code in [331, 230, 215, 200, 257, 500, 550, 221] {
        glued.reply().expect(code);
    }
    glued.expect_end();
}

#[test]
fn thousands_of_commands_without_reading_are_answered_one_by_one() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let begun = scene.daemon.rss_bytes();
    let writer = ann.tcp().try_clone().unwrap();
    let times = 20_000;
    let sending = std::thread::spawn(move || {
        use std::io::Write;
        (&writer).write_all("NOOP\r\n".repeat(times).as_bytes()).unwrap();
    });
    for _ in 0..times {
        ann.reply().expect(200);
    }
    sending.join().unwrap();
    ann.ask("PWD").expect(257);
    let grown = scene.daemon.rss_bytes().saturating_sub(begun);
    assert!(grown < 2 << 20, "{grown} bytes more");
}

#[test]
fn words_of_telnet_are_no_words_of_ours() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    for line in [
        &b"\xff\xf4\xff\xf2NOOP\r\n"[..],
        b"NO\xff\xfb\x01OP\r\n",
        b"\xff\xfd\x0aNOOP\r\n",
        b"\xff\xfa\x18\x00\n\xff\xff\xff\xf0NOOP\r\n",
        b"NOOP\xff\xf1\r\n",
    ] {
        ann.send_bytes(line);
        ann.reply().expect(200);
    }
    // Nothing but telnet is nothing.
    ann.send_bytes(b"\xff\xfc\x01\r\n\xff\xf9\r\nPWD\r\n");
    ann.reply().expect(257);
    // A 255 that is no command of telnet hides no line's end.
    ann.send_bytes(b"MKD a\xff\r\nMKD \xff\nPWD\r\n");
    ann.reply().expect(501).says("UTF-8");
    ann.reply().expect(501).says("UTF-8");
    ann.reply().expect(257);
}

#[test]
fn a_line_over_the_limit_is_told_once_and_nobody_pays_for_it() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    // A verb, a blank, the name and a CR.
    let fits = "/".repeat(limits::FTP_LINE - 5);
    ann.ask(&format!("CWD {fits}")).expect(250).says("\"/\"");
    ann.ask(&format!("CWD {fits}/")).expect(500).says("too long");
    ann.ask("PWD").expect(257);
    let begun = scene.daemon.rss_bytes();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..16 {
        ann.send_bytes(&piece);
    }
    ann.reply().expect(500).says("too long");
    ann.send_bytes(b"\r\nPWD\r\n");
    ann.reply().expect(257);
    let grown = scene.daemon.rss_bytes().saturating_sub(begun);
    assert!(grown < 1 << 20, "{grown} bytes more");
    // Nor does a stranger's, in one of telnet's brackets that nobody closes.
    let mut stranger = FtpTalk::connect(scene.daemon.ftp_addr());
    stranger.send_bytes(b"\xff\xfa");
    stranger.send_bytes(&piece);
    stranger.reply().expect(500).says("too long");
    stranger.send_bytes(b"\r\nNOOP\r\n");
    stranger.reply().expect(200);
}

#[test]
fn what_is_no_text_gets_one_reply_and_the_next_line_its_own() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let table: [(&[u8], u16); 14] = [
        (b"\0\r\n", 500),
        (b"NO\0OP\r\n", 500),
        (b"NOOP\0\r\n", 500),
        (b"\x1b[A\r\n", 500),
        (b"\x80\x81\r\n", 500),
        (b"NOOP\r\r\n", 500),
        (b"PWD\t\r\n", 500),
        (b"MKD \0\r\n", 501),
        (b"MKD a\0b\r\n", 501),
        (b"MKD a\x08b\r\n", 501),
        (b"MKD a\rPWD\r\n", 501),
        (b"MKD \xc3\x28\r\n", 501),
        (b"MKD \xed\xa0\x80\r\n", 501),
        (b"MKD a\xc2\x85b\r\n", 501),
    ];
    for (line, code) in table {
        ann.send_bytes(line);
        let shown = line.escape_ascii();
        assert_eq!(ann.reply().code, code, "{shown}");
        ann.ask("PWD").expect(257);
    }
    assert_eq!(ann.listed("NLST"), "");
}

#[test]
fn who_begins_a_line_and_never_ends_it_is_not_waited_for() {
    let scene = Scene::with(&[("server", "frame_secs", "1")]);
    let mut ann = scene.ann();
    ann.send_bytes(b"NOO");
    ann.reply().expect(421).says("waited 1 s for the rest of a message");
    ann.expect_end();
    let idle = Scene::with(&[("server", "idle_secs", "1")]);
    let mut silent = idle.ann();
    silent.reply().expect(421).says("waited 1 s for the next request");
    silent.expect_end();
    let strangers = Scene::with(&[("server", "login_secs", "1")]);
    let mut stranger = FtpTalk::connect(strangers.daemon.ftp_addr());
    stranger.reply().expect(421).says("waited 1 s for the login");
    stranger.expect_end();
}
