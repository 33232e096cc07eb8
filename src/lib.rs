//! miniftp: a file server and its client whose word can be relied on.
//!
//! What it says is stored is stored; what it says is the limit is the limit; what breaks goes on
//! where it was.
//!
//! A client:
//!
//! ```
//! use std::path::Path;
//! use miniftp::client::{Client, NoProgress, Options, Policy, Result};
//!
//! fn there_and_back(host: &str, port: u16, password: &str) -> Result<Vec<u8>> {
//!     let (policy, quiet) = (Policy::default(), &mut NoProgress);
//!     let mut client = Client::connect(host, port, Options::default())?;
//!     client.login("alex", password)?;
//!     client.put(Path::new("Cargo.toml"), "notes.txt", &policy, quiet)?;
//!     let mut notes = Vec::new();
//!     client.get_to("notes.txt", &mut notes, quiet)?;
//!     Ok(notes)
//! }
//! # #[cfg(all(unix, feature = "server"))]
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! #     use miniftp::{config::LiveSettings, server, shared::{Logs, Shared}};
//! #     let dir = std::env::temp_dir().join(format!("miniftp-doc-{}", std::process::id()));
//! #     let (conf, home) = (dir.join("conf"), dir.join("home"));
//! #     std::fs::create_dir_all(&conf)?;
//! #     for file in ["server.ini", "accounts.ini"] {
//! #         std::fs::copy(Path::new("conf").join(file), conf.join(file))?;
//! #     }
//! #     let shared = Shared::open(LiveSettings::open(&conf)?, Logs::nowhere(), &conf, &home)?;
//! #     let server = server::Server::bind(shared, &[([127, 0, 0, 1], 0).into()], &[])?;
//! #     let port = server.framed_address().ok_or("not bound")?.port();
//! #     let (stop, stopped) = server::stop_channel();
//! #     let serving = std::thread::spawn(move || server.run(&stopped, server::again_channel().1));
//! #     let notes = there_and_back("127.0.0.1", port, "alex-demo");
//! #     let _ = stop.try_send(());
//! #     let _ = serving.join();
//! #     std::fs::remove_dir_all(&dir)?;
//! #     assert_eq!(notes?, std::fs::read("Cargo.toml")?);
//! #     Ok(())
//! # }
//! # #[cfg(not(all(unix, feature = "server")))]
//! # fn main() {}
//! ```
//!
//! Read in this order: [`limits`], [`error`], [`wire`], `session`, `protocols::framed`, `transfer`,
//! `vfs`, and then whatever the task names.
//! docs/ARCHITECTURE.md has the map, the layers and the invariants.

#[cfg(all(unix, feature = "server"))]
pub mod accounts;
#[cfg(all(unix, feature = "server"))]
pub mod admin;
#[cfg(all(unix, feature = "server"))]
pub mod admission;
pub mod answer;
#[cfg(all(unix, feature = "server"))]
pub mod audit;
#[cfg(any(all(unix, feature = "server"), feature = "client"))]
mod buffer;
#[cfg(feature = "client")]
pub mod client;
#[cfg(all(unix, any(feature = "server", feature = "client")))]
#[cfg_attr(
    not(feature = "server"),
    allow(dead_code, unused_imports, reason = "a client only reads; the rest is the server's")
)]
pub mod conffile;
#[cfg(all(unix, feature = "server"))]
pub mod config;
pub mod digest;
pub mod error;
#[cfg(all(unix, feature = "server"))]
pub mod greetings;
pub mod limits;
mod lock;
#[cfg(all(unix, feature = "server"))]
pub mod mounts;
#[cfg(all(unix, feature = "server"))]
pub mod protocols;
#[cfg(all(unix, feature = "server"))]
pub mod quota;
#[cfg(all(unix, feature = "server"))]
pub mod rates;
#[cfg(all(unix, feature = "server"))]
pub mod rights;
#[cfg(all(unix, feature = "server"))]
pub mod sandbox;
pub mod scram;
#[cfg(all(unix, feature = "server"))]
pub mod server;
#[cfg(all(unix, feature = "server"))]
pub mod session;
#[cfg(all(unix, feature = "server"))]
pub mod shared;
pub mod stream;
pub mod text;
pub mod tls;
#[cfg(all(unix, feature = "server"))]
pub mod transfer;
#[cfg(all(unix, feature = "server"))]
pub mod vfs;
#[cfg(all(unix, feature = "server"))]
pub mod why;
pub mod wire;
