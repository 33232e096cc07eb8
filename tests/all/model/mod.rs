//! A model of everything that sessions can do with files, mounts and limits, and of what must come
//! of it, against the real server.
//!
//! Sessions of three accounts do what the dice say through both protocols, in homes and in every
//! kind of mount. Meanwhile an operator edits conf/mounts.ini and the quotas, the server is killed
//! or stopped, and a watcher looks at the disk. At quiet points the disk is walked: it holds what
//! was reported as stored, and every figure that the server tells is that of the walk.
//!
//! `MINIFTP_MODEL_SEED`, `MINIFTP_MODEL_SECS` and `MINIFTP_MODEL_SESSIONS` make a long run of
//! [`a_long_run`]; see docs/ARCHITECTURE.md.

mod changes;
mod chunks;
mod content;
mod dice;
mod edits;
mod fetch;
mod flurry;
mod framed;
mod ftp;
mod history;
mod places;
mod quiet;
mod refusals;
mod samples;
mod server;
mod storm;
mod walk;
mod watch;
mod worker;
mod world;

use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use self::edits::Edit;
use self::storm::Run;
use crate::harness::{Site, heavy};

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// A seed that no other run had.
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}

fn run(run: &Run) {
    eprintln!("model: seed {}", run.seed);
    let _turn = heavy();
    let site = Site::new();
    let report = storm::run(&site, run);
    eprintln!("model: seed {}\n{}", run.seed, report.counts);
    assert!(
        report.findings.is_empty(),
        "{} findings with {run:?}\n{}\n--- the last operations\n{}--- the end of the log\n{}\n\
         --- {} findings with seed {}, the first\n{}",
        report.findings.len(),
        report.findings.join("\n"),
        report.recent,
        report.log,
        report.findings.len(),
        run.seed,
        report.findings[0],
    );
}

/// Words from the environment.
fn words(name: &str) -> Vec<String> {
    let text = env::var(name).unwrap_or_default();
    text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What every run has that is not told otherwise.
fn short(seed: u64, threads: bool) -> Run {
    let seed = number("MINIFTP_MODEL_SEED").unwrap_or(seed);
    let without = words("MINIFTP_MODEL_WITHOUT");
    Run {
        seed,
        lasts: Duration::from_secs(4),
        rounds: usize::MAX,
        threads,
        sessions: 6,
        kills: !without.iter().any(|word| word == "kills"),
        without: without.iter().filter_map(|word| edit(word)).collect(),
        ignore: words("MINIFTP_MODEL_IGNORE"),
        planted: 60,
    }
}

/// An edit by its name.
fn edit(name: &str) -> Option<Edit> {
    let edits = [
        ("rename", Edit::Rename),
        ("resize", Edit::Resize),
        ("switch", Edit::Switch),
        ("redirect", Edit::Redirect),
        ("remove", Edit::RemoveOrAdd),
        ("quota", Edit::Quota),
    ];
    edits.into_iter().find(|(this, _)| *this == name).map(|(_, edit)| edit)
}

#[test]
fn one_after_the_other_everything_is_as_the_model_says() {
    run(&short(1, false));
}

#[test]
fn all_at_once_everything_is_as_the_model_allows() {
    run(&short(2, true));
}

#[test]
fn a_seed_that_nobody_tried_before() {
    run(&short(fresh_seed(), true));
}

#[test]
fn a_long_run() {
    // Without the variables this is no test of its own: the others run the same for some seconds.
    let Some(secs) = number("MINIFTP_MODEL_SECS") else { return };
    let seed = number("MINIFTP_MODEL_SEED").unwrap_or_else(fresh_seed);
    let sessions = number("MINIFTP_MODEL_SESSIONS").unwrap_or(8);
    let threads = sessions > 0;
    run(&Run {
        lasts: Duration::from_secs(secs),
        sessions: if threads { usize::try_from(sessions).unwrap() } else { 6 },
        ..short(seed, threads)
    });
}
