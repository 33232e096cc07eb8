//! The figures for monitoring, as a monitor fetches them.

use std::io::{Read, Write};
use std::net::TcpStream;

use miniftp::limits::METRICS_AT_ONCE;
use miniftp::protocols::metrics::METRICS;

use crate::harness::{Daemon, FtpTalk, Miniftp, Site, eventually};

/// What comes for a request, head and all.
pub(super) fn fetch(daemon: &Daemon, request: &str) -> String {
    let mut tcp = connect(daemon);
    tcp.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    answer
}

fn connect(daemon: &Daemon) -> TcpStream {
    let printed = daemon.printed();
    let address = printed.lines().find_map(|line| line.strip_prefix("listening metrics "));
    TcpStream::connect(address.unwrap_or_else(|| panic!("no metrics: {printed}"))).unwrap()
}

const REQUEST: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_monitor_is_shown_what_was_done_and_what_is_under_way() {
    let site = Site::new();
    site.account("ann", "10M").setting("metrics", "listen", "127.0.0.1:0");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("a", &[7; 1000], 0).expect(900);
    assert_eq!(ann.fetch("a").len(), 1000);
    daemon.connect().log_in("ann", "wrong").expect(253);
    let _ftp = FtpTalk::login(daemon.ftp_addr(), "ann");
    ann.put("big", 100_000, 0).expect(802);
    let answer = fetch(&daemon, REQUEST);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", text.len())), "{head}");
    for line in [
        "# TYPE miniftp_events_total counter",
        "miniftp_events_total{event=\"put\",result=\"done\"} 1",
        "miniftp_events_total{event=\"get\",result=\"done\"} 1",
        "miniftp_events_total{event=\"login\",result=\"done\"} 2",
        "miniftp_events_total{event=\"login\",result=\"refused\"} 1",
        "miniftp_bytes_total{direction=\"up\"} 1000",
        "miniftp_bytes_total{direction=\"down\"} 1000",
        "miniftp_transfers{direction=\"up\"} 1",
        "miniftp_sessions{protocol=\"framed\"} 1",
        "miniftp_sessions{protocol=\"ftp\"} 1",
        "miniftp_accounts 1",
        "miniftp_hooks_total{result=\"done\"} 0",
        concat!("miniftp_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is not in\n{text}");
    }
    for metric in METRICS {
        assert!(text.contains(&format!("# HELP miniftp_{} ", metric.name)), "{}", metric.name);
    }
    assert!(!text.contains("ann"), "no account is named: {text}");
    // A client that others use.
    let curl = Miniftp::foreign("curl", &site.local());
    let printed = daemon.printed();
    let address = printed.lines().find_map(|line| line.strip_prefix("listening metrics "));
    let url = format!("http://{}/metrics?x=y", address.unwrap());
    curl.run(&["-sS", "--noproxy", "*", "-f", &url]).ok().stdout_has("\nminiftp_accounts 1\n");
}

#[test]
fn what_is_no_request_for_them_is_answered_and_ends() {
    let site = Site::new();
    site.setting("metrics", "listen", "[::1]:0");
    let daemon = site.start();
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405 Method Not Allowed"),
        ("nonsense\r\n\r\n", "400 Bad Request"),
        ("GET /metrics HTTP/1.1\r\n\0\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = fetch(&daemon, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?}: {answer}");
    }
    let head = fetch(&daemon, "HEAD /metrics HTTP/1.0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    // A head without end is not read without end.
    let mut endless = connect(&daemon);
    let line = format!("X: {}\r\n", "a".repeat(1000));
    let _ = endless.write_all(format!("GET /metrics HTTP/1.1\r\n{}", line.repeat(9)).as_bytes());
    let mut answer = Vec::new();
    let _ = endless.read_to_end(&mut answer);
    assert!(fetch(&daemon, REQUEST).contains("miniftp_connections_max 2000"));
}

/// They were served one after the other: each connection that said nothing held up a monitor for
/// five seconds.
#[test]
fn silent_connections_keep_nobody_from_the_figures() {
    let site = Site::new();
    site.setting("metrics", "listen", "127.0.0.1:0");
    let daemon = site.start();
    let mut silent: Vec<TcpStream> = (0..METRICS_AT_ONCE + 3).map(|_| connect(&daemon)).collect();
    assert!(fetch(&daemon, REQUEST).contains("miniftp_connections_max 2000"));
    // The newest still wait for their requests; the oldest have given way, though it is long until
    // their deadline.
    let mut newest = silent.pop().unwrap();
    newest.write_all(REQUEST.as_bytes()).unwrap();
    let mut answer = String::new();
    newest.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let mut oldest = silent.remove(0);
    let _ = oldest.write_all(REQUEST.as_bytes());
    let mut answer = String::new();
    let _ = oldest.read_to_string(&mut answer);
    assert_eq!(answer, "");
}

#[test]
fn they_are_for_this_machine_only() {
    let site = Site::new();
    site.setting("metrics", "listen", "0.0.0.0:2122");
    let said = site.miniftpd(&["check"], "");
    said.fails(1).stdout_has("[metrics] listen: \"0.0.0.0:2122\"");
    said.stdout_has("expected an address of this machine only and a port");
}

/// Only lines for which there was no room in memory were counted.
#[test]
fn lines_that_the_disk_did_not_take_are_counted_while_it_takes_none() {
    let site = Site::new();
    site.account("ann", "10M").setting("metrics", "listen", "127.0.0.1:0");
    let daemon = Daemon::start_with(&site, &["--log", "/dev/full"]);
    daemon.login("ann").store("f", b"x", 0).expect(900);
    eventually("they are counted", || {
        let answer = fetch(&daemon, REQUEST);
        let line = answer.lines().find_map(|l| l.strip_prefix("miniftp_log_lines_lost_total "));
        line.unwrap().parse::<u64>().unwrap() >= 2
    });
}
