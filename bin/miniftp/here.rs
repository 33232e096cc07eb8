//! The commands about the folder on this machine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use miniftp::text::{escape_bytes, system_words};

use crate::failure::{CommandResult, Failure, cannot, shown};
use crate::given::{Flag, GivenArguments};
use crate::ls::Listing;
use crate::place::Here;
use crate::screen::{Screen, each};
use crate::transfer::local_paths;

/// `lpwd`.
pub(crate) fn lpwd(screen: &mut Screen, _: &GivenArguments) -> CommandResult {
    let directory = std::env::current_dir().map_err(|e| {
        Failure::Said(format!("cannot tell the local folder: {}; try `lcd PATH`", system_words(&e)))
    })?;
    writeln!(screen.out, "{}", shown(&directory))?;
    Ok(())
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
