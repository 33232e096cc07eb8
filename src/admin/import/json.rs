//! JSON with users in it: one object, an array of them, or an object with one for each name. What
//! the keys are called differs from file to file, and so does the size of their letters.

use std::path::Path;

use crate::rights::Rights;
use crate::text::Escaped;
use serde_json::{Map, Value};

use super::found::{Foreign, ForeignData, ForeignSecret, is_admin, size};
use super::{StoreError, read, shown};

/// In the order in which they count.
const NAME: &[&str] = &["username", "user_name", "user", "login", "account", "name"];
const PASSWORD: &[&str] = &["password", "passwd", "pwd"];
/// A number without a unit is in megabytes there.
const QUOTATION: &[&str] = &["quotation"];
const SIZE: &[&str] = &["size", "quota", "space", "total_space"];
const ROLE: &[&str] = &["role", "type", "class", "usertype", "user_type"];
const ADMIN: &[&str] = &["admin", "is_admin", "isadmin", "manager"];
/// Objects and arrays in one another in which users are looked for.
const DEPTH: usize = 3;

/// Something in a file that may be a user, or hold some.
struct Candidate<'a> {
    /// What it is called where the other server kept it.
    key: Option<&'a str>,
    /// What it is called in a message.
    shown: String,
    value: &'a Value,
    depth: usize,
}

pub(super) fn read_file(path: &Path, found: &mut ForeignData) -> Result<(), StoreError> {
    let text = read(path)?;
    let wrong = |what: String| StoreError::Refused(format!("`{}`: {what}", shown(path)));
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|e| wrong(e.to_string()))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let directory = path.parent().and_then(|above| above.file_name()).unwrap_or_default();
    // A server that keeps its manager apart tells by the file alone that it is one.
    let apart = [stem.unwrap_or_default(), &directory.to_string_lossy()];
    let apart = apart.iter().any(|name| is_admin(name) || name.eq_ignore_ascii_case("admins"));
    let whole = Candidate { key: stem, shown: shown(path), value: &value, depth: 0 };
    let mut waiting = vec![whole];
    while let Some(one) = waiting.pop() {
        let taken = one.take(apart, &mut waiting);
        match taken.map_err(|why| format!("`{}`: {why}", one.shown)) {
            Ok(Some(account)) => found.accounts.push(account),
            Ok(None) => {}
            Err(why) => found.missing.push(why),
        }
    }
    Ok(())
}

impl<'a> Candidate<'a> {
    /// The account that it is; or what it holds is put on the list.
    fn take(
        &self,
        apart: bool,
        waiting: &mut Vec<Candidate<'a>>,
    ) -> Result<Option<Foreign>, String> {
        let inner: Vec<Candidate<'a>> = match self.value {
            Value::Array(all) => {
                all.iter().enumerate().map(|(at, value)| self.inner(None, at + 1, value)).collect()
            }
            Value::Object(object) if has(object, PASSWORD) => {
                return account(object, self.key, apart).map(Some);
            }
            Value::Object(object) => {
                let nested =
                    object.iter().filter(|(_, value)| value.is_object() || value.is_array());
                nested.map(|(key, value)| self.inner(Some(key), key, value)).collect()
            }
            _ => return Err("expected an object for each user".to_owned()),
        };
        if inner.is_empty() {
            return Err("no password".to_owned());
        }
        if self.depth >= DEPTH {
            return Err(format!("more than {DEPTH} objects in one another"));
        }
        // The last one is taken first.
        waiting.extend(inner.into_iter().rev());
        Ok(None)
    }

    fn inner(
        &self,
        key: Option<&'a str>,
        at: impl std::fmt::Display,
        value: &'a Value,
    ) -> Candidate<'a> {
        let shown = format!("{}, {}", self.shown, Escaped(&at.to_string()));
        Candidate { key, shown, value, depth: self.depth + 1 }
    }
}

fn account(object: &Map<String, Value>, key: Option<&str>, apart: bool) -> Result<Foreign, String> {
    let name = match text(object, NAME)? {
        Some(name) => name,
        None => key.ok_or("no name")?.to_owned(),
    };
    let password = text(object, PASSWORD)?.filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| format!("`{}` has no password", Escaped(&name)))?;
    let of_them = |why: String| format!("`{}`: {why}", Escaped(&name));
    let quota = match text(object, QUOTATION)? {
        Some(text) => Some(size(&text, true).map_err(of_them)?),
        None => text(object, SIZE)?.map(|text| size(&text, false)).transpose().map_err(of_them)?,
    };
    let says_so = |words: &[&str]| Ok::<_, String>(text(object, words)?.unwrap_or_default());
    let switch = says_so(ADMIN)?.to_ascii_lowercase();
    let admin =
        apart || is_admin(&says_so(ROLE)?) || matches!(switch.as_str(), "true" | "yes" | "1");
    Ok(Foreign {
        secret: ForeignSecret::of(&password),
        quota_bytes: quota,
        rights: Rights::ALL,
        admin,
        notes: Vec::new(),
        name,
    })
}

fn has(object: &Map<String, Value>, words: &[&str]) -> bool {
    object.keys().any(|key| words.iter().any(|word| key.eq_ignore_ascii_case(word)))
}

/// The value of the first of these words that is a key, in letters of any size; none if none is, or
/// has a value.
fn text(object: &Map<String, Value>, words: &[&str]) -> Result<Option<String>, String> {
    for word in words {
        let mut value: Option<String> = None;
        for (key, one) in object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(word)) {
            let one = match one {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => one.to_string(),
                _ => return Err(format!("{}: expected a text or a number", Escaped(key))),
            };
            if value.as_ref().is_some_and(|other| *other != one) {
                return Err(format!("{}: stands twice, with different values", Escaped(key)));
            }
            value = Some(one);
        }
        if value.is_some() {
            return Ok(value);
        }
    }
    Ok(None)
}
