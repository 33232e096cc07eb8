//! What curl is refused, and that it can tell why.

use super::{Ground, USER, installed};
use crate::harness::{Output, bytes, part_files, stored_bytes};

/// An upload that was under way was ended by 452 or 552 (`CURLE_REMOTE_DISK_FULL`). If the line
/// was closed before curl had sent everything, it does not look for the answer
/// (`CURLE_SEND_ERROR`).
const NO_ROOM: [i32; 2] = [70, 55];
/// `CURLE_UPLOAD_FAILED`: an upload was refused before it began.
const REFUSED: i32 = 25;

#[track_caller]
fn no_room(output: &Output) {
    let status = output.status.code().unwrap_or_default();
    assert!(NO_ROOM.contains(&status), "{}", output.tell());
}

#[test]
fn a_wrong_password_and_an_unknown_name_are_the_same() {
    let Some(ground) = Ground::of("curl") else { return };
    let url = format!("ftp://{}/", ground.addr());
    for who in ["ann:wrong", "nobody:wrong", "ann:", "anonymous:me@here"] {
        ground.run("curl", &["-sS", "-u", who, &url]).fails(67).stderr_has("530");
    }
    ground.run("curl", &["-sS", &url]).fails(67);
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    let Some(ground) = Ground::of("curl") else { return };
    ground.run("curl", &["-sS", &ground.url("missing")]).fails(78);
    ground.run("curl", &["-sS", &ground.url("missing/")]).fails(9);
    ground.run("curl", &["-sS", &ground.url("../../etc/passwd")]).fails(9);
    // Before a byte of it, wherever curl looks for folders.
    ground.write("file", &bytes(1, 1000));
    let put = ["-sS", "--ftp-method", "nocwd", "-T", "file", &ground.url("missing/file")];
    ground.run("curl", &put).fails(REFUSED).stderr_has("550");
}

#[test]
fn over_the_quota_nothing_is_stored_and_the_room_can_be_had_back() {
    if !installed(&["curl"]) {
        return;
    }
    let ground = Ground::with_quota("1M");
    let limit = 1 << 20;
    ground.write("large", &bytes(1, 3 * limit));
    no_room(&ground.run("curl", &["-sS", "-T", "large", &ground.url("large")]));
    assert!(!ground.stored("large").exists());
    // Nothing of what had come is left in the way of others.
    assert!(part_files(&ground.site.home(), USER).is_empty());
    assert_eq!(stored_bytes(&ground.site.home(), USER), 0);
    let content = bytes(2, limit);
    ground.write("fits", &content);
    ground.run("curl", &["-sS", "-T", "fits", &ground.url("fits")]).ok();
    ground.assert_stored("fits", &content);

    // To replace a file needs room for both; the old one stands.
    ground.write("fits", b"short");
    no_room(&ground.run("curl", &["-sS", "-T", "fits", &ground.url("fits")]));
    ground.assert_stored("fits", &content);
    let quota = ["-sS", "-v", "-Q", "SITE QUOTA", &ground.url("")];
    ground.run("curl", &quota).ok().stderr_has("free 0 bytes");
}

/// A part that nearly fills the quota does not stand in the way of another try under its name.
#[test]
fn who_begins_anew_has_the_room_of_the_part() {
    if !installed(&["curl"]) {
        return;
    }
    let ground = Ground::with_quota("1M");
    let url = ground.url("file");
    for size in [10, 500_000] {
        let mut frames = ground.daemon.login(USER);
        frames.put("file", 1 << 20, 2).expect(802);
        frames.chunk(0, &bytes(1, 896 << 10)).expect(900);
        frames.drop_part(true).expect(200);
        assert_eq!(part_files(&ground.site.home(), USER).len(), 1);
        let content = bytes(2, size);
        ground.write("file", &content);
        ground.run("curl", &["-sS", "-T", "file", &url]).ok();
        ground.assert_stored("file", &content);
        assert_eq!(stored_bytes(&ground.site.home(), USER), size as u64);
        ground.run("curl", &["-sS", "-Q", "DELE file", &ground.url("")]).ok();
    }
}

#[test]
fn what_is_announced_is_refused_before_it_is_sent() {
    if !installed(&["curl"]) {
        return;
    }
    let ground = Ground::with_quota("1M");
    ground.write("large", &bytes(1, 3 << 20));
    let url = ground.url("large");
    let put = ["-sS", "-Q", "ALLO 3145728", "-T", "large", &url];
    ground.run("curl", &put).fails(REFUSED).stderr_has("552");
    assert_eq!(stored_bytes(&ground.site.home(), USER), 0, "not a byte of it");
}
