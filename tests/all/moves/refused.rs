//! An FTP upload for which there is no room leaves nothing behind, and is not sent twice.

use std::io::{Read, Write};

use crate::harness::{FtpTalk, Reply, Site, bytes, part_files};

const LIMIT: u64 = 8 << 20;

/// Sends more than there is room for; the server hangs up in the middle.
#[track_caller]
fn send_too_much(ann: &mut FtpTalk, command: &str) -> Reply {
    let mut data = ann.begin(command);
    let _ = data.write_all(&vec![1; 12 << 20]);
    let _ = data.shutdown(std::net::Shutdown::Write);
    let _ = data.read(&mut [0]);
    ann.reply()
}

#[test]
fn sixteen_refused_uploads_use_nothing_up() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.ftp("ann");
    ann.store("there", &bytes(1, 100_000)).expect(226);
    for n in 0..16 {
        send_too_much(&mut ann, &format!("STOR f{n}")).expect(552).says("over quota");
        assert_eq!(ann.used_bytes(), 100_000);
    }
    send_too_much(&mut ann, "STOR there").expect(552);
    assert!(part_files(&site.home(), "ann").is_empty());
    ann.store("rest", &vec![0; (LIMIT - 100_000) as usize]).expect(226);
    ann.ask("DELE rest").expect(250);

    // The same name again is refused before the first byte, as long as there is no more room.
    ann.epsv();
    ann.ask("STOR f3").expect(552).says("7.9 MiB (8288608 bytes) left of 8.0 MiB (8388608 bytes)");
    ann.ask("ALLO 20000000").expect(200);
    ann.ask("STOR f3").expect(552);
    // What is known to be small is not, nor is another name or another session.
    ann.ask("ALLO 5").expect(200);
    ann.store("f3", b"small").expect(226);
    ann.ask("DELE f3").expect(250);
    ann.store("f3", b"small too").expect(226);
    ann.store("other", b"small").expect(226);
    daemon.ftp("ann").store("f4", b"small").expect(226);
    ann.epsv();
    ann.ask("STOR f5").expect(552);
    ann.ask("DELE there").expect(250);
    ann.store("f5", b"small").expect(226);
}

#[test]
fn what_an_upload_goes_on_behind_stays_when_the_rest_has_no_room() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.ftp("ann");
    let mut data = ann.begin("STOR f");
    data.write_all(&bytes(2, 1_000_000)).unwrap();
    ann.until_moved(1_000_000);
    ann.ask("ABOR").expect(426);
    ann.reply().expect(226);
    send_too_much(&mut ann, "APPE f").expect(552);
    assert_eq!(ann.used_bytes(), 1_000_000);
    ann.ask("SIZE f").expect(213).says("1000000");
    ann.transmit("APPE f", b"the end").expect(226);
    assert_eq!(std::fs::read(site.stored("ann", "f")).unwrap()[..1_000_000], bytes(2, 1_000_000));
    // Behind a file it is a copy that goes.
    send_too_much(&mut ann, "APPE f").expect(552);
    assert_eq!(ann.used_bytes(), 1_000_007);
}
