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
//! # #[cfg(unix)]
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! #     use miniftp::{config::Live, server, site::{Logs, Site}};
//! #     let dir = std::env::temp_dir().join(format!("miniftp-doc-{}", std::process::id()));
//! #     let (conf, home) = (dir.join("conf"), dir.join("home"));
//! #     std::fs::create_dir_all(&conf)?;
//! #     for file in ["server.ini", "accounts.ini"] {
//! #         std::fs::copy(Path::new("conf").join(file), conf.join(file))?;
//! #     }
//! #     let site = Site::open(Live::open(&conf)?, Logs::nowhere(), &conf, &home)?;
//! #     let server = server::Server::bind(site, ([127, 0, 0, 1], 0).into(), None)?;
//! #     let port = server.framed_address()?.port();
//! #     let (stop, stopped) = server::stop_channel();
//! #     let serving = std::thread::spawn(move || server.run(&stopped, server::again_channel().1));
//! #     let notes = there_and_back("127.0.0.1", port, "alex-demo");
//! #     let _ = stop.try_send(());
//! #     let _ = serving.join();
//! #     std::fs::remove_dir_all(&dir)?;
//! #     assert_eq!(notes?, std::fs::read("Cargo.toml")?);
//! #     Ok(())
//! # }
//! # #[cfg(not(unix))]
//! # fn main() {}
//! ```
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
