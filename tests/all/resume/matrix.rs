//! Parts of every length, with every fault: what is right is kept, what is wrong travels, no more.

use std::fs;

use miniftp::limits::{CHUNK, STORE_INLINE};

use super::{TALK, Verb, no_upload_is_left, site};
use crate::harness::{Proxy, bytes, write_file};

/// Bytes of the file: more than one request takes, and no whole number of chunks.
const SIZE: usize = 20 * CHUNK + 1000;

#[test]
fn a_part_of_any_length_goes_on() {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    let longer = [&content[..], b"and more than the file has"].concat();
    for verb in Verb::BOTH {
        for held in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 7 * CHUNK, SIZE - 1, SIZE, SIZE + 9] {
            for digest in ["md5", "blake3"] {
                write_file(verb.source(&site, "f"), &content);
                verb.plant(&site, &daemon, "f", SIZE, &longer[..held]);
                let proxy = Proxy::to(daemon.addr());
                let client = site.client("ann").in_clear().at(proxy.addr());
                let said = client.run(&["--digest", digest, verb.word(), "f"]);
                verb.is_done(&site, "f", &content, &said);
                // Of a chunk that is not whole nothing is kept, unless it ends the file.
                let kept = if held >= SIZE { SIZE } else { held / CHUNK * CHUNK };
                if kept > 0 {
                    said.stderr_has(&format!("f: going on at {} %\n", (kept * 100 / SIZE).min(99)));
                    said.stderr_has(&format!(", {kept} kept from before\n"));
                }
                let (lacking, passed) = ((SIZE - kept) as u64, proxy.count(verb.way()));
                assert!((lacking..lacking + TALK).contains(&passed), "{held}: {passed}");
                no_upload_is_left(&site);
                fs::remove_file(verb.source(&site, "f")).unwrap();
                fs::remove_file(verb.target(&site, "f")).unwrap();
            }
        }
    }
}

#[test]
fn of_a_corrupted_part_only_the_wrong_chunks_travel_again() {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    let held = 12 * CHUNK;
    for verb in Verb::BOTH {
        for wrong in [&[0][..], &[5], &[11], &[0, 5, 11], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
            let mut part = content[..held].to_vec();
            wrong.iter().for_each(|chunk| part[chunk * CHUNK + 77] ^= 4);
            write_file(verb.source(&site, "f"), &content);
            verb.plant(&site, &daemon, "f", SIZE, &part);
            let proxy = Proxy::to(daemon.addr());
            let said = verb.run(&site, &proxy, "f");
            verb.is_done(&site, "f", &content, &said);
            let lacking = (SIZE - held + wrong.len() * CHUNK) as u64;
            let passed = proxy.count(verb.way());
            assert!((lacking..lacking + TALK).contains(&passed), "{verb:?} {wrong:?}: {passed}");
            fs::remove_file(verb.source(&site, "f")).unwrap();
            fs::remove_file(verb.target(&site, "f")).unwrap();
        }
    }
}

#[test]
fn a_source_that_changed_between_the_attempts_arrives_as_it_is_now() {
    let (site, daemon) = site();
    let old = bytes(1, SIZE);
    let mut touched = old.clone();
    touched[3 * CHUNK] ^= 1;
    let new = [
        touched,
        [&old[..], &bytes(2, 3 * CHUNK)].concat(),
        old[..18 * CHUNK + 5].to_vec(),
        // Shorter than what is held; then so short that it goes in one request; then empty.
        [&old[..10 * CHUNK], &bytes(3, 7 * CHUNK)].concat(),
        old[..8 * CHUNK + 5].to_vec(),
        old[..5].to_vec(),
        Vec::new(),
        bytes(4, SIZE),
    ];
    for verb in Verb::BOTH {
        for content in &new {
            verb.plant(&site, &daemon, "f", SIZE, &old[..18 * CHUNK + 70]);
            write_file(verb.source(&site, "f"), content);
            let said = verb.run(&site, &Proxy::to(daemon.addr()), "f");
            verb.is_done(&site, "f", content, &said);
            if content.len() > STORE_INLINE {
                no_upload_is_left(&site);
            } else {
                // See below.
                site.miniftp("ann", &["forget", "f"]);
            }
            fs::remove_file(verb.source(&site, "f")).unwrap();
            fs::remove_file(verb.target(&site, "f")).unwrap();
        }
    }
}

#[test]
fn what_is_not_a_part_is_not_written_to() {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    let precious = site.local().join("precious");
    write_file(&precious, b"precious");
    for (i, plant) in [
        |from: &std::path::Path, to: &std::path::Path| std::os::unix::fs::symlink(from, to),
        |from: &std::path::Path, to: &std::path::Path| fs::hard_link(from, to),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("f{i}");
        write_file(site.stored("ann", &name), &content);
        plant(&precious, &super::download_part(&site, &name)).unwrap();
        let said = Verb::Get.run(&site, &Proxy::to(daemon.addr()), &name);
        Verb::Get.is_done(&site, &name, &content, &said);
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
    }
}

#[test]
fn a_file_that_became_small_leaves_no_part_behind() {
    let (site, daemon) = site();
    Verb::Put.plant(&site, &daemon, "f", SIZE, &bytes(1, SIZE)[..8 * CHUNK]);
    write_file(site.local().join("f"), b"small by now");
    site.miniftp("ann", &["put", "f"]).ok();
    no_upload_is_left(&site);
}
