//! `~` at the beginning of a path of this machine, in lines that no other shell has read.

use std::ffi::OsString;

use crate::given::GivenArguments;
use crate::row::{Operand, ShellCommand};

/// The user's home, if a path begins with it: `~` alone, or before a `/`. Gives the rest too.
fn of(text: &str) -> Option<(OsString, &str)> {
    let rest = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some((home, rest))
}

/// A path with the home in the place of `~`, for what looks into folders while it is typed.
pub(crate) fn expanded(path: &str) -> Option<String> {
    let (home, rest) = of(path)?;
    Some(home.into_string().ok()? + rest)
}

/// The same arguments with the home in the operands that are paths here. A quote or a backslash
/// before the `~` takes its meaning away.
pub(crate) fn expand(command: &ShellCommand, given: &mut GivenArguments) {
    let count = given.words.len();
    for (index, word) in given.words.iter_mut().enumerate() {
        let is_here = matches!(command.operand(index, count), Operand::Local | Operand::Either);
        let Some(text) = word.text.to_str().filter(|_| is_here && !word.quoted) else { continue };
        let Some((mut path, rest)) = of(text) else { continue };
        path.push(rest);
        if let (Some(pattern), Some(home)) = (&mut word.pattern, path.to_str()) {
            pattern.begin_with(home.strip_suffix(rest).unwrap_or(home));
        }
        word.text = path;
    }
}
