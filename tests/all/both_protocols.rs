//! One account, two doors: what one of them stores, limits or leaves unfinished, the other knows.
//! The clients are real ones, curl and miniftp.

use std::fs;
use std::os::unix::fs::symlink;

use crate::ftp_clients::{Ground, NAMES, USER, installed, same, url};
use crate::harness::{Proxy, Way, bytes, eventually, part_files, stored_bytes};

const LARGE: usize = 6_000_001;

/// Bytes of the only part.
fn part_bytes(ground: &Ground) -> u64 {
    let parts = part_files(&ground.site.home(), USER);
    assert!(parts.len() < 2, "{parts:?}");
    parts.first().and_then(|part| part.metadata().ok()).map_or(0, |meta| meta.len())
}

#[test]
fn what_one_door_stores_the_other_gives() {
    let Some(ground) = Ground::of("curl") else { return };
    for (i, name) in NAMES.iter().enumerate() {
        let content = bytes(i as u64, i * 30_000);
        let (by_ftp, by_frames) = (format!("ftp/{name}"), format!("frames/{name}"));
        ground.write("file", &content);
        let put = ["-sS", "--ftp-create-dirs", "-T", "file", &ground.url(&by_ftp)];
        ground.run("curl", &put).ok();
        ground.site.miniftp(USER, &["get", &format!("/{by_ftp}"), "got"]).ok();
        ground.assert_local("got", &content);
        fs::remove_file(ground.local("got")).unwrap();

        ground.site.miniftp(USER, &["mkdir", "-p", "frames"]).ok();
        ground.site.miniftp(USER, &["put", "file", &format!("/{by_frames}")]).ok();
        // curl makes no file of nothing.
        ground.write("got", b"");
        ground.run("curl", &["-sS", "-o", "got", &ground.url(&by_frames)]).ok();
        ground.assert_local("got", &content);
        fs::remove_file(ground.local("got")).unwrap();
    }
}

#[test]
fn the_room_is_one() {
    if !installed(&["curl"]) {
        return;
    }
    let ground = Ground::with_quota("1000000");
    let (filling, much) = (bytes(1, 700_000), bytes(2, 500_000));
    ground.write("filling", &filling);
    ground.write("much", &much);
    let words = "over quota: needs 488.3 KiB (500000 bytes), 293.0 KiB (300000 bytes) left of \
        976.6 KiB (1000000 bytes)";
    let announced =
        ["-sS", "-v", "-Q", "ALLO 500000", "-T", "much", &ground.url("much")].map(String::from);
    let announced: Vec<&str> = announced.iter().map(String::as_str).collect();

    ground.run("curl", &["-sS", "-T", "filling", &ground.url("filling")]).ok();
    ground.site.miniftp(USER, &["put", "much"]).fails(1).stderr_has(words);
    ground.run("curl", &announced).fails(25).stderr_has(words);
    assert_eq!(stored_bytes(&ground.site.home(), USER), 700_000);

    ground.site.miniftp(USER, &["rm", "filling"]).ok();
    ground.run("curl", &["-sS", "-T", "much", &ground.url("much")]).ok();
    ground.run("curl", &["-sS", "-Q", "DELE much", &ground.url("")]).ok();

    ground.site.miniftp(USER, &["put", "filling"]).ok();
    ground.run("curl", &announced).fails(25).stderr_has(words);
    // Nothing announced: it is refused when the room is used up, and not before.
    let silent = ["-sS", "-v", "-T", "much", &ground.url("much")].map(String::from);
    let silent: Vec<&str> = silent.iter().map(String::as_str).collect();
    assert_ne!(ground.run("curl", &silent).status.code(), Some(0));
    assert!(!ground.stored("much").exists());
    // And then nothing of it is left.
    assert_eq!(stored_bytes(&ground.site.home(), USER), 700_000);
    ground.site.miniftp(USER, &["quota"]).ok().stdout_has("700000");
}

#[test]
fn the_wall_is_one() {
    let Some(ground) = Ground::of("curl") else { return };
    let outside = ground.site.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), b"not yours").unwrap();
    ground.plant("own", b"own");
    symlink(outside.join("secret"), ground.stored("link")).unwrap();
    symlink(&outside, ground.stored("folder")).unwrap();
    ground.write("file", b"mine");
    for path in ["link", "folder/secret", "../outside/secret", "folder/../../outside/secret"] {
        ground.site.miniftp(USER, &["get", path, "got"]).fails(1);
        let got = ground.run("curl", &["-sS", "-o", "got", &ground.url(path)]);
        assert_ne!(got.status.code(), Some(0), "{path}");
        assert!(!ground.local("got").exists(), "{path}");
        ground.site.miniftp(USER, &["put", "--overwrite", "file", path]).fails(1);
        let put = ground.run("curl", &["-sS", "-T", "file", &ground.url(path)]);
        assert_ne!(put.status.code(), Some(0), "{path}");
    }
    same(&outside.join("secret"), b"not yours");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn what_curl_began_miniftp_finishes() {
    let Some(mut ground) = Ground::of("curl") else { return };
    let content = bytes(3, LARGE);
    ground.write("file", &content);
    let slow = ["-sS", "--limit-rate", "1M", "-T", "file", &ground.url("file")];
    let running = ground.program("curl").spawn(&slow);
    eventually("a part grows", || part_bytes(&ground) >= 1_000_000);
    // If only curl went, its data would end as that of a file that is whole.
    ground.daemon.restart();
    assert_ne!(running.wait().status.code(), Some(0));
    assert!(!ground.stored("file").exists());
    let held = part_bytes(&ground);

    let line = Proxy::to(ground.daemon.addr());
    ground.site.client(USER).in_clear().at(line.addr()).run(&["put", "file"]).ok();
    ground.assert_stored("file", &content);
    assert_eq!(part_bytes(&ground), 0);
    let sent = line.count(Way::Up);
    assert!(sent < LARGE as u64 - held + 200_000, "{sent} bytes, though {held} were there");
}

#[test]
fn what_miniftp_began_curl_finishes() {
    let Some(ground) = Ground::of("curl") else { return };
    let content = bytes(4, LARGE);
    ground.write("file", &content);
    let line = Proxy::to(ground.daemon.addr()).stall_after(Way::Up, 3_000_000);
    let running = ground.site.client(USER).in_clear().at(line.addr()).spawn(&["put", "file"]);
    line.wait_for_stall();
    running.kill9();
    line.cut_now();
    ground.daemon.wait_for_log("ann@127.0.0.1 left");
    let held = part_bytes(&ground);
    assert!(held > 1_000_000, "{held}");

    let go_on = ["-sS", "-v", "-C", "-", "-T", "file", &ground.url("file")];
    // A client that is killed on the way does not make a file of it: its size is known.
    let mut slow = vec!["--limit-rate", "100k"];
    slow.extend(go_on.iter().take(go_on.len() - 1));
    let control = Proxy::to(ground.addr());
    let through = url(control.addr(), "file");
    slow.push(&through);
    let running = ground.program("curl").spawn(&slow);
    eventually("the part grows", || part_bytes(&ground) > held);
    running.kill9();
    drop(control);
    ground.daemon.wait_for_log("broke off");
    assert!(!ground.stored("file").exists());

    let held = part_bytes(&ground);
    ground.run("curl", &go_on).ok().stderr_has(&format!("213 {held}"));
    ground.assert_stored("file", &content);
    assert_eq!(part_bytes(&ground), 0);
}
