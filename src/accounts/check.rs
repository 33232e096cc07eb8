//! Everything that is wrong with the files about accounts, for anyone who edits them.
//!
//! Never: changes a file, or tells of one that is not there and need not be.

use std::path::Path;
use std::sync::Arc;

use super::Accounts;
use super::bans::{check_bans, check_networks};
use super::register::{check_class, check_invites, check_requests};
use super::store::read_first;
use super::temporary::check_temporary;
use crate::conffile::{FileError, ParseErrors, load};
use crate::limits;

/// The accounts' file in the folder of settings.
pub const FILE: &str = super::store::FILE;

/// The accounts in a folder of settings, or all that is wrong with their file.
///
/// # Errors
/// All that is wrong with it.
pub fn accounts(conf: &Path) -> Result<Arc<Accounts>, FileError> {
    let path = conf.join(FILE);
    load(&path, limits::ACCOUNTS_FILE, &|bytes| read_first(bytes, &path))
}

/// The files of a folder about registrations, bans and temporary passwords that are there: what is
/// in each, in words, or all that is wrong with it.
pub fn registrations(conf: &Path) -> Vec<(&'static str, Result<Arc<String>, FileError>)> {
    type Check = fn(&[u8]) -> Result<String, ParseErrors>;
    let files: [(&'static str, u64, Check); 6] = [
        ("registrations.ini", limits::REGISTRATIONS_FILE, check_requests),
        ("invites.ini", limits::LIST_FILE, check_invites),
        ("class.csv", limits::LIST_FILE, check_class),
        ("bans.ini", limits::BANS_FILE, check_bans),
        ("networks.ini", limits::NETWORKS_FILE, check_networks),
        ("ftp-passwords.ini", limits::TEMPORARY_FILE, check_temporary),
    ];
    let there = files.into_iter().filter(|(name, ..)| conf.join(name).exists());
    let checked = there.map(|(name, most, check)| {
        (name, load(&conf.join(name), most, &|bytes| check(bytes.unwrap_or_default())))
    });
    checked.collect()
}
