//! A file that replaces another one: only the chunks that differ travel.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::{CHUNK, site};
use crate::harness::{Proxy, Way, assert_same_file, bytes, eventually, part_files, write_file};

/// Changes some bytes of a file in its place.
fn edit(path: &Path, at: usize, text: &[u8]) {
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(text).unwrap();
}

/// What a client says was sent or received of a file: `{"event":"file", ... "sent_bytes":N`.
#[track_caller]
fn sent_bytes(said: &crate::harness::Output) -> u64 {
    let text = said.ok().tell();
    let at = text.rfind("\"sent_bytes\":").expect("no file was stored") + 13;
    text[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// How a file of 100 chunks is changed, and the most chunks that have to travel.
const EDITS: [(&str, u64); 6] = [
    ("one byte in the middle", 1),
    ("two places", 2),
    ("more at its end", 4),
    ("cut off inside a chunk", 1),
    ("cut off at a chunk", 0),
    ("all of it", 101),
];

fn edited(path: &Path, how: &str) {
    let file = || fs::File::options().append(true).open(path).unwrap();
    match how {
        "one byte in the middle" => edit(path, 50 * CHUNK + 7, b"!"),
        "two places" => {
            edit(path, 3, b"!");
            edit(path, 70 * CHUNK, b"other text");
        }
        "more at its end" => file().write_all(&bytes(7, 3 * CHUNK)).unwrap(),
        "cut off inside a chunk" => file().set_len((80 * CHUNK + 5) as u64).unwrap(),
        "cut off at a chunk" => file().set_len((80 * CHUNK) as u64).unwrap(),
        _ => write_file(path, &bytes(8, 100 * CHUNK + 9)),
    }
}

#[test]
fn only_what_differs_travels_in_both_directions() {
    for algorithm in ["blake3", "md5"] {
        for (how, most) in EDITS {
            let (site, _daemon) = site();
            let (here, there) = (site.local().join("f"), site.stored("ann", "f"));
            write_file(&here, &bytes(1, 100 * CHUNK + 9));
            let with = |words: &[&str]| {
                let all = [&["--json", "--digest", algorithm], words].concat();
                site.miniftp("ann", &all)
            };
            with(&["put", "f"]).ok();
            edited(&here, how);
            let sent = sent_bytes(&with(&["put", "--overwrite", "f"]));
            assert!(sent <= most * CHUNK as u64, "put, {how}: {sent} bytes were sent");
            assert_same_file(&here, &there);
            // And back, where the file on the server is the newer one.
            write_file(&here, &bytes(1, 100 * CHUNK + 9));
            let sent = sent_bytes(&with(&["get", "--overwrite", "f"]));
            assert!(sent <= most * CHUNK as u64, "get, {how}: {sent} bytes came");
            assert_same_file(&here, &there);
            site.miniftpd(&["verify"], "").ok().stdout_has("0 new");
            assert!(part_files(&site.home(), "ann").is_empty());
        }
    }
}

#[test]
fn trees_and_mirrors_do_the_same() {
    let (site, _daemon) = site();
    let here = site.local().join("d/sub/f");
    write_file(&here, &bytes(1, 60 * CHUNK));
    site.miniftp("ann", &["put", "-r", "d"]).ok();
    edit(&here, 30 * CHUNK, b"!");
    let sent = sent_bytes(&site.miniftp("ann", &["--json", "put", "-r", "--overwrite", "d"]));
    assert_eq!(sent, CHUNK as u64);
    edit(&here, 20 * CHUNK, b"!");
    let said = site.miniftp("ann", &["--json", "mirror", "--checksum", "d", "d"]);
    assert_eq!(sent_bytes(&said), CHUNK as u64);
    assert_same_file(&here, site.stored("ann", "d/sub/f"));
    edit(&here, 10 * CHUNK, b"?");
    let said = site.miniftp("ann", &["--json", "get", "-r", "--overwrite", "d", "."]);
    assert_eq!(sent_bytes(&said), CHUNK as u64);
    assert_same_file(&here, site.stored("ann", "d/sub/f"));
}

/// The digests of the old file say that its chunks are what is wanted, and one of them is not any
/// more: a server that took their word would store the damage again, as good.
#[test]
fn damage_in_the_old_file_is_not_handed_on() {
    let (site, _daemon) = site();
    let here = site.local().join("f");
    write_file(&here, &bytes(1, 100 * CHUNK));
    site.miniftp("ann", &["--digest", "md5", "put", "f"]).ok();
    let stored = site.stored("ann", "f");
    super::change_byte(&stored, 50 * CHUNK as u64);
    super::settle_damage(&site, "md5-chunks", &stored);
    edit(&here, 3, b"!");
    let said = site.miniftp("ann", &["--json", "--digest", "md5", "put", "--overwrite", "f"]);
    assert_eq!(sent_bytes(&said), 2 * CHUNK as u64);
    assert_same_file(&here, &stored);
    site.miniftpd(&["verify"], "").ok();
}

/// What an upload began with is the old file's, and no part of the new one before it was compared:
/// FTP, which compares nothing, must not go on behind it.
#[test]
fn nobody_goes_on_behind_what_was_only_copied() {
    let (site, daemon) = site();
    let content = bytes(1, 30 * CHUNK);
    write_file(site.stored("ann", "f"), &content);
    let put =
        miniftp::wire::Put::new("f", content.len() as u64, 0, 0, miniftp::wire::NO_MODE, 5, &[]);
    let mut raw = daemon.login("ann");
    let answer = raw.request("PUT", &put);
    answer.expect(802);
    let opened: miniftp::wire::Opened = answer.message();
    assert_eq!(opened.held_bytes, content.len() as u64);
    drop(raw);
    eventually("nothing of it stays", || part_files(&site.home(), "ann").is_empty());
    // Where a chunk came the part stays, and only that chunk of it counts.
    let mut raw = daemon.login("ann");
    raw.request("PUT", &put).expect(802);
    raw.send_chunk(0, &bytes(2, CHUNK));
    raw.read_answer().expect(900);
    drop(raw);
    eventually("its end is seen", || daemon.served() == 0);
    let mut ftp = daemon.ftp("ann");
    ftp.ask("DELE f").expect(250);
    ftp.ask("SIZE f").expect(213).says("65536");
}

#[test]
fn a_file_that_grows_can_be_replaced_and_a_full_quota_gives_all_back() {
    let site = crate::harness::Site::new();
    site.account("ann", "5M");
    let daemon = site.start();
    let content = bytes(1, 30 * CHUNK);
    write_file(site.local().join("f"), &content);
    site.miniftp("ann", &["put", "f"]).ok();
    edit(&site.local().join("f"), 9, b"!");
    site.miniftp("ann", &["put", "--overwrite", "f"]).ok();
    write_file(site.local().join("g"), &bytes(3, 30 * CHUNK));
    site.miniftp("ann", &["put", "g"]).ok();
    edit(&site.local().join("f"), 9, b"?");
    site.miniftp("ann", &["put", "--overwrite", "f"]).fails(1).stderr_has("over quota");
    assert_eq!(daemon.ftp("ann").used_bytes(), 60 * CHUNK as u64);
    assert!(part_files(&site.home(), "ann").is_empty());
}

#[test]
fn one_that_breaks_off_goes_on_and_the_old_file_stays_until_then() {
    let (site, daemon) = site();
    let here = site.local().join("f");
    let old = bytes(1, 400 * CHUNK);
    write_file(&here, &old);
    site.miniftp("ann", &["put", "f"]).ok();
    // A tenth of it is other now.
    let mut new = old.clone();
    for chunk in (0..400).step_by(10) {
        new[chunk * CHUNK] ^= 1;
    }
    write_file(&here, &new);
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Up, 20 * CHUNK as u64);
    let client = site.client("ann").in_clear().at(proxy.addr());
    let running = client.spawn(&["put", "--overwrite", "f"]);
    proxy.wait_for_stall();
    running.kill9();
    proxy.cut_now();
    assert_eq!(daemon.ftp("ann").fetch("f"), old);
    let said = site.miniftp("ann", &["--json", "put", "--overwrite", "f"]);
    assert!(sent_bytes(&said) < 40 * CHUNK as u64, "{}", said.tell());
    assert_same_file(&here, site.stored("ann", "f"));
}

#[test]
fn the_limit_of_the_quota_counts_for_both_and_a_drop_box_shows_nothing() {
    let site = crate::harness::Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let content = bytes(1, 100 * CHUNK);
    write_file(site.local().join("f"), &content);
    site.miniftp("ann", &["put", "f"]).ok();
    edit(&site.local().join("f"), 9, b"!");
    // As ever, a replacement needs room for both until it is whole.
    let said = site.miniftp("ann", &["put", "--overwrite", "f"]);
    said.fails(1).stderr_has("over quota");
    assert_eq!(daemon.ftp("ann").fetch("f"), content);
    assert!(part_files(&site.home(), "ann").is_empty());
}
