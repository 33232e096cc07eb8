//! Cut lines: one run of the client, however often and wherever the line breaks.

use std::thread;

use super::{BYE, MIB, Verb, idle, no_upload_is_left, site};
use crate::harness::{Output, Proxy, Site, Way, bytes, heavy, write_file};

/// Bytes of the file: more than what may be under way without an answer.
const SIZE: usize = 16 * MIB + 1000;
/// Bytes that may have to travel twice: what was sent and not confirmed, and a chunk.
const AGAIN: u64 = 8 * MIB as u64 + 65_536;
/// Bytes besides content, of a few connections.
const TALK: u64 = 128 * 1024;

/// Runs every case at once, since most of them wait for their next attempt most of the time.
fn all(cases: &[u64], one: impl Fn(u64) + Sync) {
    for some in cases.chunks(8) {
        thread::scope(|scope| {
            let one = &one;
            let runs = some.iter().map(|&case| (case, scope.spawn(move || one(case))));
            let runs: Vec<_> = runs.collect();
            for (case, run) in runs {
                assert!(run.join().is_ok(), "case {case}");
            }
        });
    }
}

fn transfer(site: &Site, verb: Verb, proxy: &Proxy, content: &[u8], name: &str) -> Output {
    write_file(verb.source(site, name), content);
    let said = verb.run(site, proxy, name);
    verb.is_done(site, name, content, &said);
    said
}

#[test]
fn cut_at_each_eighth() {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    for verb in Verb::BOTH {
        all(&[1, 2, 3, 4, 5, 6, 7], |eighth| {
            let proxy = Proxy::to(daemon.addr()).cut_after(verb.way(), eighth * SIZE as u64 / 8);
            let name = format!("{}{eighth}", verb.word());
            let said = transfer(&site, verb, &proxy, &content, &name);
            said.stderr_has("trying again in 0.2 s\n");
            assert_eq!(said.err.lines().count(), 2, "{}", said.tell());
            assert_eq!(proxy.connections(), 2);
            let passed = proxy.count(verb.way());
            let most = SIZE as u64 + AGAIN + TALK;
            assert!(passed <= most, "{name}: {passed} bytes for {SIZE}");
        });
    }
    no_upload_is_left(&site);
}

#[test]
fn cut_around_the_first_request_and_around_the_confirmation() {
    let _turn = heavy();
    let (site, daemon) = site();
    let content = bytes(1, 2 * MIB + 1000);
    let (up, down) = idle(&site, &daemon);
    for verb in Verb::BOTH {
        let clean = Proxy::to(daemon.addr());
        transfer(&site, verb, &clean, &content, &format!("{}-clean", verb.word()));
        for (way, begin) in [(Way::Up, up), (Way::Down, down)] {
            let end = clean.count(way);
            let mut cuts: Vec<u64> =
                [0, 1, 5, 11, 12, 13, 30, 60, 100].map(|n| begin - BYE + n).into();
            // Within the farewell, the confirmation, and the frame before it.
            let back = [1, 16, 17, 18, 30, 45, 52, 53, 54, 60, 80, 100, 1000];
            cuts.extend(back.iter().map(|n| end - n.min(&(end - begin))));
            cuts.sort_unstable();
            cuts.dedup();
            all(&cuts, |cut| {
                let proxy = Proxy::to(daemon.addr()).cut_after(way, cut);
                let name = format!("{}-{way:?}-{cut}", verb.word());
                let said = transfer(&site, verb, &proxy, &content, &name);
                assert!(said.err.contains(" bytes in "), "{}", said.tell());
            });
        }
    }
    no_upload_is_left(&site);
}

#[test]
fn cut_again_in_the_greeting_and_in_the_login() {
    let _turn = heavy();
    let (site, daemon) = site();
    let content = bytes(1, 4 * MIB);
    let half = content.len() as u64 / 2;
    let (up, down) = idle(&site, &daemon);
    for verb in Verb::BOTH {
        for (way, whole) in [(Way::Down, down), (Way::Up, up)] {
            let step = usize::try_from(whole / 20).unwrap();
            let cuts: Vec<u64> = (1..whole - 20).step_by(step).collect();
            all(&cuts, |cut| {
                let proxy = Proxy::to(daemon.addr()).cut_after(verb.way(), half).then();
                let proxy = proxy.cut_after(way, cut);
                let name = format!("{}-{way:?}-{cut}", verb.word());
                let said = transfer(&site, verb, &proxy, &content, &name);
                said.stderr_has("trying again in 0.2 s\n");
                assert_eq!(proxy.connections(), 3, "{}", said.tell());
            });
        }
    }
    no_upload_is_left(&site);
}

#[test]
fn a_line_that_breaks_again_and_again_still_brings_it_home() {
    let (site, daemon) = site();
    let content = bytes(1, 30 * MIB);
    for verb in Verb::BOTH {
        // More breaks than a transfer that does not come on is granted. The answers are lost with
        // the line each time, but what the server holds has grown.
        let proxy = Proxy::to(daemon.addr()).cut_after(verb.way(), 5 * MIB as u64 / 2).each_time();
        let said = transfer(&site, verb, &proxy, &content, verb.word());
        assert!(proxy.connections() > 11, "{}", said.tell());
        assert!(!said.err.contains("trying again in 0.4 s"), "{}", said.tell());
    }
    let said = site.miniftp("ann", &["ls"]);
    said.ok().stdout("get\nput\n");
    no_upload_is_left(&site);
}

#[test]
fn a_tree_goes_on_as_well() {
    let (site, daemon) = site();
    let root = site.local().join("tree");
    for i in 0..300 {
        write_file(root.join(format!("{}/{i}", i % 7)), &bytes(i, 10_000));
    }
    write_file(root.join("large"), &bytes(1000, 5 * MIB));
    let whole = 8 * MIB as u64;
    all(&[1, 3, 5, 7], |eighth| {
        for (verb, way) in [("put", Way::Up), ("get", Way::Down)] {
            let proxy = Proxy::to(daemon.addr())
                .cut_after(way, eighth * whole / 8)
                .then()
                .cut_after(way, whole / 4);
            let (there, back) = (format!("tree{eighth}"), format!("back{eighth}"));
            let words = match verb {
                "put" => ["put", "-r", "tree", &there],
                _ => ["get", "-r", &there, &back],
            };
            let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
            said.ok().stderr_has("trying again in 0.2 s\n");
            assert!(!said.err.contains("failed"), "{}", said.tell());
        }
        for i in 0..300 {
            let name = format!("back{eighth}/{}/{i}", i % 7);
            assert!(std::fs::read(site.local().join(name)).unwrap() == bytes(i, 10_000));
        }
        let large = site.local().join(format!("back{eighth}/large"));
        assert!(std::fs::read(large).unwrap() == bytes(1000, 5 * MIB));
    });
    no_upload_is_left(&site);
}

#[test]
fn a_first_connection_that_breaks_is_one_clear_line() {
    let (site, daemon) = site();
    let (up, down) = idle(&site, &daemon);
    for (way, whole) in [(Way::Down, down), (Way::Up, up)] {
        // Behind the login comes only the farewell.
        let cuts: Vec<u64> = (1..whole - 60).step_by(37).collect();
        all(&cuts, |cut| {
            let proxy = Proxy::to(daemon.addr()).cut_after(way, cut);
            let said = site
                .client("ann")
                .in_clear()
                .at(proxy.addr())
                .run(&["--digest", "md5", "put", "x"]);
            said.fails(3).stdout("");
            assert!(said.err.starts_with("miniftp: "), "{}", said.tell());
            assert_eq!(said.err.lines().count(), 1, "{}", said.tell());
        });
    }
}
