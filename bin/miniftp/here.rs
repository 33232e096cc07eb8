//! The commands that need no server: help, and the folder on this machine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use miniftp::client::{Entry, Kind};
use miniftp::text::escape_bytes;

use crate::commands::{COMMANDS, Flag, Given, find, unknown};
use crate::failure::{Done, Failure};
use crate::listing;
use crate::screen::Screen;

/// A path of this machine, shown harmlessly.
pub(crate) fn shown(path: &Path) -> String {
    escape_bytes(path.as_os_str().as_encoded_bytes())
}

/// The failure of a call about a local path.
pub(crate) fn cannot(doing: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::Said(format!("`{}`: cannot {doing}: {}", shown(path), system(error)))
}

/// The system's words as part of a sentence, without their number.
pub(crate) fn system(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// `help [COMMAND]`.
pub(crate) fn help(screen: &mut Screen, given: &Given) -> Done {
    let Some(word) = given.words.first() else { return list_commands(screen) };
    let name = word.remote()?;
    let command = find(name).ok_or_else(|| unknown(name))?;
    writeln!(screen.out, "{}\n  {}", command.synopsis(), command.help)?;
    if !command.aliases.is_empty() {
        writeln!(screen.out, "  also: {}", command.aliases.join(", "))?;
    }
    if command.flags.contains(&Flag::NoMode) {
        writeln!(screen.out, "{TARGETS}")?;
    }
    for (flag, about) in FLAGS {
        if command.flags.contains(flag) {
            writeln!(screen.out, "  {about}")?;
        }
    }
    Ok(())
}

/// Where `put` and `get` put things.
const TARGETS: &str = "  \
  a file goes into a folder that is named, under its own name
  of one folder the content goes into that folder itself, which is made if it is not there
  a target that ends in `/`, or is `.`, takes the folder under its own name, and so do several";

/// What the options of `put` and `get` mean.
const FLAGS: &[(Flag, &str)] = &[
    (
        Flag::Resume,
        "--resume     go on with a part without asking; a file that differs is not replaced",
    ),
    (Flag::Overwrite, "--overwrite  replace a file that differs"),
    (Flag::Skip, "--skip       leave a file that differs as it is"),
    (Flag::NoMode, "--no-mode    leave permission bits to the side that stores the file"),
];

/// The table of commands.
pub(crate) fn list_commands(screen: &mut Screen) -> Done {
    writeln!(screen.out, "commands:")?;
    for command in COMMANDS {
        writeln!(screen.out, "  {}\n        {}", command.synopsis(), command.help)?;
    }
    writeln!(
        screen.out,
        "Options may stand anywhere; `--` ends them. Names with blanks go in quotes."
    )?;
    Ok(())
}

/// `lpwd`.
pub(crate) fn lpwd(screen: &mut Screen, _: &Given) -> Done {
    let folder = std::env::current_dir().map_err(|e| {
        Failure::Said(format!("cannot tell the local folder: {}; try `lcd PATH`", system(&e)))
    })?;
    writeln!(screen.out, "{}", shown(&folder))?;
    Ok(())
}

/// `lcd [PATH]`.
pub(crate) fn lcd(screen: &mut Screen, given: &Given) -> Done {
    let path = match given.words.first() {
        Some(word) => PathBuf::from(&word.text),
        None => std::env::var_os("HOME")
            .map(PathBuf::from)
            .ok_or_else(|| Failure::Said("HOME is not set; say `lcd PATH`".into()))?,
    };
    std::env::set_current_dir(&path).map_err(|e| cannot("go there", &path, &e))?;
    lpwd(screen, given)
}

/// `lls [-l] [PATH]`.
pub(crate) fn lls(screen: &mut Screen, given: &Given) -> Done {
    let path = given.words.first().map_or_else(|| PathBuf::from("."), |w| PathBuf::from(&w.text));
    let cannot_list = |e: std::io::Error| cannot("list it", &path, &e);
    let mut entries = Vec::new();
    for item in fs::read_dir(&path).map_err(cannot_list)? {
        let item = item.map_err(cannot_list)?;
        // What vanishes while it is listed is not listed.
        if let Ok(meta) = item.metadata() {
            entries.push(local_entry(&item.file_name().to_string_lossy(), &meta));
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    if entries.is_empty() {
        screen.empty("<empty folder>")?;
    }
    for entry in &entries {
        let line = if given.has(Flag::Long) { listing::long } else { listing::short };
        writeln!(screen.out, "{}", line(entry))?;
    }
    Ok(())
}

fn local_entry(name: &str, meta: &fs::Metadata) -> Entry {
    let kind = match meta.file_type() {
        t if t.is_file() => Kind::File,
        t if t.is_dir() => Kind::Folder,
        t if t.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let mtime_secs = since.and_then(|d| i64::try_from(d.as_secs()).ok()).unwrap_or(0);
    Entry {
        name: name.to_string(),
        kind,
        odd: false,
        size: meta.len(),
        mtime_secs,
        mtime_nanos: 0,
        mode: local_rights(meta, kind),
        version: 0,
    }
}

/// std tells portably only whether something may be written, which is enough for a glance.
fn local_rights(meta: &fs::Metadata, kind: Kind) -> u16 {
    let write = if meta.permissions().readonly() { 0 } else { 0o200 };
    let enter = if kind == Kind::Folder { 0o100 } else { 0 };
    0o400 | write | enter
}
