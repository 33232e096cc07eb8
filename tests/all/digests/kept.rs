//! What was stored is not read again to know its digests, and what changed is.

use std::fs;

use super::{CHUNK, DIGESTS, change_byte, forge, lists, settle_damage, site, slot};
use crate::harness::{Proxy, Way, assert_same_file, bytes, eventually, write_file};

/// Sizes around the places where digests are kept in another way.
const SIZES: [usize; 6] = [1, CHUNK, 2 * CHUNK, 2 * CHUNK + 1, 20 * CHUNK, 300 * CHUNK + 5];

#[test]
fn a_download_gives_the_digests_that_came_with_the_upload() {
    for algorithm in ["blake3", "md5"] {
        let (site, _daemon) = site();
        let kind = format!("{algorithm}-chunks");
        for (i, size) in SIZES.into_iter().enumerate() {
            let (name, content) = (format!("f{i}"), bytes(i as u64, size));
            write_file(site.local().join(&name), &content);
            let put = ["--digest", algorithm, "put", &name];
            site.miniftp("ann", &put).ok();
            let stored = site.stored("ann", &name);
            assert!(slot(&site, &kind, &stored).is_some(), "{name}");
            fs::remove_file(site.local().join(&name)).unwrap();
            let get = ["--digest", algorithm, "get", &name];
            site.miniftp("ann", &get).ok();
            assert_same_file(site.local().join(&name), &stored);
            fs::remove_file(site.local().join(&name)).unwrap();
            if size <= 2 * CHUNK {
                // Short files have their digests in the slot: what is forged there is what comes.
                forge(&site, &kind, &stored, |slot| slot[DIGESTS.start] ^= 1);
                site.miniftp("ann", &get).fails(1);
                assert!(!site.local().join(&name).exists(), "{name}");
            }
        }
        assert_eq!(lists(&site, &kind), 3);
        // A list that was lost or damaged is no list, and the file is read instead.
        for entry in fs::read_dir(site.home().join(".miniftp/digests").join(&kind)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some() {
                let mut list = fs::read(&path).unwrap();
                list[3] ^= 1;
                fs::write(&path, list).unwrap();
            }
        }
        for i in 3..6 {
            let name = format!("f{i}");
            site.miniftp("ann", &["--digest", algorithm, "get", &name]).ok();
            assert_same_file(site.local().join(&name), site.stored("ann", &name));
        }
    }
}

#[test]
fn an_ordinary_digest_is_made_once_and_by_both_protocols() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), b"abc");
    site.miniftp("ann", &["put", "f"]).ok();
    let stored = site.stored("ann", "f");
    let first = "900150983cd24fb0d6963f7d28e17f72";
    site.miniftp("ann", &["hash", "--md5", "f"]).stdout_has(first);
    // A change in the same moment could not be seen, so it is kept once the file has rested.
    eventually("the digest is kept", || {
        site.miniftp("ann", &["hash", "--md5", "f"]).stdout_has(first);
        slot(&site, "md5", &stored).is_some()
    });
    forge(&site, "md5", &stored, |slot| slot[DIGESTS.start] = 0x77);
    let forged = first.replacen("90", "77", 1);
    site.miniftp("ann", &["hash", "--md5", "f"]).stdout_has(&forged);
    daemon.ftp("ann").ask("XMD5 f").says(&forged);
    // Another program writes into it, and hides when.
    change_byte(&stored, 0);
    // As `printf '\x60bc' | md5sum` has it.
    let now = "1b353c2437eabaca223937973c684474";
    site.miniftp("ann", &["hash", "--md5", "f"]).stdout_has(now);
    daemon.ftp("ann").ask("XMD5 f").says(now);
}

#[test]
fn what_is_done_through_the_server_keeps_the_digests() {
    let (site, daemon) = site();
    let content = bytes(1, 20 * CHUNK + 9);
    write_file(site.local().join("f"), &content);
    site.miniftp("ann", &["--digest", "blake3", "put", "f"]).ok();
    let kept = |name: &str| slot(&site, "blake3-chunks", &site.stored("ann", name));
    let digests = |name: &str| kept(name).map(|slot| slot[DIGESTS].to_vec());
    let whole = digests("f").unwrap();
    site.miniftp("ann", &["mkdir", "d"]).ok();
    site.miniftp("ann", &["mv", "f", "d/g"]).ok();
    site.miniftp("ann", &["chmod", "600", "d/g"]).ok();
    site.miniftp("ann", &["mv", "d", "e"]).ok();
    daemon.ftp("ann").ask("MFMT 20200102030405 e/g").expect(213);
    site.miniftp("ann", &["cp", "e/g", "copy"]).ok();
    for name in ["e/g", "copy"] {
        assert_eq!(digests(name), Some(whole.clone()), "{name}");
    }
    let said = site.miniftpd(&["verify"], "");
    said.ok().stdout_has("2 files read").stdout_has("0 changed").stdout_has("0 new");
    // A file that is removed takes its digests with it.
    assert_eq!(lists(&site, "blake3-chunks"), 2);
    site.miniftp("ann", &["rm", "copy", "e/g"]).ok();
    assert_eq!(lists(&site, "blake3-chunks"), 0);
}

#[test]
fn what_comes_by_ftp_is_digested_without_being_asked_for() {
    let (site, daemon) = site();
    let kinds = ["blake3-chunks", "md5-chunks"];
    let is_kept = |name: &str| {
        kinds.into_iter().any(|kind| slot(&site, kind, &site.stored("ann", name)).is_some())
    };
    let (small, large) = (bytes(1, 5000), bytes(2, 40 * CHUNK));
    let mut ftp = daemon.ftp("ann");
    ftp.store("small", &small).expect(226);
    assert!(is_kept("small"), "what fits into memory is digested there");
    ftp.store("large", &large).expect(226);
    ftp.store("removed", &large).expect(226);
    ftp.ask("DELE removed").expect(250);
    eventually("what does not is read once it has rested", || is_kept("large"));
    site.miniftpd(&["verify"], "").ok().stdout_has("2 files read").stdout_has("0 new");
    // Written again it is another file.
    ftp.store("large", &small).expect(226);
    site.miniftpd(&["verify"], "").ok().stdout_has("0 damaged, 0 changed");
    assert_eq!(ftp.fetch("large"), small);
}

#[test]
fn what_another_program_has_written_is_given_as_it_is() {
    let (site, daemon) = site();
    let small = bytes(1, 1000);
    let large = bytes(2, 40 * CHUNK + 5);
    for (name, content) in [("small", &small), ("large", &large)] {
        write_file(site.local().join(name), content);
        site.miniftp("ann", &["put", name]).ok();
        fs::remove_file(site.local().join(name)).unwrap();
        let stored = site.stored("ann", name);
        change_byte(&stored, 500);
        site.miniftp("ann", &["get", name]).ok();
        assert_same_file(site.local().join(name), &stored);
    }
    // A file put there by hand is digested when it is fetched, and then no more.
    let stored = site.stored("ann", "by hand");
    write_file(&stored, &small);
    let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    fs::File::options().write(true).open(&stored).unwrap().set_times(old).unwrap();
    eventually("its digests are kept", || {
        site.miniftp("ann", &["--digest", "md5", "get", "--overwrite", "by hand"]).ok();
        slot(&site, "md5-chunks", &stored).is_some()
    });
    assert_eq!(daemon.ftp("ann").fetch("by hand"), small);
}

#[test]
fn an_upload_that_broke_off_goes_on_by_the_digests_of_what_is_held() {
    let (site, daemon) = site();
    let content = bytes(3, 100 * CHUNK);
    write_file(site.local().join("f"), &content);
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Up, 50 * CHUNK as u64);
    let client = site.client("ann").in_clear().at(proxy.addr());
    let running = client.spawn(&["--digest", "md5", "put", "f"]);
    proxy.wait_for_stall();
    running.kill9();
    proxy.cut_now();
    let parts = crate::harness::part_files(&site.home(), "ann");
    let part = parts.first().expect("nothing is held");
    eventually("the digests are kept", || slot(&site, "md5-chunks", part).is_some());
    // The first byte of what is held changes by itself: nothing is read, so it is not seen here ...
    change_byte(part, 3);
    settle_damage(&site, "md5-chunks", part);
    site.miniftp("ann", &["--digest", "md5", "put", "f"]).stderr_has("kept from before");
    // ... but whoever fetches the file sees it, and so does whoever verifies.
    site.miniftpd(&["verify"], "").fails(1).stdout_has("damaged: ann:/f");
    // As it would be after a loss of power: what the machine's last run left is read.
    site.miniftp("ann", &["rm", "f"]).ok();
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Up, 50 * CHUNK as u64);
    let client = site.client("ann").in_clear().at(proxy.addr());
    let running = client.spawn(&["--digest", "md5", "put", "f"]);
    proxy.wait_for_stall();
    running.kill9();
    proxy.cut_now();
    let parts = crate::harness::part_files(&site.home(), "ann");
    let part = parts.first().expect("nothing is held");
    eventually("the digests are kept", || slot(&site, "md5-chunks", part).is_some());
    change_byte(part, 3);
    settle_damage(&site, "md5-chunks", part);
    forge(&site, "md5-chunks", part, |slot| slot[52] ^= 1);
    site.miniftp("ann", &["--digest", "md5", "put", "f"]).ok();
    assert_same_file(site.local().join("f"), site.stored("ann", "f"));
}

#[test]
fn rubbish_in_the_digests_harms_nobody() {
    let (site, mut daemon) = site();
    for (i, size) in SIZES.into_iter().enumerate() {
        write_file(site.local().join(format!("d/f{i}")), &bytes(i as u64, size));
    }
    site.miniftp("ann", &["put", "-r", "d"]).ok();
    let kinds = site.home().join(".miniftp/digests");
    for kind in fs::read_dir(&kinds).unwrap() {
        for file in fs::read_dir(kind.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let len = fs::metadata(&path).unwrap().len() as usize;
            write_file(&path, &bytes(9, len / 2));
        }
    }
    daemon.restart();
    site.miniftp("ann", &["get", "-r", "d", "back"]).ok();
    for i in 0..SIZES.len() {
        let name = format!("f{i}");
        assert_same_file(site.local().join("back").join(&name), site.local().join("d").join(&name));
    }
    // Or nothing at all can be kept there.
    fs::remove_dir_all(&kinds).unwrap();
    write_file(&kinds, b"no directory");
    daemon.restart();
    site.miniftp("ann", &["put", "-r", "d", "again"]).ok();
    site.miniftp("ann", &["get", "-r", "again", "back"]).ok();
    site.miniftpd(&["verify"], "").fails(1).stderr_has("not a directory");
}

/// A session that was silent is taken over; when its connection ends at last, what it knows of the
/// part is of what the other one has written over.
#[test]
fn a_session_that_was_taken_over_says_nothing_of_the_part() {
    let (site, daemon) = site();
    let content = bytes(5, 60 * CHUNK);
    write_file(site.local().join("u"), &content);
    let mut first = daemon.login("ann");
    first.put("u", content.len(), 0).expect(802);
    for chunk in 0..20 {
        first.chunk(chunk * CHUNK, &content[chunk * CHUNK..(chunk + 1) * CHUNK]).expect(900);
    }
    let mut ftp = daemon.ftp("ann");
    let other = bytes(6, 20 * CHUNK);
    let mut data = None;
    eventually("the silent session is taken over", || {
        ftp.ask(&format!("REST {}", 10 * CHUNK)).expect(350);
        let at = ftp.epsv();
        ftp.send("STOR u");
        let stream = std::net::TcpStream::connect(at).unwrap();
        let begun = ftp.reply().code == 150;
        data = begun.then_some(stream);
        begun
    });
    let mut data = data.unwrap();
    std::io::Write::write_all(&mut data, &other).unwrap();
    ftp.until_moved(other.len());
    let parts = crate::harness::part_files(&site.home(), "ann");
    drop(first);
    eventually("its end is seen", || daemon.served() == 1);
    crate::harness::reset(data);
    drop(ftp);
    let part = parts.first().expect("nothing is held");
    assert!(slot(&site, "md5-chunks", part).is_none(), "it speaks of what it has not written");
    site.miniftp("ann", &["--digest", "md5", "put", "--resume", "u"]).ok();
    assert_same_file(site.local().join("u"), site.stored("ann", "u"));
}

#[test]
fn what_is_damaged_does_not_become_good_by_being_copied() {
    let (site, daemon) = site();
    let content = bytes(7, 30 * CHUNK);
    for name in ["f", "g"] {
        write_file(site.local().join(name), &content);
        site.miniftp("ann", &["--digest", "md5", "put", name]).ok();
        let stored = site.stored("ann", name);
        change_byte(&stored, 5 * CHUNK as u64);
        settle_damage(&site, "md5-chunks", &stored);
    }
    daemon.ftp("ann").transmit("APPE f", b"more").expect(451);
    site.miniftpd(&["verify"], "").fails(1).stdout_has("damaged: ann:/f").stdout_has("ann:/g");
    site.miniftp("ann", &["cp", "g", "h"]).ok();
    let said = site.miniftp("ann", &["--digest", "md5", "put", "--overwrite", "g", "h"]);
    said.ok();
    assert_same_file(site.local().join("g"), site.stored("ann", "h"));
}
