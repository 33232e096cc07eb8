//! Nothing in any of the logs that is secret, and no name as it came, at the level that says most.

use miniftp::wire;

use super::Scene;
use crate::harness::FtpTalk;

/// Passwords, right and wrong, and an invitation.
const SECRETS: [&str; 5] = ["ann-secret", "root-secret", "swordfish", "SPRING-7Q2K", "SCRAM-SHA"];
/// Names that could act on a terminal, or end a line.
const NAMES: [&str; 5] =
    ["a\nb", "\u{1b}]0;title\u{7}", "\u{202e}gnorw", "\u{9b}2J", "x\r\nann@127.0.0.1 login"];

fn by_the_framed_door(scene: &Scene) {
    for (name, password) in [
        ("ann", "swordfish"),
        ("ann-secret", "ann"),
        ("swordfish", "ann-secret"),
        ("ann", "root-secret"),
        ("SPRING-7Q2K", "x"),
    ] {
        scene.daemon.connect().log_in(name, password);
    }
    for name in NAMES {
        // What our own client would not send.
        let login = format!("n,,n={name},r=swordfish");
        let mut talk = scene.daemon.connect();
        talk.hello();
        talk.request("LOGIN", &wire::Login::new(&login));
        talk.request("PROOF", &wire::Login::new("c=biws,r=swordfish,p=c3dvcmRmaXNo"));
    }
    let mut stranger = scene.daemon.connect();
    for name in ["ann-secret ", "col"] {
        let ask = wire::Register::new(name, "SCRAM-SHA-256$swordfish", "SPRING-7Q2K");
        stranger.request("REGISTER", &ask);
    }
    let mut ann = scene.daemon.login("ann");
    for name in NAMES {
        ann.mkdir(name, false).expect(255);
        ann.store(name, b"x", 0).expect(255);
        ann.put(name, 10, 0).expect(255);
        ann.get(name).expect(255);
        ann.mv(name, "/x", false).expect(255);
        ann.rm(name, true).expect(255);
        ann.on("FORGET", name).expect(255);
    }
    ann.store("/f", b"x", 0).expect(900);
    ann.mv("/f", NAMES[0], false).expect(255);
    scene.site.client("ann").env("MINIFTP_NEW_PASSWORD", "swordfish").run(&["passwd"]).ok();
    scene
        .site
        .client("root")
        .env("MINIFTP_NEW_PASSWORD", "ann-secret")
        .run(&["admin", "passwd", "ann"]);
    scene.site.client("root").run(&["admin", "show", NAMES[2]]);
    scene.site.client("root").run(&["admin", "kick", NAMES[2]]);
}

fn by_the_ftp_door(scene: &Scene) {
    for (name, password) in
        [("ann", "swordfish"), ("ann-secret", "ann"), ("swordfish", "ann-secret")]
    {
        FtpTalk::connect(scene.daemon.ftp_addr()).log_in(name, password);
    }
    for name in NAMES {
        let talk = FtpTalk::connect(scene.daemon.ftp_addr());
        talk.send(&format!("USER {name}"));
        talk.send("PASS swordfish");
    }
    let mut ann = scene.daemon.ftp("ann");
    for name in &NAMES[1..4] {
        for verb in ["MKD", "RMD", "DELE", "RNFR", "MFMT 20200101000000"] {
            ann.ask(&format!("{verb} {name}"));
        }
    }
    for bytes in [&b"MKD \xff\xfe\r\n"[..], b"RETR \xc3\x28\r\n", b"USER \xff\xf4\r\n"] {
        ann.send_bytes(bytes);
        ann.reply();
    }
}

#[test]
fn no_secret_and_no_raw_name_is_in_any_log() {
    for format in ["people", "json"] {
        let scene = Scene::with(format);
        by_the_framed_door(&scene);
        by_the_ftp_door(&scene);
        let log = scene.log();
        assert!(log.matches("no account has that name").count() >= 5, "{log}");
        for (what, text) in
            [("log", log), ("xferlog", scene.read("xferlog")), ("stderr", scene.daemon.log())]
        {
            for secret in SECRETS {
                assert!(!text.contains(secret), "{format} {what} has {secret}:\n{text}");
            }
            let raw = text.chars().find(|c| *c != '\n' && miniftp::text::is_harmful(*c));
            assert_eq!(raw, None, "{format} {what}");
            for line in text.lines() {
                let fine = match (what, format) {
                    ("log", "json") => line.starts_with("{\"time\":\"2") && line.ends_with('}'),
                    ("log", _) => line.starts_with("2") && line.get(23..25) == Some("Z "),
                    _ => true,
                };
                assert!(fine, "{format} {what} has a forged line: {line}");
            }
        }
    }
}
