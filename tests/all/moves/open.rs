//! What the server has open occupies the disk, and stays charged until it is closed.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::harness::{CHUNK, Daemon, Site, bytes, eventually, stored_bytes};

const LIMIT: u64 = 32 << 20;
/// More than sockets hold, so that a download of it stands still.
const SIZE: usize = 24 << 20;

/// Bytes of files that the server holds open though they have no name any more.
fn unnamed_bytes(daemon: &Daemon) -> u64 {
    let (mut seen, mut bytes) = (HashSet::new(), 0);
    for fd in fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().flatten() {
        // The descriptor may be closed by now.
        let Ok(meta) = fs::metadata(fd.path()) else { continue };
        if meta.is_file() && meta.nlink() == 0 && seen.insert((meta.dev(), meta.ino())) {
            bytes += meta.len();
        }
    }
    bytes
}

#[test]
fn stalled_downloads_of_removed_files_stay_charged() {
    let site = Site::new();
    site.account("ann", "32M");
    let daemon = site.start();
    let mut ann = daemon.ftp("ann");
    let content = bytes(1, SIZE);
    let (mut stalled, mut codes) = (Vec::new(), Vec::new());
    for n in 0..12 {
        ann.ask(&format!("ALLO {SIZE}")).expect(200);
        ann.epsv();
        let path = format!("f{n}");
        // Refused before it begins, where the ones before it are still there.
        let code = match stalled.is_empty() {
            true => ann.store(&path, &content).code,
            false => ann.ask(&format!("STOR {path}")).code,
        };
        codes.push(code);
        if code == 226 {
            let mut reader = daemon.ftp("ann");
            let data = reader.begin(&format!("RETR {path}"));
            ann.ask(&format!("DELE {path}")).expect(250);
            stalled.push((reader, data));
        }
        let held = stored_bytes(&site.home(), "ann") + unnamed_bytes(&daemon);
        assert!(held <= LIMIT, "{held} bytes after {n} files");
        assert_eq!(ann.used_bytes(), held);
    }
    assert_eq!(codes[0], 226);
    assert!(codes[1..].iter().all(|code| *code == 552), "{codes:?}");
    drop(stalled);
    eventually("the room is back", || ann.used_bytes() == 0);
    assert_eq!(unnamed_bytes(&daemon), 0);
    ann.store("again", &content).expect(226);
}

#[test]
fn what_is_replaced_while_it_is_read_stays_charged_and_is_read_to_its_end() {
    let site = Site::new();
    site.account("ann", "32M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let (old, new) = (bytes(1, SIZE), bytes(2, 1 << 20));
    ann.upload("f", &old, 0).expect(900);
    ann.upload("g", &new, 0).expect(900);
    let mut reader = daemon.ftp("ann");
    let mut data = reader.begin("RETR f");
    ann.mv("g", "f", true).expect(200);
    assert_eq!(ann.quota().used, (old.len() + new.len()) as u64);
    assert_eq!(ann.fetch("f"), new);
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut data, &mut read).unwrap();
    assert!(read == old);
    reader.reply().expect(226);
    eventually("the room is back", || ann.quota().used == new.len() as u64);
}

/// A session that was taken over still holds the part that the newer one began anew.
#[test]
fn the_part_of_a_session_that_was_taken_over_stays_charged_until_that_lets_go() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    let content = bytes(3, 2 * CHUNK);
    old.put("f", content.len(), 0).expect(802);
    old.chunk(0, &content[..CHUNK]).expect(900);
    eventually("the silent session is taken over", || new.put("f", CHUNK, 2).code == 802);
    assert_eq!(new.quota().used, CHUNK as u64, "what the old one has open");
    new.chunk(0, &content[..CHUNK]).expect(900);
    assert_eq!(new.quota().used, 2 * CHUNK as u64);
    assert_eq!(unnamed_bytes(&daemon), CHUNK as u64);
    old.drop_part(true).expect(200);
    assert_eq!((new.quota().used, unnamed_bytes(&daemon)), (CHUNK as u64, 0));
    new.done(&content[..CHUNK]).expect(900);
}
