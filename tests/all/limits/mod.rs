//! Each ceiling of src/limits.rs that somebody outside can hit, hit from a raw socket: there is one
//! right answer, or one right bye, and everybody else is served as before.

mod frames;
mod names;
mod room;
mod sessions;
mod silent;
mod time;

use std::fs;
use std::path::Path;

use miniftp::limits;
use miniftp::wire::Nothing;

use crate::harness::{Daemon, Frames, Site, bytes};

/// A server, an account, and a guest with manners who must not notice anything.
struct Scene {
    // The server goes before its directory.
    honest: Frames,
    daemon: Daemon,
    site: Site,
}

impl Scene {
    fn new() -> Scene {
        Scene::with(&[])
    }

    /// One with these settings of `[server]` changed.
    fn with(settings: &[(&str, &str)]) -> Scene {
        let site = Site::new();
        site.account("ann", "20M");
        for (key, value) in settings {
            site.setting("server", key, value);
        }
        let daemon = site.start();
        let honest = daemon.login("ann");
        Scene { honest, daemon, site }
    }

    fn stranger(&self) -> Frames {
        self.daemon.connect()
    }

    fn guest(&self) -> Frames {
        self.daemon.login("ann")
    }

    /// The old guest is served as before, and a new one is let in.
    #[track_caller]
    fn others_are_served(&mut self) {
        self.honest.request("PING", &Nothing::new()).expect(200);
        self.newcomers_are_served();
    }

    #[track_caller]
    fn newcomers_are_served(&self) {
        let content = bytes(3, limits::CHUNK + 1);
        let mut guest = self.guest();
        guest.store("/honest", &content, miniftp::wire::REPLACE).expect(900);
        assert!(guest.fetch("/honest") == content);
        assert!(fs::read(self.site.stored("ann", "honest")).unwrap() == content);
        guest.rm("/honest", false).expect(200);
    }
}

/// Lines of limits.rs that nobody outside can hit, and why.
const NOT_FROM_OUTSIDE: &[(&str, &str)] = &[
    ("FRAME_PREFIX", "a form, not a ceiling"),
    ("CHUNK_TRIES", "the client's patience; shown by the tests of damage"),
    ("COUNT_KEPT", "how soon it is known, not how much"),
    ("COUNTS_FILE", "what does not fit is counted again"),
    ("COPY_STEP", "how often, not how much"),
    ("GROUP_FILES", "how many wait for one sync; shown by pipelining more"),
    ("GROUP_BYTES", "as GROUP_FILES"),
    ("THREAD_STACK", "memory"),
    ("REST_BUFFER", "memory"),
    ("BUSY_BUFFER", "memory"),
    ("TLS_BLOCK", "memory"),
    ("PROXY_WAITING", "shown by the tests of proxies"),
    ("PROXY_WAIT", "a deadline; shown by the tests of proxies"),
    ("PROXY_UNNAMED", "shown by the tests of proxies"),
    ("PROXY_LOOK", "how often, not how much"),
    ("PROXY_HEADER", "shown by the tests of proxies"),
    ("TLS_STATE", "memory"),
    ("CREDENTIALS_FILE", "as SETTINGS_FILE"),
    ("REST_AFTER", "memory"),
    ("LEAVING_WAIT", "how long a leaving client is waited for; shown by the tests of ends"),
    ("SENT_WAIT", "how long a client that closes late is waited for; shown by the tests of ends"),
    ("SENT_LOOK", "how often, not how much"),
    ("CLAIM_LOOK", "how often, not how much"),
    ("CLAIM_WAIT", "how long one waits for another; shown by the tests of moves"),
    ("REFUSALS", "memory of a session; beyond it more is sent, and refused"),
    ("DROPPED", "memory; shown by the tests in the room itself"),
    ("DROPPED_ALL", "as DROPPED"),
    ("UNDIGESTED", "memory; beyond it files are digested when they are asked for"),
    ("DIGEST_REST", "how long a file rests; shown by the tests of digests"),
    ("DIGEST_RESTS", "how often, not how much"),
    ("MOVED_ENTRIES", "memory of one move; a million files"),
    ("CLAIM_STUCK", "two sessions of one account; shown by the tests of resuming"),
    ("ACCEPT_PAUSE", "how the server waits"),
    ("ITERATIONS_SLACK", "shown by the tests of records of too many iterations"),
    ("DERIVATIONS_WAITING", "shown by the tests in the room itself"),
    ("DERIVATIONS_WAITING_PER_ADDRESS", "as DERIVATIONS_WAITING"),
    ("DERIVATION_RESTS", "a rate; measured by the bench of floods"),
    ("DERIVATION_WAIT", "how long a login in clear waits for its turn"),
    ("LINGER", "how long a bye can be read; every bye here is"),
    ("SYNC_UNWATCHED", "when a sync is watched; as SIGN_OF_LIFE"),
    ("SIGN_OF_LIFE", "how often, not how much"),
    ("REGISTRATIONS_FILE", "conf/ belongs to the operator; as ACCOUNTS_FILE"),
    ("REGISTRATIONS", "memory of answers; who asks is stopped by the settings long before"),
    ("LIST_FILE", "conf/ belongs to the operator"),
    ("PENDING_LOOK", "how often, not how much"),
    ("ATTEMPT_WAIT", "a minute; shown by the tests of guessing"),
    ("POSITION_KEPT", "shown by the tests in the room itself, like the next two"),
    ("POSITION_EARNED", "as POSITION_KEPT"),
    ("POSITIONS_KEPT", "as POSITION_KEPT"),
    ("FAMILIAR_DAYS", "shown by the tests in the room itself, like the next three"),
    ("NETWORKS_OF_ACCOUNT", "as FAMILIAR_DAYS"),
    ("NETWORKS", "as FAMILIAR_DAYS"),
    ("NETWORKS_FILE", "as ACCOUNTS_FILE"),
    ("TEMPORARY", "memory of answers; each account has its own limit long before"),
    ("TEMPORARY_FILE", "as ACCOUNTS_FILE"),
    ("FAILURES", "shown by the tests in the room itself; thousands of logins would be needed"),
    ("BANS", "as FAILURES"),
    ("BANS_FILE", "as ACCOUNTS_FILE"),
    ("BAN_MOST", "a day; shown by the tests in the room itself"),
    ("BAN_MEMORY", "as BAN_MOST"),
    ("BANS_PAUSE", "how often, not how much"),
    ("REMARK", "shown by the tests of the admin's work"),
    ("INVITATION", "the form of a code; another one is unknown"),
    ("LOCAL_CONNECTIONS", "shown by the tests of `miniftpd account`; only the owner connects"),
    ("LOCAL_WAIT", "as LOCAL_CONNECTIONS"),
    ("ANSWER_CELLS", "of an answer; shown by the test of its reader"),
    ("ANNOUNCEMENTS", "how many announcements wait for a terminal"),
    ("CONSOLE_LINE", "shown by the tests of the console"),
    ("WALK_NAMES", "memory; shown by the tests of walks"),
    ("LISTING_KEPT", "the client's; shown by the tests of a hostile server"),
    ("ROWS_KEPT", "as LISTING_KEPT"),
    ("TREE_WAITING", "as LISTING_KEPT"),
    ("LISTING_RUN", "memory; shown by the tests in the room itself"),
    ("FORMER_NAMES", "names of accounts that an operator removes"),
    ("MOUNT_WAIT", "what an operator mounts; shown by the tests of mounts that stand still"),
    ("MOUNT_OPENING", "as MOUNT_WAIT"),
    ("MOUNT_THREADS", "as MOUNT_WAIT"),
    ("WALK_DEPTH", "what an operator makes"),
    ("DEPTH_ON_DISK", "as WALK_DEPTH"),
    ("FILE_OWNERS", "as many accounts as fit in their file"),
    ("COUNT_PATIENCE", "how long a login waits"),
    ("COUNT_LOOK", "how often whoever waits looks"),
    ("LOCK_WAIT", "how long another program is waited for"),
    ("LOCK_WAIT_LAST", "shown by the tests of what it is for"),
    ("GROUP_SINGLY", "shown by the tests of what it is for"),
    ("OPERATION_LOOK", "shown by the tests of what it is for"),
    ("ENDED_GRACE", "shown by the tests of what it is for"),
    ("SAVE_LAST", "shown by the tests of what it is for"),
    ("LOCK_RENEWAL", "shown by the tests of what it is for"),
    ("LOCK_FENCE", "shown by the tests of what it is for"),
    ("LOCK_WATCH", "shown by the tests of what it is for"),
    ("LOCK_SETTLE", "shown by the tests of what it is for"),
    ("LOCK_UNREACHABLE", "shown by the tests of what it is for"),
    ("RATE_BURST", "shown by the tests of rates, like the next four"),
    ("RATE_STEP", "how long, not how much"),
    ("RATE_PIECE", "how often a session is woken"),
    ("RATE_LEAST", "conf/ belongs to the operator"),
    ("RATE_LOOK", "how long the server sleeps"),
    ("REMOVAL_WAIT", "how long the server waits"),
    ("CONTENT_BLOCK", "how much at once; shown by the test of the worst case of memory"),
    ("CONTENT_BLOCK_MOST", "as CONTENT_BLOCK"),
    ("HOOKS_WAITING", "shown by the tests of hooks"),
    ("HOOKS_RUNNING", "the most that conf/, which belongs to the operator, can ask for"),
    ("HOOK_REQUEST", "shown by the unit tests of the process that runs hooks"),
    ("METRICS_WAIT", "for programs of this machine"),
    ("METRICS_AT_ONCE", "shown by the tests of metrics"),
    ("METRICS_HEAD", "shown by the tests of metrics"),
    ("LOG_QUEUE", "memory; shown by the test of a standard error that nobody reads"),
    ("LOG_WAIT", "as LOG_QUEUE"),
    ("LOG_GATHER", "how long a line waits for others"),
    ("LOG_LAST", "how long the end of the program waits"),
];

#[test]
fn every_line_of_the_limits_is_hit_or_excused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = fs::read_to_string(root.join("src/limits.rs")).unwrap();
    let mut tests = String::new();
    for folder in ["tests/all/limits", "tests/all/ftp", "tests/all/greetings"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            tests += &fs::read_to_string(entry.unwrap().path()).unwrap();
        }
    }
    tests += &fs::read_to_string(root.join("tests/all/login.rs")).unwrap();
    for line in lines.lines() {
        let Some(rest) = line.strip_prefix("pub const ") else { continue };
        let name = rest.split(':').next().unwrap();
        let excused = NOT_FROM_OUTSIDE.iter().any(|(excused, _)| *excused == name);
        let hit = tests.contains(&format!("limits::{name}"));
        assert!(hit || excused, "no test hits limits::{name}");
    }
    for (name, why) in NOT_FROM_OUTSIDE {
        assert!(lines.contains(&format!("pub const {name}:")), "no such line: {name} ({why})");
    }
}
