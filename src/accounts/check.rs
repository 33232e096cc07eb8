//! Everything that is wrong with the files about people, for who edits them.
//!
//! Never: changes a file, or tells of one that is not there and need not be.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::bans::check_bans;
use super::fault::Fault;
use super::register::{check_class, check_invites, check_requests};
use super::{Accounts, StoreError, record, replace};
use crate::limits;
use crate::text::write_faults;

/// The accounts' file in the folder of settings.
pub const FILE: &str = "accounts.ini";

/// All the faults of a file, one a line when shown.
#[derive(Debug)]
pub struct Faults {
    path: PathBuf,
    faults: Vec<Fault>,
}

impl Faults {
    pub(super) fn new(path: &Path, faults: Vec<Fault>) -> Faults {
        Faults { path: path.to_owned(), faults }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.faults.iter().map(|fault| (fault.line, fault.what.as_str()));
        write_faults(f, &self.path.to_string_lossy(), faults)
    }
}

/// The accounts in a folder of settings, or all that is wrong with their file.
pub fn accounts(conf: &Path) -> Result<Accounts, Faults> {
    let path = conf.join(FILE);
    let bytes = read(&path, limits::ACCOUNTS_FILE)?
        .ok_or_else(|| Faults::new(&path, vec![Fault::whole("no such file")]))?;
    record::read_all(&bytes).map_err(|faults| Faults::new(&path, faults))
}

/// A file about registrations: what is in it, in words, or all that is wrong with it.
type Checked = Result<String, Faults>;

/// The files of a folder about registrations and bans that are there.
pub fn registrations(conf: &Path) -> Vec<(&'static str, Checked)> {
    type Check = fn(&[u8]) -> Result<String, Vec<Fault>>;
    let files: [(&'static str, u64, Check); 4] = [
        ("registrations.ini", limits::REGISTRATIONS_FILE, check_requests),
        ("invites.ini", limits::LIST_FILE, check_invites),
        ("class.csv", limits::LIST_FILE, check_class),
        ("bans.ini", limits::BANS_FILE, check_bans),
    ];
    let checked = files.into_iter().filter_map(|(name, most, check)| {
        let path = conf.join(name);
        let checked = match read(&path, most) {
            Ok(None) => return None,
            Ok(Some(bytes)) => check(&bytes).map_err(|faults| Faults::new(&path, faults)),
            Err(faults) => Err(faults),
        };
        Some((name, checked))
    });
    checked.collect()
}

/// The bytes of a file, if there is one; one more than `most`, so that too much is noticed.
fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Faults> {
    match replace::read_at_most(path, most) {
        Ok((bytes, _)) => Ok(Some(bytes)),
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(StoreError::Io { doing, source, .. }) => {
            Err(Faults::new(path, vec![Fault::whole(format!("{doing}: {source}"))]))
        }
        Err(other) => Err(Faults::new(path, vec![Fault::whole(other.to_string())])),
    }
}
