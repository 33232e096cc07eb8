//! The client's side of the framed protocol: one connection at a time, one thread, nothing printed.
//!
//! A transfer survives broken lines: it connects again, logs in with the kept keys, compares what
//! both sides have, and goes on. Files are read and written in pieces of 1 MiB whatever their size.
//!
//! Never: replaces a file, here or there, unless the [`Policy`] says so; believes a name, a length
//! or content that comes from the server.
//! Invariant: a connection on which something is unanswered is not used again.

mod address;
mod adjust;
mod admin;
mod apart;
mod commands;
mod compare;
mod compare_files;
mod compared;
mod conn;
mod crew;
mod delta;
mod differences;
mod encryption;
mod endless;
mod error;
mod exclude;
mod fetch;
mod get;
mod get_ranges;
mod get_small;
mod get_tree;
mod halt;
#[cfg(unix)]
mod hosts;
mod in_the_way;
#[cfg(unix)]
mod known_hosts;
mod limit;
mod local;
mod login;
mod messages;
mod mirror;
mod names;
mod offer;
mod opening;
mod operation;
mod part;
mod people;
mod pipe;
mod progress;
mod put;
mod put_ranges;
mod put_small;
mod put_tree;
mod ranges;
mod report;
mod rows;
mod security;
mod send;
mod sides;
mod stamp;
mod stride;
mod target_dir;
mod tools;
mod totals;
mod tree;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

pub use address::{SOFTWARE, server_address};
pub use adjust::{Adjusted, Adjustment};
pub use commands::{
    Hashed, ListedKind, QuotaUsage, RemoteEntry, RemotePart, Space, TemporaryPassword, WhyReason,
};
pub use compared::{Adjusts, Compared, Comparison, Difference, DifferenceKind, Way};
pub use encryption::{Encryption, KeyStanding};
pub use error::{Error, NoTls, Remains, Result};
pub use exclude::Excluded;
#[cfg(unix)]
pub use hosts::{Host, read_hosts};
#[cfg(unix)]
pub use known_hosts::{KnownHosts, KnownServer};
pub use names::local_name;
pub use people::{MadeTemporary, Registered, RegistrationState, RegistrationTerms, TemporaryTerms};
pub use progress::{
    ExistsChoice, NoProgress, PartChoice, Phase, Policy, Progress, Question, Reply, TransferOutcome,
};
pub use report::TreeReport;
pub use totals::files_below;

use crate::digest::Algorithm;
use crate::scram::ScramKeys;
use crate::tls::TlsMode;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The digest of the chunks; `None` lets the measurement of both sides decide.
    pub digest: Option<Algorithm>,
    /// Set by whoever wants everything to stop: every wait looks at it several times a second, and
    /// so does whatever reads and writes without a wait.
    pub interrupt: Arc<AtomicBool>,
    /// Reconnections in a row without progress before a transfer gives up.
    pub tries: u32,
    /// The wait before the first reconnection; doubled each time.
    pub wait_first: Duration,
    /// The longest wait before a reconnection.
    pub wait_most: Duration,
    /// Seconds of silence of the server that count as a broken line.
    pub answer_secs: u64,
    /// Whether connections are encrypted.
    pub tls: TlsMode,
    /// The file in which servers' keys are remembered. Without one, only the key counts that this
    /// client logged in with first.
    pub known_hosts: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            digest: None,
            interrupt: Arc::default(),
            tries: 10,
            wait_first: Duration::from_millis(200),
            wait_most: Duration::from_secs(5),
            answer_secs: 30,
            tls: TlsMode::default(),
            known_hosts: None,
        }
    }
}

/// Who is logged in, and what logging in again needs.
#[derive(Clone)]
struct LoggedInAccount {
    name: String,
    keys: Option<ScramKeys>,
}

/// A client of one server.
pub struct Client {
    host: String,
    port: u16,
    options: Options,
    conn: Option<conn::Connection>,
    account: Option<LoggedInAccount>,
    security: encryption::Security,
    software: String,
    algorithm: Algorithm,
    cwd: String,
    /// Why the current folder cannot be entered any more, since the line broke.
    lost: Option<String>,
    /// What the server said to people last, each line escaped.
    words: Vec<String>,
    /// Content bytes confirmed since the beginning: what shows that a line is worth another try.
    moved: u64,
    /// One frame's data, kept between transfers.
    buffer: Vec<u8>,
    /// How large the frames of an upload are by now.
    stride: stride::Stride,
    /// How fast its connections may be.
    limit: Arc<limit::RateLimit>,
    /// Connections that a transfer of several files goes over.
    connections: usize,
    /// When this side last sent something.
    last_sign: Instant,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account();
        f.debug_struct("Client")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("account", &account)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}
