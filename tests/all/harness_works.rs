//! The harness tried on itself: what it claims to do to a connection, it does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::harness::{Proxy, Site, Way, assert_same_file, bytes, write_file};

/// A server that sends everything back.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut to = tcp.try_clone().unwrap();
                let _ = std::io::copy(&mut tcp, &mut to);
            });
        }
    });
    addr
}

/// What comes back through the proxy.
fn through(proxy: &Proxy, content: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(proxy.addr()).unwrap();
    let mut to = tcp.try_clone().unwrap();
    let content = content.to_vec();
    let writer = thread::spawn(move || {
        let _ = to.write_all(&content);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let mut back = Vec::new();
    let _ = tcp.read_to_end(&mut back);
    writer.join().unwrap();
    back
}

#[test]
fn a_proxy_keeps_to_its_plans() {
    let content = bytes(1, 200_000);
    let proxy = Proxy::to(echo())
        .cut_after(Way::Up, 100_001)
        .then()
        .flip_bit(Way::Down, 7)
        .then()
        .refuse()
        .then()
        .dribble(Way::Up);
    assert!(content.starts_with(&through(&proxy, &content)));
    assert_eq!(proxy.count(Way::Up), 100_001);
    let hurt = through(&proxy, &content);
    let differ: Vec<usize> = (0..content.len()).filter(|&i| hurt[i] != content[i]).collect();
    assert_eq!(differ, [7]);
    assert!(through(&proxy, &content).is_empty());
    assert_eq!(through(&proxy, b"one by one"), b"one by one");
    assert_eq!(through(&proxy, &content), content);
    assert_eq!(proxy.connections(), 5);
}

#[test]
fn a_proxy_that_stalls_tells_nobody() {
    let proxy = Proxy::to(echo()).stall_after(Way::Up, 10).each_time();
    let mut tcp = TcpStream::connect(proxy.addr()).unwrap();
    tcp.write_all(b"twelve bytes").unwrap();
    proxy.wait_for_stall();
    tcp.set_nonblocking(true).unwrap();
    let more = tcp.write(b"more").map_err(|e| e.kind());
    assert_eq!(more, Ok(4), "still connected");
    assert_eq!(proxy.count(Way::Up), 10);
}

#[test]
fn files_are_compared_to_the_last_byte() {
    let site = Site::new();
    let (left, right) = (site.root().join("a/left"), site.root().join("right"));
    let mut content = bytes(2, 100_000);
    write_file(&left, &content);
    write_file(&right, &content);
    assert_same_file(&left, &right);
    content[99_999] ^= 1;
    write_file(&right, &content);
    let said = thread::spawn(move || assert_same_file(left, right)).join().unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.ends_with("part at byte 99999"), "{said}");
}

#[test]
fn the_programs_are_run_as_a_user_runs_them() {
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let content = bytes(4, 100_000);
    write_file(site.local().join("a"), &content);
    site.miniftp("ann", &["put", "a", "b"]).ok();
    assert_same_file(site.local().join("a"), site.stored("ann", "b"));
    site.client("ann").input("get b c\nls\n").run(&[]).ok().stdout_has("b");
    assert_same_file(site.local().join("a"), site.local().join("c"));
    site.client("ann").password("guess").run(&["ls"]).fails(4).stdout("");
    site.miniftp("ann", &["get", "missing"]).fails(1).stderr_has("missing");

    // One that waits for a proxy which stalls is still there to be killed.
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Up, 10);
    let waiting = site.client("ann").in_clear().at(proxy.addr()).spawn(&["ls"]);
    proxy.wait_for_stall();
    assert!(waiting.kill9().status.code().is_none());
}

#[test]
fn a_server_is_killed_restarted_and_stopped() {
    let site = Site::new();
    site.account("ann", "10M");
    let mut daemon = site.start();
    let (pid, port) = (daemon.pid(), daemon.port());
    daemon.login("ann").store("kept", b"content", 0).expect(900);
    daemon.restart();
    assert!(daemon.pid() != pid && daemon.port() == port);
    assert!(daemon.log().contains("--- restarted"));
    assert!(daemon.rss_bytes() > 0 && daemon.threads() > 1);
    let mut guest = daemon.login("ann");
    assert_eq!(guest.fetch("kept"), b"content");
    daemon.term();
    guest.expect_bye(421);
    assert!(daemon.wait().success());
}
