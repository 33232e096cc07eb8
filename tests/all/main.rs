//! miniftp from outside: real programs, real sockets, a fresh directory for each test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test stops at what it did not expect, and says so"
)]

// Tables in documents are those of the program.
mod documents;
// Names, folders, listings, removal.
mod files;
// Directories, programs, sockets and proxies for the others.
mod harness;
// The harness tried on itself: what it claims to do to a connection, it does.
mod harness_works;
// The wall around a home.
mod jail;
// Files on their way in.
mod uploads;
// The limit is the limit.
mod quota;
// Changes of the accounts while the server runs.
mod accounts_live;
// A thousand guests.
mod many;
// The server ends, and what was under way goes on.
mod stopping;
