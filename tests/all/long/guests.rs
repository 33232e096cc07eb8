//! What an anonymous user may have computed.

use std::fs::{self, File};

use miniftp::wire;

use super::HUGE;
use crate::harness::{Daemon, Frames, FtpTalk, Site};

fn site(secs: &str) -> Site {
    let site = Site::new();
    site.setting("guests", "anonymous", "yes").setting("guests", "digest_secs", secs);
    fs::create_dir_all(site.home().join("anonymous")).unwrap();
    for (name, bytes) in [("huge", HUGE), ("small", 1000)] {
        File::create(site.home().join("anonymous").join(name)).unwrap().set_len(bytes).unwrap();
    }
    site
}

#[track_caller]
fn by_ftp(daemon: &Daemon) -> FtpTalk {
    let mut talk = FtpTalk::connect(daemon.ftp_addr());
    talk.log_in("anonymous", "a@b").expect(230);
    talk
}

#[track_caller]
fn by_frames(daemon: &Daemon) -> Frames {
    let mut frames = daemon.connect();
    frames.hello();
    frames.request("GUEST", &wire::Nothing::new()).expect(254);
    frames
}

#[test]
fn a_digest_for_a_guest_takes_so_long_and_no_longer() {
    let site = site("1");
    let daemon = site.start();
    let (mut ftp, mut frames) = (by_ftp(&daemon), by_frames(&daemon));
    ftp.ask("XMD5 huge").expect(451).says("may take 1 s; fetch the file and compute it");
    ftp.ask("XMD5 small").expect(250);
    for (name, answer) in [
        ("HASH", frames.request("HASH", &wire::Hash::new("huge", "sha256"))),
        ("SUMS", frames.request("SUMS", &wire::SumsOf::new("huge", 0, u32::MAX, 0))),
    ] {
        assert!(answer.code == 276 && answer.text.contains("may take 1 s"), "{name}: {answer:?}");
    }
    frames.request("HASH", &wire::Hash::new("small", "md5")).expect(258);
}

#[test]
fn one_digest_at_a_time_is_computed_for_all_guests_and_accounts_do_not_count() {
    let site = site("3600");
    site.account("ann", "1M");
    let daemon = site.start();
    let mut first = by_ftp(&daemon);
    first.send("XSHA256 huge");
    first.ask("NOOP").expect(200).says("the command is running");
    by_ftp(&daemon).ask("XMD5 small").expect(503).says("another anonymous user");
    let mut second = by_frames(&daemon);
    second.request("HASH", &wire::Hash::new("small", "md5")).expect(269).says("try again later");
    let mut ann = daemon.login("ann");
    ann.store("f", b"mine", 0).expect(900);
    ann.request("HASH", &wire::Hash::new("f", "md5")).expect(258);
    first.ask("ABOR").expect(426);
    first.reply().expect(226);
    second.request("HASH", &wire::Hash::new("small", "md5")).expect(258);
}
