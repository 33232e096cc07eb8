//! miniftp from outside: real programs, real sockets, a fresh directory for each test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test stops at what it did not expect, and says so"
)]

// One table of admin commands, every way to it.
mod admin;
// Changes of the accounts while the server runs.
mod accounts_live;
// `miniftpd check`: faults, and what would change.
mod check;
// Configuration files that people edit while programs use and write them.
mod conffiles;
// What the client prints, where, and with which status, to the byte.
mod cli;
// The first thing that a visitor runs.
mod demo;
// One account, two doors: what one of them stores, limits or leaves unfinished, the other knows.
mod both_protocols;
// Digests that are kept: used, dropped when a file changed, and compared by `verify`.
mod digests;
// Tables in documents are those of the program.
mod documents;
// Names, folders, listings, removal.
mod files;
// A client that meets a bad server: it can be stopped, and keeps its memory.
mod hostile;
// The FTP clients that people bring, each against the real server.
mod ftp_clients;
// The second door: verbs, lines, data connections, transfers, logins.
mod ftp;
#[cfg(feature = "tls")]
// The same over TLS: real clients, and one that breaks every rule.
mod ftps;
// Directories, programs, sockets and proxies for the others.
mod harness;
// The harness tried on itself: what it claims to do to a connection, it does.
mod harness_works;
// The wall around a home.
mod jail;
// What would take hours ends with whoever asked for it.
mod long;
// Each line of src/limits.rs attacked from a raw socket, while others are served.
mod limits;
// What the logs have of it, and what they never have.
mod logs;
// Who gets in, and how little those learn who do not.
mod login;
// A thousand guests.
mod many;
// One side made as the other, and what must stay.
mod mirror;
// Everything at random, and what must come of it.
mod model;
// Folders that are mounted: rights, limits, guests, and what decides.
mod mounts;
// One server at a time has a tree.
mod lock;
// From the programs alone to a server.
mod start;
// One directory, at once.
mod share;
// Registering, the operator, admins, one's own password.
mod people;
// What an operator sees of a running server, and what is run after events.
mod watching;
// Names on the disk: moved, replaced and removed while others look, write, or kill the server.
mod moves;
// One answer for each request, in order, however many are under way.
mod pipelining;
// Any bytes at all into the readers of frames and messages.
mod props;
// The limit is the limit.
mod quota;
// The server ends, and what was under way goes on.
mod stopping;
// A rate is a rate, whatever travels and however.
mod rates;
// Connections without a thread.
mod resting;
// What was once wrong: each test tells a story that must not happen again.
mod regression;
// Settings that are edited while the server runs.
mod settings_live;
// Behind a proxy.
mod proxied;
// The key that the server proves itself with.
mod server_key;
// What a build without TLS says.
mod without_tls;
// TLS on the framed protocol, and somebody in between.
mod encrypted;
// The house as docs/ARCHITECTURE.md draws it: layers, rooms, budgets.
mod tidy;
// Files on their way in.
mod uploads;
// docs/client.py against the real server.
mod python;
// What breaks goes on where it was: cuts, kills, damage and changes.
mod resume;
// The dialogue of the programs that this one grew out of.
mod seeds;
// The client as a person meets it, on a real terminal.
mod terminal;
// Files and folders through the real client and server, there and back.
mod transfer;
// What the system refuses: descriptors, disks that are full, files that are too large.
mod scarce;
// What the server says to people.
mod greetings;
// docs/PROTOCOL.md and the program say the same, to the byte.
mod wire_golden;
// The client reports success only for what happened, and a refusal says what was refused.
mod truth;
