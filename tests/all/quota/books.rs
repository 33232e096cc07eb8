//! After anything at all the ledger says what a walk of the disk says, and after a crash too.

use std::thread;

use crate::harness::{CHUNK, Daemon, Frames, Site, bytes, stored_bytes};

const SESSIONS: u64 = 4;
const STEPS: usize = 250;

/// Numbers that look random and are the same each time (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    /// One of a few names, so that sessions meet.
    fn path(&mut self) -> String {
        let folder = ["", "a/", "b/", "a/c/"][self.roll(4)];
        format!("{folder}{}", self.roll(6))
    }
}

/// One step of any kind. What it meets may refuse it; only a failure of the server is wrong.
fn step(ann: &mut Frames, dice: &mut Dice) {
    let (path, other) = (dice.path(), dice.path());
    let size = dice.roll(3 * CHUNK);
    let content = bytes(size as u64, size);
    let answer = match dice.roll(13) {
        0 | 1 => ann.store(&path, &content[..size / 4], 0),
        2 | 3 => ann.store(&path, &content[..size / 4], 1),
        4..=7 => {
            let flags = dice.roll(4) as u8;
            let answer = ann.put(&path, size, flags);
            if matches!(answer.code, 800 | 802) {
                upload(ann, dice, &content, answer.code == 800);
            }
            answer
        }
        8 => ann.rm(&path, false),
        9 => ann.rm(["a", "b", "a/c"][dice.roll(3)], true),
        10 => ann.mv(&path, &other, dice.roll(2) == 0),
        11 => ann.on("FORGET", &path),
        _ => ann.mkdir(["a/c", "b"][dice.roll(2)], true),
    };
    assert!(answer.code != 272, "{}", answer.text);
}

/// An upload that ends in one of the ways in which they end.
fn upload(ann: &mut Frames, dice: &mut Dice, content: &[u8], held: bool) {
    let end = dice.roll(4);
    if held && end == 0 {
        drop(ann.drop_part(true));
        return;
    }
    if held {
        // Sessions take parts over from each other, so what was compared may change hands.
        ann.request("HELD", &miniftp::wire::Held::new(0, 16));
    }
    let chunks = content.chunks(CHUNK).enumerate();
    for (i, data) in chunks.take(if end == 1 { 1 } else { usize::MAX }) {
        let answer = ann.chunk(i * CHUNK, data);
        assert!(matches!(answer.code, 900 | 268 | 270 | 274), "{} {}", answer.code, answer.text);
    }
    match end {
        0 => ann.drop_part(true),
        1 => ann.drop_part(dice.roll(2) == 0),
        _ => ann.done(content),
    };
}

fn assert_books(site: &Site, daemon: &Daemon, when: &str) {
    let usage = daemon.login("ann").quota();
    assert_eq!(usage.used, stored_bytes(&site.home(), "ann"), "{when}");
    assert_eq!(usage.reserved, 0, "{when}");
}

#[test]
fn after_a_thousand_steps_of_four_sessions_the_ledger_is_the_disk() {
    let site = Site::new();
    site.account("ann", "2M");
    let mut daemon = site.start();
    // Somebody stays, so that no login walks the disk and mends what was miscounted.
    let mut stays = daemon.login("ann");
    stays.mkdir("a/c", true).expect(200);
    thread::scope(|scope| {
        for seed in 1..=SESSIONS {
            let daemon = &daemon;
            scope.spawn(move || {
                let (mut ann, mut dice) = (daemon.login("ann"), Dice(seed));
                for _ in 0..STEPS {
                    step(&mut ann, &mut dice);
                }
                ann.request("BYE", &miniftp::wire::Nothing::new()).expect(221);
                assert!(ann.read_frame().is_none());
            });
        }
    });
    assert_books(&site, &daemon, "after all steps");
    let limit = stays.quota().limit.unwrap();
    assert!(stored_bytes(&site.home(), "ann") <= limit);
    // Killed with an upload open and bytes written.
    stays.put("last", 2 * CHUNK, 3);
    stays.chunk(0, &bytes(1, CHUNK));
    daemon.restart();
    assert_books(&site, &daemon, "after a crash");
    assert!(!daemon.log().contains("panicked") && !daemon.log().contains("ledger:"));
}

#[test]
fn the_ledger_counts_what_a_crash_left() {
    let site = Site::new();
    site.account("ann", "1M");
    let mut daemon = site.start();
    let content = bytes(2, 5 * CHUNK);
    for round in 0..4 {
        let mut ann = daemon.login("ann");
        ann.store(&format!("small{round}"), &content[..1000], 0).expect(900);
        ann.put("large", content.len(), 0);
        ann.held(0, 16);
        ann.chunk(round * CHUNK, &content[round * CHUNK..(round + 1) * CHUNK]).expect(900);
        daemon.restart();
        let usage = daemon.login("ann").quota();
        let expected = (1000 + CHUNK) * (round + 1);
        assert_eq!(usage.used, expected as u64, "round {round}");
        assert_eq!(stored_bytes(&site.home(), "ann"), expected as u64);
    }
}
