//! TLS on the framed protocol, with the real programs, and with somebody in between.

#![cfg(feature = "tls")]

mod between;
mod keys;
mod old;
mod python;
mod raw;

use std::fs;

use crate::harness::{Between, Interceptor, Proxy, Site, Way, bytes, eventually, write_file};

const MIB: u64 = 1 << 20;

/// A site with an account and a running server.
fn site() -> (Site, crate::harness::Daemon) {
    let site = Site::new();
    site.account("ann", "100M");
    let daemon = site.start();
    (site, daemon)
}

#[test]
fn whoever_reads_along_sees_neither_names_nor_content() {
    let (site, daemon) = site();
    for is_clear in [false, true] {
        let content = format!("the content that nobody is to see, {is_clear}\n").repeat(100);
        let content = content.into_bytes();
        write_file(site.local().join("secret-name.txt"), &content);
        let between = Interceptor::before(daemon.addr(), Between::Reads);
        let client = || {
            let client = site.client("ann").at(between.addr());
            if is_clear { client.in_clear() } else { client }
        };
        client().run(&["put", "--overwrite", "secret-name.txt"]).ok();
        client().run(&["get", "--overwrite", "secret-name.txt", "back"]).ok();
        client().run(&["ls"]).ok().stdout("secret-name.txt\n");
        assert!(fs::read(site.local().join("back")).unwrap() == content);
        for words in [&b"the content"[..], b"secret-name", b"n=ann", b"PROOF"] {
            let shown = String::from_utf8_lossy(words);
            assert_eq!(between.has_read(words), is_clear, "{shown}, in clear: {is_clear}");
        }
        assert!(between.has_read(b"HELLO") == is_clear, "HELLO");
    }
}

/// A line that is cut inside TLS, with no word of its end: what came is a part and no file, and the
/// transfer goes on from there.
#[test]
fn a_cut_without_its_last_words_is_a_broken_line_and_no_end() {
    let (site, daemon) = site();
    let content = bytes(7, 6 * MIB as usize + 77);
    write_file(site.local().join("f"), &content);
    let proxy = Proxy::to(daemon.addr())
        .cut_after(Way::Up, 3 * MIB)
        .then()
        .cut_after(Way::Up, 2 * MIB)
        .then();
    let said = site.client("ann").at(proxy.addr()).run(&["put", "f"]);
    assert_eq!(said.ok().err.matches("f: the line broke: ").count(), 2, "{}", said.tell());
    assert_eq!(proxy.connections(), 3);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);

    let proxy = Proxy::to(daemon.addr()).cut_after(Way::Down, 3 * MIB).then();
    let said = site.client("ann").at(proxy.addr()).run(&["get", "f", "back"]);
    assert_eq!(said.ok().err.matches("f: the line broke: ").count(), 1, "{}", said.tell());
    assert!(fs::read(site.local().join("back")).unwrap() == content);
    assert_eq!(proxy.connections(), 2);
}

#[test]
fn an_upload_that_is_cut_each_time_is_never_stored() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), &bytes(8, 2 * MIB as usize));
    // The handshake and the login pass, and then never a whole frame of content.
    let proxy = Proxy::to(daemon.addr()).cut_after(Way::Up, 40_000).each_time();
    let running = site.client("ann").at(proxy.addr()).spawn(&["put", "f"]);
    eventually("it tries again", || proxy.connections() >= 4);
    running.signal(rustix::process::Signal::INT);
    running.wait().fails(130).stderr_has("f: the line broke").stdout("");
    assert!(!site.stored("ann", "f").exists());
    site.miniftp("ann", &["ls"]).ok().stdout("");
}

/// A bit that is turned inside TLS breaks the line; outside of it the same bit damages a chunk.
#[test]
fn a_bit_that_is_turned_is_noticed_before_anything_is_made_of_it() {
    let (site, daemon) = site();
    let content = bytes(9, 3 * MIB as usize);
    write_file(site.local().join("f"), &content);
    for (number, at) in [200, 600, 1000, 1500, MIB].into_iter().enumerate() {
        for way in [Way::Up, Way::Down] {
            let proxy = Proxy::to(daemon.addr()).flip_bit(way, at).then();
            let name = format!("f{number}");
            let words = ["put", "--overwrite", "f", &name];
            let said = site.client("ann").at(proxy.addr()).run(&words);
            // In the handshake it is refused, behind it the line is broken and tried again.
            match said.status.code() {
                Some(0) => assert!(fs::read(site.stored("ann", &name)).unwrap() == content),
                Some(3 | 1) => assert!(!site.stored("ann", &name).exists(), "{}", said.tell()),
                _ => panic!("{way:?} {at}: {}", said.tell()),
            }
            let _ = fs::remove_file(site.stored("ann", &name));
        }
    }
}
