//! Where `put`, `get` and `mv` put things, so that the same command always means the same place.
//!
//! A file goes into a target that is a folder, under its own last name. Of one folder the content
//! goes into the target that was named, whether or not that is there already; into a target that
//! ends in `/`, or is `.` or `..`, the folder goes under its own name, and so do several of them,
//! and what a pattern found.

use std::path::{Path, PathBuf};

use miniftp::client::{Client, ListedKind, local_name};
use miniftp::text::Escaped;
use miniftp::wire::Code;

use crate::failure::{CommandResult, Failure, cannot, shown};
use crate::words::{ShellWord, remote_name};

/// The operands of `put` and `get`: the sources, the target, and whether one source was named.
pub(crate) struct Operands<'a> {
    pub(crate) sources: &'a [ShellWord],
    pub(crate) target: Option<&'a ShellWord>,
    is_one: bool,
}

impl<'a> Operands<'a> {
    /// With one operand it is the source; with more the last one is the target.
    pub(crate) fn of(words: &'a [ShellWord]) -> Operands<'a> {
        let (sources, target) = match words.split_last() {
            Some((target, sources)) if !sources.is_empty() => (sources, Some(target)),
            _ => (words, None),
        };
        // A pattern must not mean another place when it finds one more.
        let is_one = matches!(sources, [ShellWord { pattern: None, .. }]);
        Operands { sources, target, is_one }
    }

    /// Whether a folder goes into the target under its own name, and not only its content.
    fn goes_below(&self, target: &str) -> bool {
        !self.is_one || needs_directory(target) || last_name(target).is_none()
    }

    /// Where a folder of this machine goes on the server.
    pub(crate) fn remote_tree(&self, target: &str, name: Option<&str>) -> String {
        match name {
            Some(name) if self.goes_below(target) => join(target, name),
            _ => target.to_owned(),
        }
    }

    /// Where a folder of the server goes here.
    pub(crate) fn local_tree(
        &self,
        cwd: &str,
        target: Option<&Path>,
        source: &str,
    ) -> Result<PathBuf, Failure> {
        let Some(target) = target else { return local_file(cwd, None, source) };
        match own_remote_name(cwd, source) {
            Some(name) if self.goes_below(&target.to_string_lossy()) => {
                Ok(target.join(local_name(&name)?))
            }
            _ => Ok(target.to_path_buf()),
        }
    }
}

/// Whether a path can only be that of a folder.
fn needs_directory(path: &str) -> bool {
    let last = path.rsplit(std::path::is_separator).next().unwrap_or_default();
    matches!(last, "" | "." | "..")
}

/// Whether a path is a folder on the server. What is not there is none; what may not be looked at
/// is taken for the file that is meant, as in a drop box, and the server says if it is a folder.
pub(crate) fn is_directory(client: &mut Client, path: &str) -> Result<bool, Failure> {
    let needed = needs_directory(path);
    match client.stat(path) {
        Ok(entry) if entry.kind == ListedKind::Directory => Ok(true),
        Err(error) if error.is_refusal(Code::Denied) => Ok(needed),
        Err(error) if !error.is_refusal(Code::NotFound) => Err(error.into()),
        _ if needed => Err(Failure::Said(format!(
            "`{}` is not a folder on the server; make it first, or leave the `/` out",
            Escaped(path)
        ))),
        _ => Ok(false),
    }
}

/// Refuses several files for what is no folder.
pub(crate) fn check_takes_several(client: &mut Client, target: &str) -> CommandResult {
    if is_directory(client, target)? {
        return Ok(());
    }
    Err(Failure::Said(format!(
        "`{0}` is not a folder on the server, and several files need one; \
         make it with `mkdir {0}`, or end with `.` to put them all here",
        Escaped(target)
    )))
}

/// Where the file `name` goes if `target` was said: into it, if that is a folder.
pub(crate) fn remote_file(
    client: &mut Client,
    target: &str,
    name: Option<&str>,
) -> Result<String, Failure> {
    match name {
        Some(name) if is_directory(client, target)? => Ok(join(target, name)),
        _ => Ok(target.to_string()),
    }
}

/// Where a fetched file goes. Its own name must be one here as well.
pub(crate) fn local_file(
    cwd: &str,
    target: Option<&Path>,
    source: &str,
) -> Result<PathBuf, Failure> {
    let name = own_remote_name(cwd, source);
    let Some(target) = target else {
        return match name {
            Some(name) => Ok(PathBuf::from(local_name(&name)?)),
            None => Err(Failure::Usage(format!(
                "`{0}` has no name of its own; say where to: `get -r {0} FOLDER`",
                Escaped(source)
            ))),
        };
    };
    let is_here = target.as_os_str().is_empty();
    if is_here || target.is_dir() {
        return match name {
            Some(name) => Ok(target.join(local_name(&name)?)),
            None => Ok(target.to_path_buf()),
        };
    }
    if needs_directory(&target.to_string_lossy()) {
        return Err(Failure::Said(format!(
            "`{}` is not a folder on this machine; make it first, or leave the `/` out",
            shown(target)
        )));
    }
    Ok(target.to_path_buf())
}

/// The name that something has on the server, wherever the client is.
fn own_remote_name(cwd: &str, source: &str) -> Option<String> {
    let whole = if source.starts_with('/') { source.to_owned() } else { join(cwd, source) };
    last_name(&whole).map(str::to_owned)
}

/// A path on the server from the root on, without steps.
pub(crate) fn whole(cwd: &str, path: &str) -> String {
    let path = if path.starts_with('/') { path.to_owned() } else { join(cwd, path) };
    let mut names: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

/// The last name of a path on the server, if it ends in one.
pub(crate) fn last_name(path: &str) -> Option<&str> {
    let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.next_back().filter(|name| *name != "..")
}

/// A name in a folder of the server; no name is the current folder's.
fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{}/{name}", directory.trim_end_matches('/'))
    }
}

/// The name that a local file has on the server: its last one, wherever it lies.
pub(crate) fn own_name(path: &Path) -> Result<String, Failure> {
    let whole;
    let name = match path.file_name() {
        Some(name) => name,
        None => {
            whole = path.canonicalize().map_err(|e| cannot("find it", path, &e))?;
            whole.file_name().ok_or_else(|| {
                Failure::Usage(format!("`{}` has no name of its own; say where to", shown(path)))
            })?
        }
    };
    remote_name(name).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_is_what_a_directory_takes() {
        let table = [
            ("a", Some("a")),
            ("/a/b", Some("b")),
            ("a/b/", Some("b")),
            ("a/.", Some("a")),
            ("/", None),
            (".", None),
            ("a/..", None),
            ("", None),
        ];
        for (path, name) in table {
            assert_eq!(last_name(path), name, "{path}");
        }
    }

    #[test]
    fn a_fetched_file_is_named_after_its_source() {
        let here = |cwd, source| local_file(cwd, None, source).ok();
        assert_eq!(here("/", "a/b.txt"), Some("b.txt".into()));
        assert_eq!(here("/docs", "."), Some("docs".into()));
        assert_eq!(here("/docs", "/"), None);
        assert_eq!(here("/docs", ".."), None);
        let into = local_file("/", Some(Path::new("/")), "a/b.txt").ok();
        assert_eq!(into, Some("/b.txt".into()));
        let under = local_file("/", Some(Path::new("/no-such-thing/x")), "a").ok();
        assert_eq!(under, Some("/no-such-thing/x".into()));
        for refused in ["/no-such-thing/", "/no-such-thing/."] {
            assert!(local_file("/", Some(Path::new(refused)), "a").is_err(), "{refused}");
        }
    }

    #[test]
    fn the_last_of_several_operands_is_the_target() {
        let words: Vec<ShellWord> = ["a", "b", "c"].map(ShellWord::plain).into();
        assert_eq!(Operands::of(&words).sources.len(), 2);
        assert_eq!(Operands::of(&words).target, Some(&words[2]));
        let one = Operands::of(&words[..1]);
        assert_eq!((one.sources, one.target), (&words[..1], None));
    }

    #[test]
    fn a_directory_goes_where_its_target_says() {
        let words: Vec<ShellWord> = ["a", "b", "c"].map(ShellWord::plain).into();
        let (one, two) = (Operands::of(&words[1..]), Operands::of(&words));
        for (target, of_one) in [
            ("t", "t"),
            ("/t", "/t"),
            ("t/", "t/x"),
            ("t/.", "t/./x"),
            (".", "./x"),
            ("", "x"),
            ("/", "/x"),
            ("t/..", "t/../x"),
        ] {
            assert_eq!(one.remote_tree(target, Some("x")), of_one, "{target}");
        }
        assert_eq!(two.remote_tree("t", Some("x")), "t/x");
        assert_eq!(one.remote_tree("t/", None), "t/");
    }
}
