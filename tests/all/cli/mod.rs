//! What the client prints, where, and with which status, to the byte.

mod address;
mod batch;
mod entry;
mod json;
mod looks;
mod ls;
mod manual;
mod names;
mod table;
mod wildcards;
mod words;

use crate::harness::{Daemon, Site};

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "100M");
    let daemon = site.start();
    (site, daemon)
}
