//! The most memory that the server takes, by the ceilings of this page and the settings.
//!
//! Each line is a ceiling times how many can have it at once; `miniftpd check` prints them. What is
//! only reserved, such as the untouched part of a stack, is counted as taken, and the kernel's
//! buffers of sockets are not.

use std::mem::size_of;

use crate::digest::Digest;

/// What the settings say about it.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Connections in all.
    pub connections: usize,
    /// Connections before their login, which have no buffers for content.
    pub before_login: usize,
    /// Whether connections can be encrypted.
    pub encrypted: bool,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLine {
    /// What it is for.
    pub what: &'static str,
    /// How many there can be.
    pub count: usize,
    /// Bytes of each.
    pub each_bytes: usize,
}

impl MemoryLine {
    /// Bytes of all.
    pub fn bytes(&self) -> usize {
        self.count.saturating_mul(self.each_bytes)
    }
}

/// Threads beside those of connections: one each listens for the framed protocol, FTP, FTP over
/// TLS, the local socket and the metrics, keeps house, removes what has expired, digests what came
/// without, waits for those that rest, holds the lock, writes the log and catches signals, two are
/// at the terminal, one runs `main`, and some answer for the metrics; those that check passwords
/// come on top.
const THREADS: usize = 15 + super::METRICS_AT_ONCE;
/// Bytes that a thread takes whose size of stack nobody chose, as far as it is touched.
const PLAIN_STACK: usize = 256 * 1024;
/// Bytes of the state of a connection, its session and its transfer beside their buffers.
const SESSION: usize = 16 * 1024;
/// Bytes of a small file that waits for the sync of its group, beside its content, which is on the
/// disk.
const WAITING_FILE: usize = 2 * 1024;
/// Bytes of a failure or a ban that is remembered.
const REMEMBERED: usize = 512;
/// How often the bytes of a file that people edit are in memory while it is read again: the text,
/// what was read, and what was read before.
const COPIES: usize = 4;
/// Bytes of the program itself, its tables and its allocator.
const PROGRAM: usize = 8 * 1024 * 1024;

/// The table, one line for each thing.
pub fn worst_case(demand: Demand) -> Vec<MemoryLine> {
    let Demand { connections, before_login, encrypted } = demand;
    let line = |what, count, each_bytes| MemoryLine { what, count, each_bytes };
    // The head of a frame, and either a small file that is being received or a block that is being
    // read or sent, which the other one may have left; by FTP a block, its lines with other ends,
    // which may be twice as long, what waits for a part, and commands that wait.
    let framed = super::FRAME_HEAD + super::STORE_INLINE + super::CONTENT_BLOCK_MOST;
    let lines = (1 + super::FTP_PENDING) * super::FTP_LINE;
    let ftp = 3 * super::CONTENT_BLOCK + super::STREAMING_SMALL + lines;
    // FTP has two connections for a session, and what is sent goes through one at a time.
    let tls = 2 * super::TLS_STATE + super::TLS_BLOCK;
    // The digests of what is not settled, or the files of a group: an upload has one or the other.
    let upload = (super::CHUNKS_UNSETTLED * size_of::<Option<Digest>>())
        .max(super::GROUP_FILES * WAITING_FILE);
    let edited = super::ACCOUNTS_FILE
        + super::REGISTRATIONS_FILE
        + super::BANS_FILE
        + super::NETWORKS_FILE
        + super::TEMPORARY_FILE
        + super::SETTINGS_FILE
        + super::COUNTS_FILE
        + 2 * super::LIST_FILE
        + 2 * super::GREETING_FILE as u64;
    vec![
        line("connections: a thread, and another while a file is synced", connections, {
            2 * super::THREAD_STACK
        }),
        line("connections: state, and buffers of requests and answers", connections, {
            SESSION + 2 * super::BUSY_BUFFER
        }),
        line("connections: buffers of content", connections, framed.max(ftp)),
        line("connections: encryption", if encrypted { connections } else { 0 }, tls),
        line("connections: digests of an upload, or small files of a group", connections, upload),
        line("connections before login: a frame", before_login, super::FRAME_BEFORE_LOGIN),
        line("threads of the server", THREADS + super::derivations(), PLAIN_STACK),
        line("lines of the log that wait, and that are written", 2, super::LOG_QUEUE),
        line(
            "failed logins, bans and networks of logins",
            3 * super::FAILURES + 3 * super::BANS + 2 * super::NETWORKS,
            REMEMBERED,
        ),
        line("files that wait to be digested", super::UNDIGESTED, super::PATH + REMEMBERED),
        line("what is read to be digested", 1, super::CONTENT_BLOCK_MOST),
        line(
            "files that people edit, and what was kept",
            COPIES,
            usize::try_from(edited).unwrap_or(usize::MAX),
        ),
        line("the program", 1, PROGRAM),
    ]
}
