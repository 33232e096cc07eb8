//! `--parallel`: files over several connections, and ranges of a large one.

use std::fs;

use super::{all, site};
use crate::harness::{Proxy, Way, bytes, write_file};

const MIB: usize = 1 << 20;

#[test]
fn trees_and_lists_go_over_several_connections() {
    let (site, daemon) = site();
    let tree = site.local().join("tree");
    for n in 0..200 {
        write_file(tree.join(format!("d{}/{n}", n % 7)), &bytes(n, 3000 + n as usize));
    }
    for n in 0..5 {
        write_file(tree.join(format!("large/{n}")), &bytes(n, 2 * MIB + n as usize));
    }
    fs::create_dir(tree.join("empty")).unwrap();
    for (words, from, to) in [
        (vec!["put", "-r", "--parallel", "4", "tree"], &tree, site.stored("ann", "tree")),
        (vec!["get", "-r", "--parallel=3", "tree", "back"], &tree, site.local().join("back")),
        (vec!["--parallel", "4", "mirror", "tree", "copy"], &tree, site.stored("ann", "copy")),
    ] {
        let proxy = Proxy::to(daemon.addr());
        let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
        said.ok().stderr_has(": 205 files, ");
        assert!(all(from) == all(&to), "{}", said.tell());
        assert!(proxy.connections() >= 3, "{}: {}", proxy.connections(), said.tell());
    }
    // What is there is what the options say, as over one connection.
    write_file(tree.join("d1/1"), b"differs");
    write_file(tree.join("new"), b"new");
    let run = |words: &[&str]| site.miniftp("ann", words);
    let said = run(&["put", "-r", "--parallel", "4", "tree"]);
    said.fails(1).stderr_has("--overwrite replaces it").stderr_has(": 1 file, 3 bytes in ");
    said.stderr_has(", 204 there already, 1 failed\n");
    run(&["put", "-r", "--parallel", "4", "--skip", "tree"]).ok().stderr_has("1 left alone");
    run(&["put", "-r", "--parallel", "4", "--overwrite", "tree"]).ok().stderr_has(": 1 file, 7 ");
    assert!(all(&tree) == all(&site.stored("ann", "tree")));
    run(&["put", "--parallel", "2", "tree/new", "tree/d1/1", "."]).ok().stderr_has("2 files, 10 ");
    assert_eq!(fs::read(site.stored("ann", "1")).unwrap(), b"differs");
    // A link that is named is followed, as over one connection.
    std::os::unix::fs::symlink("tree/new", site.local().join("link")).unwrap();
    run(&["put", "--parallel", "2", "link", "linked"]).ok();
    run(&["check", "link", "linked"]).ok().stdout("");
    assert_eq!(fs::read(site.stored("ann", "linked")).unwrap(), b"new");
    run(&["put", "--parallel", "0", "tree/new"]).fails(2).stderr_has("from 1 to 10");
    run(&["get", "--parallel", "2", "missing", "new", "back"]).fails(1).stderr_has("missing");
    assert_eq!(fs::read(site.local().join("back/new")).unwrap(), b"new");
}

/// Whatever breaks on the way, over one connection or several, it comes whole.
#[test]
fn a_large_download_comes_in_ranges_through_every_break() {
    let (site, daemon) = site();
    let content = bytes(7, 60 * MIB + 12_345);
    write_file(site.stored("ann", "big"), &content);
    for (name, cuts) in [("whole", &[][..]), ("cut", &[5, 3, 9, 7, 2]), ("first", &[12])] {
        let mut proxy = Proxy::to(daemon.addr());
        for cut in cuts {
            proxy = proxy.cut_after(Way::Down, cut * MIB as u64).then();
        }
        let words = ["get", "--parallel", "4", "big", name];
        let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
        said.ok().stderr_has("get big: 1 file, 62926905 bytes in ");
        assert!(fs::read(site.local().join(name)).unwrap() == content, "{name}");
        assert!(proxy.connections() >= 3, "{name}: {}", proxy.connections());
        assert!(!site.local().join(format!(".{name}.miniftp-part")).exists(), "{name}");
    }
}

/// As above, towards the server: every connection carries some of it.
#[test]
fn a_large_upload_goes_in_ranges_through_every_break() {
    let (site, daemon) = site();
    let content = bytes(9, 60 * MIB + 12_345);
    write_file(site.local().join("big"), &content);
    for (name, cuts) in [("whole", &[][..]), ("cut", &[5, 3, 9, 7, 2]), ("first", &[12])] {
        let mut proxy = Proxy::to(daemon.addr());
        for cut in cuts {
            proxy = proxy.cut_after(Way::Up, cut * MIB as u64).then();
        }
        let words = ["put", "--parallel", "4", "big", name];
        let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
        said.ok().stderr_has("put big: 1 file, 62926905 bytes in ");
        assert!(fs::read(site.stored("ann", name)).unwrap() == content, "{name}");
        assert!(proxy.connections() >= 3, "{name}: {}", proxy.connections());
        if cuts.is_empty() {
            let counts = proxy.counts(Way::Up);
            assert!(counts.len() == 4 && counts.iter().all(|n| *n > MIB as u64), "{counts:?}");
        }
        daemon.login("ann").request("RM", &miniftp::wire::Switched::new(name, 0)).expect(200);
    }
}

/// A chunk that is damaged on the way comes again over the connection that has its range.
#[test]
fn damage_in_a_range_is_repaired() {
    let (site, daemon) = site();
    let content = bytes(3, 40 * MIB);
    write_file(site.local().join("big"), &content);
    let mut proxy = Proxy::to(daemon.addr());
    for at in [3, 5, 4] {
        proxy = proxy.flip_bit(Way::Up, at * MIB as u64 + 300_000).then();
    }
    let words = ["put", "--parallel", "3", "big"];
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
    said.ok().stderr_has("1 chunk damaged on the way; sent again");
    assert!(fs::read(site.stored("ann", "big")).unwrap() == content);
}

/// What a killed client has sent is there, whatever lies between.
#[test]
fn an_upload_in_ranges_that_was_killed_is_resumed() {
    let (site, daemon) = site();
    let content = bytes(7, 60 * MIB);
    write_file(site.local().join("big"), &content);
    let proxy = Proxy::to(daemon.addr());
    let words = ["put", "--parallel", "4", "--limit-rate", "20M", "big"];
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&words);
    proxy.wait_for_bytes(Way::Up, 45 * MIB as u64);
    running.kill9();
    let before = proxy.count(Way::Up);
    let words = ["put", "--resume", "--parallel", "2", "big"];
    site.client("ann").in_clear().at(proxy.addr()).run(&words).ok();
    assert!(fs::read(site.stored("ann", "big")).unwrap() == content);
    let again = proxy.count(Way::Up) - before;
    assert!(again < 55 * MIB as u64, "what was there did not come again: {again}");
}

/// After an outage of some seconds the first connection went on, and the others never came back.
#[test]
fn every_connection_comes_back_after_an_outage() {
    let (site, daemon) = site();
    let tree = site.local().join("tree");
    for n in 0..40 {
        write_file(tree.join(n.to_string()), &bytes(n, MIB + 1));
    }
    let mut proxy = Proxy::to(daemon.addr());
    for _ in 0..3 {
        proxy = proxy.cut_after(Way::Up, 3 * MIB as u64).then();
    }
    // Each of the three knocks at least four times.
    for _ in 0..12 {
        proxy = proxy.refuse().then();
    }
    let words = ["put", "-r", "--parallel", "3", "tree"];
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
    said.ok().stderr_has("put tree: 40 files, ");
    assert!(!said.err.contains("a connection less"), "{}", said.tell());
    assert!(all(&tree) == all(&site.stored("ann", "tree")));
    assert_eq!(proxy.connections(), 3 + 12 + 3, "{}", said.tell());
}

/// A part with holes is compared, and what is missing comes.
#[test]
fn a_download_in_ranges_that_was_killed_is_resumed() {
    let (site, daemon) = site();
    let content = bytes(7, 60 * MIB);
    write_file(site.stored("ann", "big"), &content);
    let proxy = Proxy::to(daemon.addr());
    let words = ["get", "--parallel", "4", "--limit-rate", "20M", "big"];
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&words);
    // Much of it is still on its way then.
    proxy.wait_for_bytes(Way::Down, 45 * MIB as u64);
    running.kill9();
    assert!(site.local().join(".big.miniftp-part").exists());
    let before = proxy.count(Way::Down);
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&["get", "--resume", "big"]);
    said.ok();
    assert!(fs::read(site.local().join("big")).unwrap() == content);
    let again = proxy.count(Way::Down) - before;
    assert!(again < 55 * MIB as u64, "what was there did not come again: {again}");
}

/// Answers were read when there was no room for more requests, which on a slow line is at the end:
/// nothing moved until then.
#[test]
fn what_is_stored_is_reported_while_the_rest_is_on_its_way() {
    let (site, daemon) = site();
    for n in 0..50 {
        write_file(site.local().join(format!("tree/{n}")), &bytes(n, 40_000));
    }
    let proxy = Proxy::to(daemon.addr());
    let words = ["--json", "put", "-r", "--limit-rate", "500k", "tree"];
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&words);
    let first = running.out().wait_for(|text| text.contains("\n").then_some(()));
    let sent = proxy.count(Way::Up);
    assert!(first.is_some() && sent < 1_000_000, "{sent}: {}", running.out().text());
}

/// Where the server lets fewer in, those that are in do all of it.
#[test]
fn fewer_connections_than_asked_for_do_all_of_it() {
    let site = crate::harness::Site::new();
    site.account("ann", "unlimited");
    site.setting("server", "sessions_per_account", "2");
    let daemon = site.start();
    for n in 0..60 {
        write_file(site.local().join(format!("tree/{n}")), &bytes(n, 40_000));
    }
    let words = ["put", "-r", "--parallel", "5", "tree"];
    let said = site.client("ann").at(daemon.addr()).run(&words);
    said.ok().stderr_has("put tree: 60 files, ");
    assert!(all(&site.local().join("tree")) == all(&site.stored("ann", "tree")));
}
