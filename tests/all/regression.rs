//! What was once wrong, found by a reader of the program or by an accident. Each test tells the
//! story in a sentence.

use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use miniftp::accounts::{AccountName, AccountState};
use miniftp::config::LiveSettings;
use miniftp::limits;
use miniftp::scram::{ClientExchange, Verifier};
use miniftp::server::{Server, again_channel, stop_channel};
use miniftp::wire::{self, FrameKind};

use crate::harness::{
    CHUNK, Daemon, Frames, Site, bytes, eventually, part_files, password, request, row, whole,
};

/// Rounds in which a busy machine may make a healthy session look silent.
const ROUNDS: usize = 20;

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "20M");
    let daemon = site.start();
    (site, daemon)
}

/// The frame of a small file.
fn store(path: &str, content: &[u8], flags: u8) -> Vec<u8> {
    let (digest, row) = (whole(content), row(content));
    request("STORE", &wire::Store::new(path, 0, 0, wire::NO_MODE, flags, &digest, &row), content)
}

/// Forgetting the part of a silent session and then dropping it there credited its bytes twice, and
/// the account could store more than its limit.
#[test]
fn a_part_that_was_forgotten_is_credited_once() {
    let (_site, daemon) = site();
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    new.store("other", &bytes(1, 2 * CHUNK), 0).expect(900);
    old.put("f", 3 * CHUNK, 0).expect(802);
    old.chunk(0, &bytes(2, CHUNK)).expect(900);
    eventually("the silent session's part is forgotten", || new.on("FORGET", "f").code == 200);
    old.drop_part(false).expect(268);
    let usage = new.quota();
    assert_eq!((usage.used, usage.reserved), (2 * CHUNK as u64, 0));
}

/// The first half of a login: the exchange that the proof will end.
fn challenged(frames: &mut Frames, name: &str) -> (String, String) {
    frames.hello();
    let (exchange, first) = ClientExchange::begin(name).unwrap();
    let answer = frames.request("LOGIN", &wire::Login::new(&first));
    let challenge: wire::Challenge<'_> = answer.expect(280).message();
    let said = challenge.server_first.to_owned();
    let challenge = exchange.challenge(challenge.server_first).unwrap();
    let keys = challenge.derive(&password(name)).unwrap();
    (challenge.prove(&keys).unwrap().1, said)
}

/// An account that was closed, removed or given another password between the challenge and the
/// proof got a session, which then stayed.
#[test]
fn a_login_counts_as_the_account_is_when_it_ends() {
    let (site, daemon) = site();
    for (name, how) in [("bob", "closed"), ("carl", "removed"), ("dora", "changed")] {
        site.account(name, "1M");
        let mut frames = daemon.connect();
        let (proof, _) = challenged(&mut frames, name);
        let edited = site.accounts().edit(|draft| {
            match how {
                "closed" => draft.account(name)?.state = AccountState::Closed,
                "removed" => drop(draft.remove(name)?),
                _ => {
                    let other = Verifier::derive("other", limits::ITERATIONS_LEAST).unwrap();
                    draft.account(name)?.verifier = other;
                }
            }
            Ok(())
        });
        edited.unwrap();
        frames.request("PROOF", &wire::Proof::new(&proof)).expect(253);
        frames.request("PWD", &wire::Nothing::new()).expect(260);
    }
}

/// A closed account was told from an open one because its challenge became that of a stranger, and
/// a stranger because his iterations were those of the settings and not of the others.
#[test]
fn a_challenge_does_not_tell_who_is_known_or_closed() {
    let (site, daemon) = site();
    site.setting("accounts", "iterations", "9999");
    let salt_and_iterations = |name: &str| {
        let (_, said) = challenged(&mut daemon.connect(), name);
        said.split_once(",s=").unwrap().1.to_owned()
    };
    let before = salt_and_iterations("ann");
    let close = site.accounts().edit(|draft| {
        draft.account("ann")?.state = AccountState::Closed;
        Ok(())
    });
    close.unwrap();
    assert_eq!(salt_and_iterations("ann"), before);
    daemon.connect().log_in("ann", &password("ann")).expect(253);
    let mut daemon = daemon;
    daemon.restart();
    let (_, said) = challenged(&mut daemon.connect(), "nobody");
    assert!(said.ends_with(&format!(",i={}", limits::ITERATIONS_LEAST)), "{said}");
}

/// While the large tree of one account was added up at its login, nobody else could log in.
#[test]
fn one_accounts_walk_keeps_no_other_account_waiting() {
    let site = Site::new();
    site.account("ann", "20M").account("bob", "20M");
    fs::create_dir(site.stored("ann", "")).unwrap();
    fs::write(site.stored("ann", "f"), "counted").unwrap();
    let settings = miniftp::config::LiveSettings::open(&site.conf()).unwrap();
    let logs = miniftp::shared::Logs::nowhere();
    let shared = miniftp::shared::Shared::open(settings, logs, &site.conf(), &site.home()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let tcp = || Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    let [ann, bob] = ["ann", "bob"].map(|name| AccountName::parse(name).unwrap());
    let [anns, bobs] = [tcp(), tcp()].map(|tcp| shared.join(tcp, here, "framed").unwrap());
    let mut entered = false;
    // In the middle of the one walk the other begins and ends.
    let opened = shared.open_views(&ann, &anns, &|_| true, &mut |_, _| {
        shared.open_views(&bob, &bobs, &|_| true, &mut |_, _| Ok(())).map(|_| entered = true)
    });
    opened.unwrap();
    assert!(entered);
}

/// A session with small files in flight took two descriptors for each, until nobody had any left.
#[test]
fn small_files_in_flight_need_few_descriptors() {
    const SESSIONS: usize = 8;
    let site = Site::new();
    site.account("ann", "20M");
    let daemon = Daemon::start_with_descriptors(&site, 20 + 9 * SESSIONS as u32);
    let sessions: Vec<Frames> = (0..SESSIONS).map(|_| daemon.login("ann")).collect();
    thread::scope(|scope| {
        for (n, mut ann) in sessions.into_iter().enumerate() {
            scope.spawn(move || {
                ann.mkdir(&format!("{n}"), false).expect(200);
                let frames = (0..200).map(|i| store(&format!("{n}/{i}"), &bytes(i, 10), 0));
                ann.send_bytes(&frames.collect::<Vec<_>>().concat());
                for _ in 0..200 {
                    ann.read_answer().expect(900);
                }
            });
        }
    });
}

/// A healthy upload over a slow line was taken for one that had gone, since only whole frames
/// showed life.
#[test]
fn an_upload_whose_frame_is_still_coming_is_alive() {
    let (_site, daemon) = site();
    let content = bytes(3, limits::FRAME_DATA);
    let respected = (0..ROUNDS).any(|round| {
        let (mut slow, mut other) = (daemon.login("ann"), daemon.login("ann"));
        let path = format!("f{round}");
        slow.put(&path, content.len(), 0).expect(802);
        let frame = request("CHUNK", &wire::Chunk::new(0, &row(&content)), &content);
        let (begun, mut at, mut codes) = (Instant::now(), 0, Vec::new());
        while begun.elapsed() < 3 * limits::CLAIM_STUCK && at + 20 < frame.len() {
            slow.tcp().write_all(&frame[at..at + 20]).unwrap();
            at += 20;
            codes.push(other.put(&path, content.len(), 0).code);
            if codes.last() != Some(&267) {
                return false;
            }
        }
        slow.send_bytes(&frame[at..]);
        slow.read_answer().expect(900);
        slow.done(&content).expect(900);
        true
    });
    assert!(respected);
}

/// A session that stored a small file where its own upload was open pushed itself aside after half
/// a second.
#[test]
fn a_session_does_not_take_over_from_itself() {
    let (_site, daemon) = site();
    let mut ann = daemon.login("ann");
    let content = bytes(4, 2 * CHUNK);
    ann.put("f", content.len(), 0).expect(802);
    let begun = Instant::now();
    while begun.elapsed() < 2 * limits::CLAIM_STUCK {
        ann.store("f", b"small", 1).expect(267);
    }
    ann.send_from(&content, 0);
    ann.done(&content).expect(900);
}

/// HUP killed the server without a goodbye, and every upload with it.
#[test]
fn a_hangup_ends_nobody() {
    let (_site, daemon) = site();
    let mut ann = daemon.login("ann");
    daemon.signal(rustix::process::Signal::HUP);
    daemon.wait_for_log("settings read again: nothing has changed");
    assert_eq!(ann.pwd(), "/");
    daemon.login("ann");
}

/// `account add` gave every account 100 MiB whatever the settings said, and passed over settings
/// with a mistake.
#[test]
fn the_default_quota_is_that_of_the_settings() {
    let site = Site::new();
    site.setting("accounts", "default_quota", "7M");
    site.miniftpd(&["account", "add", "bob"], "secret\n").ok();
    assert_eq!(site.accounts().current().account("bob").unwrap().quota_bytes, Some(7 << 20));
    site.setting("accounts", "default_quota", "much");
    site.miniftpd(&["account", "add", "carl"], "secret\n").fails(1).stderr_has("server.ini");
    fs::remove_file(site.conf().join("server.ini")).unwrap();
    site.miniftpd(&["account", "add", "carl"], "secret\n").ok();
    assert_eq!(site.accounts().current().account("carl").unwrap().quota_bytes, Some(100 << 20));
}

/// DROP 7 meant 0 and removed the part.
#[test]
fn a_switch_is_0_or_1() {
    let (_site, daemon) = site();
    let mut ann = daemon.login("ann");
    ann.put("f", 9, 0).expect(802);
    ann.chunk(0, b"nine here").expect(900);
    ann.request("DROP", &wire::Drop::new(7)).expect(252);
    ann.done(b"nine here").expect(900);
    ann.request("MKDIR", &wire::Mkdir::new("d", 2, wire::NO_MODE)).expect(252);
    ann.request("RM", &wire::Switched::new("f", 2)).expect(252);
    ann.request("MV", &wire::Move::new("f", "g", 2)).expect(252);
    assert_eq!(ann.fetch("f"), b"nine here");
}

/// A small file that replaced its equal was written all the same, though the answer for that is
/// that it is there.
#[test]
fn an_equal_small_file_is_not_written_again() {
    let (_site, daemon) = site();
    let mut ann = daemon.login("ann");
    ann.store("f", b"text", 1).expect(900);
    let version = ann.on("STAT", "f").entry().version;
    ann.store("f", b"text", 1).expect(801);
    assert_eq!(ann.on("STAT", "f").entry().version, version);
    // What is there is compared only when nothing that was sent before is still to be put there.
    let frames = [store("f", b"else", 1), store("f", b"text", 1), store("f", b"text", 1)];
    ann.send_bytes(&frames.concat());
    let codes = [(); 3].map(|()| ann.read_answer().code);
    assert_eq!(codes, [900, 900, 801]);
    assert_eq!(ann.fetch("f"), b"text");
}

/// A comparison that was refused had accepted, by the offset it was refused for, what lay before.
#[test]
fn a_comparison_that_is_refused_accepts_nothing() {
    let (_site, daemon) = site();
    let mut ann = daemon.login("ann");
    let content = bytes(5, 4 * CHUNK);
    ann.put("f", content.len(), 0).expect(802);
    ann.chunk(0, &content[..3 * CHUNK]).expect(900);
    ann.drop_part(true).expect(200);
    ann.put("f", content.len(), 0).expect(800);
    ann.held(0, 16);
    for from in [1, 4 * CHUNK as u64, 9 * CHUNK as u64, 3 * CHUNK as u64 - 1] {
        ann.request("HELD", &wire::Held::new(from, 1)).expect(274);
    }
    ann.send_from(&content, 0);
    ann.done(&content).expect(900);
}

/// A server that was asked to stop waited for the digest of a large file, and then cut it off.
#[test]
fn a_digest_under_way_ends_when_the_server_stops() {
    let (site, mut daemon) = site();
    let mut ann = daemon.login("ann");
    let large = File::create(site.stored("ann", "large")).unwrap();
    large.set_len(1 << 40).unwrap();
    ann.send("HASH", &wire::Hash::new("large", "sha256"));
    assert_eq!(ann.read_frame().unwrap().kind, FrameKind::Alive);
    daemon.term();
    ann.expect_bye(421);
    assert!(daemon.wait().success());
}

/// One thread removed what had expired and looked for edits: while the one waited for a walk, no
/// edit counted, and no ban. HUP was as deaf, and while it read, nobody could stop the server.
#[test]
fn edits_count_while_what_has_expired_waits_for_a_walk() {
    let (site, mut daemon) = site();
    let content = bytes(1, 3 * CHUNK);
    let mut ann = daemon.login("ann");
    ann.put("f", content.len(), 0).expect(802);
    ann.chunk(0, &content[..CHUNK]).expect(900);
    daemon.kill9();
    assert_eq!(part_files(&site.home(), "ann").len(), 1);
    fs::write(site.stored("ann", "g"), "counted").unwrap();
    let here = Ipv4Addr::LOCALHOST;
    let settings = LiveSettings::open(&site.conf());
    let logs = miniftp::shared::Logs::nowhere();
    let shared = miniftp::shared::Shared::open(settings.unwrap(), logs, &site.conf(), &site.home());
    let server = Server::bind(shared.unwrap(), &[(here, 0).into()], &[]).unwrap();
    let shared = Arc::clone(server.shared());
    let listener = TcpListener::bind((here, 0)).unwrap();
    let tcp = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let presence = shared.join(tcp, here.into(), "framed").unwrap();
    let ann = AccountName::parse("ann").unwrap();
    let (stop, stopped) = stop_channel();
    let (read_again, again) = again_channel();
    let mut server = Some((server, again, stopped));
    let mut serving = None;
    // The walk goes on when what was edited has come to count.
    let opened = shared.open_views(&ann, &presence, &|_| true, &mut |_, _| {
        let Some((server, again, stopped)) = server.take() else { return Ok(()) };
        serving = Some(thread::spawn(move || server.run(&stopped, again)));
        site.setting("server", "drain_secs", "7");
        eventually("the edit counts", || shared.config().server.drain_secs == 7);
        site.setting("server", "drain_secs", "8");
        read_again.try_send(()).unwrap();
        eventually("it is read again", || {
            read_again.is_empty() && shared.config().server.drain_secs == 8
        });
        Ok(())
    });
    opened.unwrap();
    drop(presence);
    stop.send(()).unwrap();
    serving.unwrap().join().unwrap().unwrap();
}

/// A proof that could not be read was told so only where the account existed.
#[test]
fn a_broken_proof_does_not_tell_who_is_known() {
    let (_site, daemon) = site();
    let told = ["ann", "nobody"].map(|name| {
        let mut frames = daemon.connect();
        frames.hello();
        let (_, first) = ClientExchange::begin(name).unwrap();
        frames.request("LOGIN", &wire::Login::new(&first)).expect(280);
        let answer = frames.request("PROOF", &wire::Proof::new("no proof at all"));
        (answer.code, answer.text)
    });
    assert_eq!(told[0], told[1]);
}
