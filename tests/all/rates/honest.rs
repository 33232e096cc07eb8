//! Every way that content travels, over ten seconds, all at once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::most;
use crate::harness::{FtpTalk, Miniftp, Site, assert_same_file, bytes, heavy, write_file};

/// A low one, so that what is measured is the rate and not the machine.
const RATE: u64 = 256 << 10;
/// Bytes that travel: those of ten seconds.
const BYTES: usize = 10 * RATE as usize;
/// Bytes of a small file.
const SMALL: usize = 4096;
/// What the start of programs and the commit of the last file may take, besides 10 %.
const AROUND: Duration = Duration::from_secs(1);

/// One way for an account to move [`BYTES`] with so many sessions at once.
struct Way {
    account: &'static str,
    streams: usize,
    /// What each stream does, by its number.
    run: fn(&Scene, &str, usize, usize),
    /// Whether files are fetched.
    down: bool,
    files: Files,
}

#[derive(Clone, Copy, PartialEq)]
enum Files {
    /// One for each stream.
    Large,
    /// A folder.
    Small,
}

const WAYS: [Way; 11] = [
    Way { account: "get", streams: 1, run: get, down: true, files: Files::Large },
    Way { account: "put", streams: 1, run: put, down: false, files: Files::Large },
    Way { account: "gets", streams: 4, run: get, down: true, files: Files::Large },
    Way { account: "puts", streams: 4, run: put, down: false, files: Files::Large },
    Way { account: "get-tree", streams: 1, run: get_tree, down: true, files: Files::Small },
    Way { account: "put-tree", streams: 1, run: put_tree, down: false, files: Files::Small },
    Way { account: "retr", streams: 1, run: retr, down: true, files: Files::Large },
    Way { account: "stor", streams: 1, run: stor, down: false, files: Files::Large },
    Way { account: "retrs", streams: 4, run: retr, down: true, files: Files::Large },
    Way { account: "stors", streams: 4, run: stor, down: false, files: Files::Large },
    Way { account: "both-doors", streams: 4, run: either, down: false, files: Files::Large },
];

/// Small files through the second door: each has a data connection of its own.
const SMALL_STORES: Way =
    Way { account: "small-stors", streams: 1, run: stor_small, down: false, files: Files::Small };

struct Scene {
    framed: SocketAddr,
    ftp: SocketAddr,
    site: Site,
}

impl Scene {
    fn local(&self, account: &str, stream: usize) -> PathBuf {
        self.site.local().join(format!("{account}-{stream}"))
    }

    fn miniftp(&self, account: &str, stream: usize, words: &[&str]) {
        Miniftp::new(&self.local(account, stream), self.framed, account).run(words).ok();
    }

    /// What a stream carries.
    fn content(&self, stream: usize, len: usize) -> Vec<u8> {
        bytes(stream as u64, len)
    }
}

fn get(scene: &Scene, account: &str, stream: usize, _: usize) {
    let name = stream.to_string();
    scene.miniftp(account, stream, &["get", "--overwrite", &name]);
    let (here, there) =
        (scene.local(account, stream).join(&name), scene.site.stored(account, &name));
    assert_same_file(here, there);
}

fn put(scene: &Scene, account: &str, stream: usize, _: usize) {
    let name = stream.to_string();
    scene.miniftp(account, stream, &["put", &name]);
    let (here, there) =
        (scene.local(account, stream).join(&name), scene.site.stored(account, &name));
    assert_same_file(here, there);
}

fn get_tree(scene: &Scene, account: &str, stream: usize, _: usize) {
    scene.miniftp(account, stream, &["get", "-r", "tree"]);
}

fn put_tree(scene: &Scene, account: &str, stream: usize, _: usize) {
    scene.miniftp(account, stream, &["put", "-r", "tree"]);
}

fn retr(scene: &Scene, account: &str, stream: usize, len: usize) {
    let mut talk = FtpTalk::login(scene.ftp, account);
    assert!(talk.fetch(&stream.to_string()) == scene.content(stream, len));
}

fn stor(scene: &Scene, account: &str, stream: usize, len: usize) {
    let mut talk = FtpTalk::login(scene.ftp, account);
    talk.store(&stream.to_string(), &scene.content(stream, len)).expect(226);
}

fn stor_small(scene: &Scene, account: &str, _: usize, len: usize) {
    let mut talk = FtpTalk::login(scene.ftp, account);
    for number in 0..len / SMALL {
        talk.store(&format!("{number}"), &scene.content(number, SMALL)).expect(226);
    }
}

fn either(scene: &Scene, account: &str, stream: usize, len: usize) {
    match stream % 2 {
        0 => put(scene, account, stream, len),
        _ => stor(scene, account, stream, len),
    }
}

/// Puts in place what the way needs, and removes what it made before.
fn prepare(scene: &Scene, way: &Way) {
    let len = BYTES / way.streams;
    for stream in 0..way.streams {
        let name = stream.to_string();
        let (here, there) = (scene.local(way.account, stream), scene.site.home().join(way.account));
        let _ = std::fs::remove_dir_all(&here);
        if stream == 0 {
            let _ = std::fs::remove_dir_all(&there);
        }
        std::fs::create_dir_all(&here).unwrap();
        let from = if way.down { &there } else { &here };
        match way.files {
            Files::Large => write_file(from.join(name), &scene.content(stream, len)),
            Files::Small => {
                for number in 0..BYTES / SMALL {
                    let content = scene.content(number, SMALL);
                    write_file(from.join(format!("tree/{number}")), &content);
                }
            }
        }
    }
}

/// Runs a way: when each of its streams had ended.
fn measure(scene: &Scene, way: &Way) -> Vec<Duration> {
    let len = BYTES / way.streams;
    let begun = Instant::now();
    thread::scope(|scope| {
        let run = |stream| {
            scope.spawn(move || {
                (way.run)(scene, way.account, stream, len);
                begun.elapsed()
            })
        };
        let streams: Vec<_> = (0..way.streams).map(run).collect();
        streams.into_iter().map(|stream| stream.join().unwrap()).collect()
    })
}

/// Checks what must hold on every machine; tells whether the rate was made use of.
fn judge(way: &Way, times: &[Duration]) -> Result<(), String> {
    let name = way.account;
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    let most = most(RATE, way.streams as u64, *last);
    assert!(BYTES as u64 <= most, "{name}: {BYTES} bytes in {last:?}, at most {most}");
    let longest = Duration::from_secs_f64(BYTES as f64 / RATE as f64 / 0.9) + AROUND;
    if *last > longest {
        return Err(format!("{name}: {BYTES} bytes took {last:?}, more than {longest:?}"));
    }
    if first.as_secs_f64() < 0.7 * last.as_secs_f64() {
        return Err(format!("{name}: not shared equally, {times:?}"));
    }
    Ok(())
}

#[test]
fn what_a_user_measures_over_ten_seconds_is_the_rate() {
    let _turn = heavy();
    let site = Site::new();
    let rate = RATE.to_string();
    site.setting("rates", "account_up", &rate).setting("rates", "account_down", &rate);
    let ways: Vec<&Way> = WAYS.iter().chain([&SMALL_STORES]).collect();
    for way in &ways {
        site.account(way.account, "unlimited");
    }
    let daemon = site.start();
    let scene = Scene { framed: daemon.addr(), ftp: daemon.ftp_addr(), site };
    let mut again = ways;
    for _ in 0..3 {
        again.iter().for_each(|way| prepare(&scene, way));
        let measured: Vec<Vec<Duration>> = thread::scope(|scope| {
            let run = |way: &&'static Way| {
                let (scene, way) = (&scene, *way);
                scope.spawn(move || measure(scene, way))
            };
            let ways: Vec<_> = again.iter().map(run).collect();
            ways.into_iter().map(|way| way.join().unwrap()).collect()
        });
        let mut late = Vec::new();
        for (way, times) in again.iter().zip(&measured) {
            eprintln!("{:12} {times:.2?}", way.account);
            if let Err(why) = judge(way, times) {
                eprintln!("{why}");
                late.push(*way);
            }
        }
        if late.is_empty() {
            return;
        }
        again = late;
    }
    let late: Vec<&str> = again.iter().map(|way| way.account).collect();
    panic!("the rate was not made use of: {late:?}");
}
