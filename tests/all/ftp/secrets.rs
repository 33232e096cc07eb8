//! Passwords stay where they belong: not in the log, however they were sent, nor in a reply.

use super::Scene;
use crate::harness::FtpTalk;

const SECRET: &str = "ann-secret";

#[test]
fn the_log_never_has_a_password() {
    let scene = Scene::new();
    let lines: &[&[u8]] = &[
        b"USER ann\r\nPASS ann-secret\r\nQUIT\r\n",
        b"user ann\npAsS ann-secret\nQUIT\n",
        b"USER ann\r\nPASS  ann-secret\r\nQUIT\r\n",
        b"USER ann\r\nPASS\tann-secret\r\nQUIT\r\n",
        b"USER ann\r\nPA\xff\xf1SS ann-secret\r\nQUIT\r\n",
        b"USER ann\r\nPASS ann-secret\0\r\nQUIT\r\n",
        b"PASS ann-secret\r\nACCT ann-secret\r\nQUIT\r\n",
        b"USER ann\r\nPSAS ann-secret\r\nQUIT\r\n",
        b"USER ann\r\nPASSWORD ann-secret\r\nQUIT\r\n",
        b"USER ann\r\nPASSannsecret\r\nQUIT\r\n",
        b"USER ann\r\nPASS ann-secret\r\nPASS ann-secret\r\nQUIT\r\n",
        b"USER nobody\r\nPASS ann-secret\r\nQUIT\r\n",
    ];
    for line in lines {
        let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
        talk.send_bytes(line);
        while let Some(reply) = talk.next_reply() {
            if !reply.text().starts_with("unknown command") {
                assert!(!reply.text().contains(SECRET), "{reply:?}");
            }
        }
    }
    // Byte by byte, and not to its end.
    let talk = FtpTalk::connect(scene.daemon.ftp_addr());
    for byte in b"USER ann\r\nPASS ann-secret" {
        talk.send_bytes(&[*byte]);
    }
    drop(talk);
    let mut last = FtpTalk::connect(scene.daemon.ftp_addr());
    last.ask("HELP PLEASE").expect(502);
    scene.daemon.wait_for_log("PLEASE");
    let log = scene.daemon.whole_log();
    assert!(log.contains("PASS") && log.contains("***"), "the log has what it should have: {log}");
    for secret in [SECRET, "annsecret", "ANNSECRET", "ANN-SECRET"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn names_in_the_log_cannot_forge_its_lines() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    ann.ask("CWD x\u{85}y").expect(501);
    ann.ask("MKD \u{202e}gnorw").expect(553);
    ann.ask("USER evil name").expect(331);
    ann.ask("PASS x").expect(530);
    scene.daemon.wait_for_log("login refused: no account has that name");
    assert!(!scene.daemon.log().contains('\u{202e}'));
}
