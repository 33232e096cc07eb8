//! Where a user's own files are, for both programs: the XDG base directory specification.

use std::env;
use std::path::PathBuf;

/// The directory that a variable of the specification names, or what stands for it in the user's
/// home. A relative path counts as none.
pub(crate) fn user_directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))
}
