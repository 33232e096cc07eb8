//! Bits that turn on the way: in content they are repaired, in heads the line is made anew.

use std::thread;

use super::{MIB, Verb, no_upload_is_left, site};
use crate::harness::{Proxy, Way, bytes, write_file};

const SIZE: usize = 3 * MIB + 1000;

/// One transfer with one bit turned; gives what was said.
fn with_flip(verb: Verb, way: Way, flips: &[u64], note: Option<&str>) {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    for some in flips.chunks(8) {
        thread::scope(|scope| {
            for &at in some {
                let (site, daemon, content) = (&site, &daemon, &content);
                scope.spawn(move || {
                    let name = format!("{}-{way:?}-{at}", verb.word());
                    write_file(verb.source(site, &name), content);
                    let proxy = Proxy::to(daemon.addr()).flip_bit(way, at);
                    let said = verb.run(site, &proxy, &name);
                    verb.is_done(site, &name, content, &said);
                    if let Some(note) = note {
                        said.stderr_has(note);
                    }
                });
            }
        });
    }
    no_upload_is_left(&site);
}

#[test]
fn in_content_on_the_way_up() {
    // Each lies in the data of another chunk, whatever the heads take.
    let flips: Vec<u64> = (0..15).map(|i| 100_000 + i * 200_003).collect();
    with_flip(Verb::Put, Way::Up, &flips, Some(": 1 chunk damaged on the way; sent again\n"));
}

#[test]
fn in_content_on_the_way_down() {
    let flips: Vec<u64> = (0..15).map(|i| 100_000 + i * 200_003).collect();
    with_flip(Verb::Get, Way::Down, &flips, Some(": damaged on the way; fetched again\n"));
}

/// Where the first frame with content begins: the bytes before it, of a session with `verb`.
fn content_begins(verb: Verb) -> u64 {
    let (site, daemon) = site();
    write_file(verb.source(&site, "probe"), &bytes(1, SIZE));
    let proxy = Proxy::to(daemon.addr());
    verb.run(&site, &proxy, "probe").ok();
    // Four frames' data and, in each, a prefix, a digest for each of 49 chunks, and a few fields;
    // the rest are the login, the offer and the farewell. 300 bytes before is surely the offer.
    proxy.count(verb.way()) - SIZE as u64 - 49 * 16
}

#[test]
fn in_heads_on_the_way_up() {
    // The login's bytes are up to about 430; then come the offer and the first head with content.
    let end = content_begins(Verb::Put) + 49 * 16;
    let flips: Vec<u64> = (end - 260..end + 60).step_by(13).collect();
    with_flip(Verb::Put, Way::Up, &flips, None);
}

#[test]
fn in_heads_of_content_on_the_way_down() {
    let flips: Vec<u64> = (0..16).map(|i| 1_048_576 + 200 + i * 53).collect();
    with_flip(Verb::Get, Way::Down, &flips, None);
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
        let client = site.client("ann").at(proxy.addr());
        client.run(&[verb.word(), "-r", &tree]).ok().stderr_has("damaged on the way; ");
        assert!(std::fs::read(verb.target(&site, &tree).join("in")).unwrap() == content);
    }
}

#[test]
fn a_line_that_damages_everything_is_given_up() {
    let (site, daemon) = site();
    // A login that arrives damaged is no wrong password.
    for at in (20..400).step_by(29) {
        let proxy = Proxy::to(daemon.addr()).flip_bit(Way::Up, at);
        let said = site.client("ann").at(proxy.addr()).run(&["--digest", "md5", "pwd"]);
        assert!(!said.err.contains("wrong name or password"), "{at}: {}", said.tell());
    }
}
