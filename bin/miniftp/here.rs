//! The commands about the folder on this machine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use miniftp::text::{escape_bytes, system_words};

use crate::failure::{CommandResult, Failure, cannot, shown};
use crate::given::{Flag, GivenArguments};
use crate::glob::{self, Each, NameInDir};
use crate::json::Object;
use crate::ls::Listing;
use crate::place::Here;
use crate::screen::{Screen, each};
use crate::words::ShellWord;

/// `lpwd`.
pub(crate) fn lpwd(screen: &mut Screen, _: &GivenArguments) -> CommandResult {
    let directory = std::env::current_dir().map_err(|e| {
        Failure::Said(format!("cannot tell the local folder: {}; try `lcd PATH`", system_words(&e)))
    })?;
    let line = match screen.manner.json {
        true => Object::new().text("event", "folder").path("local", &directory).line(),
        false => shown(&directory),
    };
    Ok(writeln!(screen.out, "{line}")?)
}

/// `lcd [PATH]`.
pub(crate) fn lcd(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    let path = match given.words.first() {
        Some(word) => PathBuf::from(&word.text),
        None => std::env::var_os("HOME")
            .map(PathBuf::from)
            .ok_or_else(|| Failure::Said("HOME is not set; say `lcd PATH`".into()))?,
    };
    std::env::set_current_dir(&path).map_err(|e| cannot("go there", &path, &e))?;
    lpwd(screen, given)
}

/// `lls [LOCAL...]`.
pub(crate) fn lls(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    let mut paths = Vec::new();
    for path in local_paths(&given.words, screen)? {
        let path = path.into_os_string().into_string().map_err(|path| {
            let shown = escape_bytes(path.as_encoded_bytes());
            Failure::Said(format!("`{shown}` is not UTF-8; go there with `lcd`, and list it there"))
        })?;
        paths.push(path);
    }
    Listing::of(given, screen).show(&mut Here, screen, paths)
}

/// `lmkdir LOCAL...`.
pub(crate) fn lmkdir(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    let is_parents = given.has(Flag::Parents);
    each(screen, &given.words, |_, word| {
        let path = Path::new(&word.text);
        let made = if is_parents { fs::create_dir_all(path) } else { fs::create_dir(path) };
        made.map_err(|e| cannot("make it", path, &e))
    })
}

/// Operands as paths on this machine, wildcards expanded.
pub(crate) fn local_paths(
    words: &[ShellWord],
    screen: &mut Screen,
) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for word in words {
        let Some(pattern) = &word.pattern else {
            paths.push(PathBuf::from(&word.text));
            continue;
        };
        let found = pattern.expand(&mut local_listed)?;
        let found = found.named(&word.text.to_string_lossy(), screen)?;
        paths.extend(found.into_iter().map(PathBuf::from));
    }
    Ok(paths)
}

/// An operand that names what is to be: the one path here that it matches, or else the name as it
/// is written.
pub(crate) fn local_target(screen: &mut Screen, word: &ShellWord) -> Result<PathBuf, Failure> {
    let Some(pattern) = &word.pattern else { return Ok(PathBuf::from(&word.text)) };
    let found = pattern.expand(&mut local_listed)?;
    let text = word.text.to_string_lossy();
    match found.is_empty() {
        true => Ok(PathBuf::from(&word.text)),
        false => glob::one_of(found.named(&text, screen)?, &text).map(PathBuf::from),
    }
}

/// An operand that can only be one path on this machine.
pub(crate) fn local_path(screen: &mut Screen, word: &ShellWord) -> Result<PathBuf, Failure> {
    let found = local_paths(std::slice::from_ref(word), screen)?;
    glob::one_of(found, &word.text.to_string_lossy())
}

fn local_listed(directory: &str, each: &mut Each<'_>) -> CommandResult {
    let path = Path::new(if directory.is_empty() { "." } else { directory });
    let entries = fs::read_dir(path).map_err(|e| cannot("list it", path, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| cannot("list it", path, &e))?;
        let (name, is_directory) = (entry.file_name(), entry.path().is_dir());
        // A name that is not UTF-8 could not be sent under it.
        let (name, is_odd) = match name.to_str() {
            Some(name) => (name.to_owned(), false),
            None => (escape_bytes(name.as_encoded_bytes()), true),
        };
        each(NameInDir { name: &name, is_directory, is_odd })?;
    }
    Ok(())
}
