//! What happens to a transfer that waits: the rate changes, somebody ends it, the server stops.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use miniftp::wire;

use super::most;
use crate::harness::{
    CHUNK, Daemon, Frames, FtpTalk, Site, assert_same_file, bytes, eventually, part_files,
    write_file,
};

/// Within this nobody hangs: by the rates alone everything here would take hours.
const SOON: Duration = Duration::from_secs(20);

fn site(rate: &str) -> Site {
    let site = Site::new();
    site.account("ann", "100M").admin("root");
    site.setting("rates", "account_up", rate).setting("rates", "account_down", rate);
    site
}

fn set(site: &Site, daemon: &Daemon, rate: &str, was: &str) {
    site.setting("rates", "account_up", rate).setting("rates", "account_down", rate);
    daemon.wait_for_log(&format!("[rates] account_up = {rate}, was {was}"));
    daemon.wait_for_log(&format!("[rates] account_down = {rate}, was {was}"));
}

/// An upload through the first door that waits for its turn inside a frame.
fn waiting_put(daemon: &Daemon) -> Frames {
    let mut frames = daemon.login("ann");
    frames.put("put", 3 * CHUNK, 0).expect(802);
    frames.send_chunk(0, &bytes(1, CHUNK));
    frames
}

fn waiting_get(daemon: &Daemon) -> Frames {
    let mut frames = daemon.login("ann");
    frames.send("GET", &wire::Get::new("large", 0, u64::MAX, 0));
    frames
}

/// Uploads through the second door.
fn waiting_stor(daemon: &Daemon) -> (FtpTalk, std::net::TcpStream) {
    let mut talk = daemon.ftp("ann");
    let mut data = talk.begin("STOR stor");
    data.write_all(&bytes(2, CHUNK)).unwrap();
    (talk, data)
}

fn waiting_retr(daemon: &Daemon) -> (FtpTalk, std::net::TcpStream) {
    let mut talk = daemon.ftp("ann");
    let data = talk.begin("RETR large");
    (talk, data)
}

#[test]
fn an_edit_counts_for_transfers_that_run() {
    let site = site("1K");
    let content = bytes(3, 3 << 20);
    write_file(site.stored("ann", "large"), &content);
    let daemon = site.start();
    let begun = Instant::now();
    let (mut put, mut get) = (waiting_put(&daemon), waiting_get(&daemon));
    let (mut storing, mut stored) = waiting_stor(&daemon);
    let (mut fetching, mut fetched) = waiting_retr(&daemon);
    set(&site, &daemon, "unlimited", "1K");
    put.read_answer().expect(900);
    let answer = get.read_answer();
    answer.expect(257);
    let came: Vec<u8> = answer.parts.iter().flat_map(|part| part.data.clone()).collect();
    assert!(came == content);
    stored.write_all(&content).unwrap();
    drop(stored);
    storing.reply().expect(226);
    let mut came = Vec::new();
    fetched.read_to_end(&mut came).unwrap();
    assert!(came == content);
    fetching.reply().expect(226);
    assert!(begun.elapsed() < SOON, "the edit has come late: {:?}", begun.elapsed());
}

#[test]
fn a_rate_that_is_set_slows_down_what_runs() {
    let site = site("8M");
    write_file(site.stored("ann", "large"), &[]);
    let large = std::fs::File::options().write(true).open(site.stored("ann", "large"));
    large.unwrap().set_len(1 << 30).unwrap();
    let daemon = site.start();
    let (mut talk, mut data) = waiting_retr(&daemon);
    let reader = std::thread::spawn(move || {
        let mut block = vec![0; 65_536];
        while data.read(&mut block).is_ok_and(|n| n > 0) {}
    });
    set(&site, &daemon, "16K", "8M");
    let mut moved = || {
        let text = talk.ask("STAT").expect(211).text();
        text.split(' ').find_map(|word| word.parse::<u64>().ok()).unwrap()
    };
    let (before, begun) = (moved(), Instant::now());
    eventually("two seconds have passed", || begun.elapsed() > Duration::from_secs(2));
    let moved = moved() - before;
    assert!(moved <= most(16 << 10, 1, begun.elapsed()), "{moved} bytes");
    talk.ask("ABOR").expect(426);
    talk.reply().expect(226);
    reader.join().unwrap();
}

#[test]
fn whoever_waits_for_a_turn_can_be_ended() {
    let site = site("1K");
    write_file(site.stored("ann", "large"), &bytes(3, 3 << 20));
    let daemon = site.start();
    let begun = Instant::now();
    let (put, get) = (waiting_put(&daemon), waiting_get(&daemon));
    let ((mut storing, stored), (mut fetching, fetched)) =
        (waiting_stor(&daemon), waiting_retr(&daemon));
    // On the control line everything is answered as ever.
    storing.ask("STAT").expect(211).says("a transfer is running");
    fetching.ask("NOOP").expect(200);
    site.miniftp("root", &["admin", "kick", "ann"]).ok();
    put.expect_bye(427);
    get.expect_bye(427);
    for talk in [&mut storing, &mut fetching] {
        let end = talk.reply();
        assert_eq!(end.code, 421, "{end:?}");
    }
    drop((stored, fetched));
    let (mut again, data) = waiting_retr(&daemon);
    again.ask("ABOR").expect(426);
    again.reply().expect(226);
    drop(data);
    let (mut again, data) = waiting_stor(&daemon);
    again.ask("ABOR").expect(426);
    again.reply().expect(226);
    drop(data);
    assert!(begun.elapsed() < SOON, "it has taken {:?}", begun.elapsed());
}

#[test]
fn a_server_that_stops_does_not_wait_for_turns_and_the_upload_goes_on_later() {
    let site = site("96K");
    site.setting("server", "drain_secs", "3600");
    let content = bytes(4, 4 << 20);
    write_file(site.local().join("up"), &content);
    write_file(site.stored("ann", "large"), &content);
    let mut daemon = site.start();
    let client = site.client("ann").spawn(&["put", "up"]);
    let (mut stor, retr) = (waiting_stor(&daemon), waiting_retr(&daemon));
    let get = waiting_get(&daemon);
    let held = || {
        part_files(&site.home(), "ann")
            .iter()
            .any(|part| part.metadata().is_ok_and(|meta| meta.len() >= CHUNK as u64))
    };
    eventually("a chunk is held", held);
    let begun = Instant::now();
    daemon.term();
    stor.0.reply().expect(421);
    get.expect_bye(421);
    drop(retr);
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(begun.elapsed() < SOON, "it has taken {:?}", begun.elapsed());
    set_before_start(&site);
    daemon.restart();
    client.wait().ok().stderr_has("% are there, trying again");
    let log = daemon.whole_log();
    let held = log.split(" puts /up: ").filter_map(|rest| rest.split(' ').next()?.parse().ok());
    assert!(held.max().is_some_and(|held: usize| held >= CHUNK), "it has begun anew: {log}");
    assert_same_file(site.local().join("up"), site.stored("ann", "up"));
}

fn set_before_start(site: &Site) {
    site.setting("rates", "account_up", "unlimited");
    site.setting("rates", "account_down", "unlimited");
}
