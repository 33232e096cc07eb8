//! miniftp: a file server and its client whose word can be relied on.
//!
//! What it says is stored is stored; what it says is the limit is the limit; what breaks goes on
//! where it was.
//!
//! Read in this order: [`limits`], [`error`], [`wire`], `session`, `doors::framed`, `transfer`,
//! `vfs`, and then whatever the task names.
//! docs/ARCHITECTURE.md has the map, the layers and the invariants.

#[cfg(unix)]
pub mod accounts;
#[cfg(unix)]
pub mod admin;
pub mod answer;
#[cfg(unix)]
pub mod audit;
pub mod client;
#[cfg(unix)]
pub mod conffile;
#[cfg(unix)]
pub mod config;
pub mod digest;
#[cfg(unix)]
pub mod doors;
pub mod error;
#[cfg(unix)]
pub mod gate;
pub mod limits;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
pub mod mounts;
#[cfg(unix)]
pub mod quota;
#[cfg(unix)]
pub mod rates;
#[cfg(unix)]
pub mod rights;
pub mod scram;
#[cfg(unix)]
pub mod server;
#[cfg(unix)]
pub mod session;
#[cfg(unix)]
pub mod site;
pub mod stream;
pub mod text;
#[cfg(unix)]
pub mod transfer;
#[cfg(unix)]
pub mod vfs;
#[cfg(unix)]
pub mod why;
pub mod wire;
#[cfg(unix)]
pub mod words;
