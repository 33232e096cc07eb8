//! `.netrc`: names and passwords by machine, as ftp and curl read them.
//!
//! Never: reads one that others can read, or more of it than such a file has.
//! A `macdef` is skipped up to the next empty line.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::failure::{Failure, cannot};
use crate::password::exposed;
use crate::screen::Screen;

/// Bytes of the file that are read.
const MOST: u64 = 256 * 1024;

/// What the file says about a machine.
pub(crate) struct Entry {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Zeroizing<String>>,
}

/// The entry of `host` for `user`, or for anybody; `None` if there is none. A file that others can
/// read is left aside, with a message.
pub(crate) fn entry(
    host: &str,
    user: Option<&str>,
    screen: &mut Screen,
) -> Result<Option<Entry>, Failure> {
    let Some(path) = path() else { return Ok(None) };
    let Some(text) = text(&path, screen)? else { return Ok(None) };
    Ok(find(&text, host, user))
}

fn path() -> Option<PathBuf> {
    let named = std::env::var_os("NETRC").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty());
    named.or_else(|| home().map(|home| PathBuf::from(home).join(".netrc")))
}

fn text(path: &Path, screen: &mut Screen) -> Result<Option<Zeroizing<String>>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot("read it", path, &e)),
    };
    if let Some(exposed) = exposed(&file, path) {
        screen.complain(&format!("left aside: {exposed}"));
        return Ok(None);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MOST).read_to_end(&mut bytes).map_err(|e| cannot("read it", path, &e))?;
    Ok(Some(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
}

fn find(text: &str, host: &str, user: Option<&str>) -> Option<Entry> {
    let mut words = Words { rest: text };
    // Whether the present entry is about this host, and what it has said so far.
    let (mut is_meant, mut entry) = (false, Entry { user: None, password: None });
    let fits = |entry: &Entry| match (user, &entry.user) {
        (Some(wanted), Some(user)) => wanted == user,
        _ => true,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" | "default" => {
                if is_meant && fits(&entry) {
                    break;
                }
                let machine = (*word == "machine").then(|| words.next()).flatten();
                is_meant = machine.is_none_or(|machine| machine.eq_ignore_ascii_case(host));
                entry = Entry { user: None, password: None };
            }
            "login" | "user" => entry.user = words.next().map(|word| word.to_string()),
            "password" => entry.password = words.next(),
            "account" => drop(words.next()),
            "macdef" => words.skip_macro(),
            _ => {}
        }
    }
    (is_meant && fits(&entry)).then_some(entry)
}

/// The words of the file: blanks part them, quotes hold them together.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn next(&mut self) -> Option<Zeroizing<String>> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                break;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        let mut word = Zeroizing::new(String::new());
        let (mut is_quoted, mut is_escaped) = (false, false);
        let mut end = self.rest.len();
        for (at, c) in self.rest.char_indices() {
            match c {
                '"' if at == 0 => is_quoted = true,
                c if is_escaped => {
                    word.push(c);
                    is_escaped = false;
                }
                '\\' if is_quoted => is_escaped = true,
                '"' if is_quoted => {
                    end = at + 1;
                    break;
                }
                c if c.is_whitespace() && !is_quoted => {
                    end = at;
                    break;
                }
                c => word.push(c),
            }
        }
        let is_end = self.rest.is_empty();
        self.rest = self.rest.get(end..).unwrap_or_default();
        (!is_end).then_some(word)
    }

    fn skip_macro(&mut self) {
        self.rest = self.rest.split_once("\n\n").map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# a remark\nmachine other login x password y\n\
        machine Box.local\n  login ann\n  account none\n  password \"a \\\"b\\\\ #c\"\n\
        macdef init\n  machine box.local login evil password evil\n\n\
        machine box.local login bob password bobs\nmachine open password anyones\n\
        default login guest password g";

    #[test]
    fn an_entry_is_found_by_machine_and_name() {
        let table = [
            ("box.local", None, Some((Some("ann"), Some("a \"b\\ #c")))),
            ("BOX.local", Some("ann"), Some((Some("ann"), Some("a \"b\\ #c")))),
            ("box.local", Some("bob"), Some((Some("bob"), Some("bobs")))),
            ("box.local", Some("carl"), None),
            ("box.local", Some("evil"), None),
            ("open", Some("carl"), Some((None, Some("anyones")))),
            ("else", None, Some((Some("guest"), Some("g")))),
            ("else", Some("carl"), None),
        ];
        for (host, user, wanted) in table {
            let found = find(TEXT, host, user);
            let found = found.as_ref().map(|entry| {
                (entry.user.as_deref(), entry.password.as_ref().map(|password| password.as_str()))
            });
            assert_eq!(found, wanted, "{host} {user:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(machine |login |password |macdef |\"|.){0,20}") {
            find(&text, "box", None);
        }
    }
}
