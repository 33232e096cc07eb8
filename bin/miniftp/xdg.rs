//! Where a user's own files are: the directories of the XDG base directory specification.

use std::path::PathBuf;

/// A kind of files: the variable that names its directory, and where that is in the home without
/// it.
#[derive(Clone, Copy)]
pub(crate) struct Kind(&'static str, &'static str);

/// What the user writes.
pub(crate) const CONFIG: Kind = Kind("XDG_CONFIG_HOME", ".config");
/// What is remembered.
pub(crate) const STATE: Kind = Kind("XDG_STATE_HOME", ".local/state");

/// The user's home.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// The place of a file of this program; none without a home.
pub(crate) fn of_user(kind: Kind, file: &str) -> Option<PathBuf> {
    let Kind(variable, below_home) = kind;
    // The specification has relative paths ignored.
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.or_else(|| home().map(|home| home.join(below_home)))?;
    Some(base.join("miniftp").join(file))
}
