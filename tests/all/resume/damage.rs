//! Bits that turn on the way: in content they are repaired, in heads the line is made anew.

use std::thread;

use miniftp::limits::CHUNK;

use super::{BYE, MIB, Verb, idle, no_upload_is_left, site};
use crate::harness::{Proxy, Way, bytes, write_file};

const SIZE: usize = 3 * MIB + 1000;

/// Transfers with one bit turned in each; gives what was said, and how often it connected anew.
fn with_flips(verb: Verb, flips: &[u64]) -> (Vec<String>, usize) {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    let one = |at: u64| {
        let name = format!("{}-{at}", verb.word());
        write_file(verb.source(&site, &name), &content);
        let proxy = Proxy::to(daemon.addr()).flip_bit(verb.way(), at);
        let said = verb.run(&site, &proxy, &name);
        verb.is_done(&site, &name, &content, &said);
        (said.err, proxy.connections() - 1)
    };
    let (mut all, mut again) = (Vec::new(), 0);
    for some in flips.chunks(8) {
        thread::scope(|scope| {
            let one = &one;
            let runs = some.iter().map(|&at| scope.spawn(move || one(at)));
            for run in runs.collect::<Vec<_>>() {
                let (said, more) = run.join().unwrap();
                all.push(said);
                again += more;
            }
        });
    }
    no_upload_is_left(&site);
    (all, again)
}

#[test]
fn in_content_both_ways() {
    // Each lies in the data of another chunk, whatever the heads take.
    let flips: Vec<u64> = (0..15).map(|i| 100_000 + i * 200_003).collect();
    for (verb, note) in [
        (Verb::Put, ": 1 chunk damaged on the way; sent again\n"),
        (Verb::Get, ": damaged on the way; fetched again\n"),
    ] {
        let (said, again) = with_flips(verb, &flips);
        assert_eq!(again, 0, "{said:?}");
        assert!(said.iter().all(|said| said.contains(note)), "{said:?}");
    }
}

#[test]
fn in_heads_on_the_way_up() {
    let begin = {
        let (site, daemon) = site();
        idle(&site, &daemon).0 - BYE
    };
    // The offer, the head of the first frame of content, and the first of the content.
    let flips: Vec<u64> = (begin..begin + 130).step_by(4).collect();
    let (said, again) = with_flips(Verb::Put, &flips);
    assert!(again >= 20, "{again}: {said:?}");
}

#[test]
fn in_heads_of_content_on_the_way_down() {
    // Somewhere in here ends the first frame of content and begins the second one.
    let flips: Vec<u64> = (CHUNK as u64 + 480..CHUNK as u64 + 580).step_by(2).collect();
    let (said, again) = with_flips(Verb::Get, &flips);
    assert!(again >= 10, "{again}: {said:?}");
}

#[test]
fn in_a_small_file_both_ways() {
    let (site, daemon) = site();
    let content = bytes(1, 300_000);
    for verb in Verb::BOTH {
        let proxy = Proxy::to(daemon.addr()).flip_bit(verb.way(), 150_000);
        write_file(verb.source(&site, verb.word()), &content);
        let said = verb.run(&site, &proxy, verb.word());
        verb.is_done(&site, verb.word(), &content, &said);
        said.stderr_has("damaged on the way; ");
        let tree = format!("tree-{}", verb.word());
        write_file(verb.source(&site, &tree).join("in"), &content);
        let proxy = Proxy::to(daemon.addr()).flip_bit(verb.way(), 150_000);
        let client = site.client("ann").in_clear().at(proxy.addr());
        client.run(&[verb.word(), "-r", &tree]).ok().stderr_has("damaged on the way; ");
        assert!(std::fs::read(verb.target(&site, &tree).join("in")).unwrap() == content);
    }
}

#[test]
fn a_damaged_login_is_no_wrong_password() {
    let (site, daemon) = site();
    for at in (20..400).step_by(29) {
        let proxy = Proxy::to(daemon.addr()).flip_bit(Way::Up, at);
        let said = site.client("ann").in_clear().at(proxy.addr()).run(&["--digest", "md5", "pwd"]);
        assert!(!said.err.contains("wrong name or password"), "{at}: {}", said.tell());
    }
}
