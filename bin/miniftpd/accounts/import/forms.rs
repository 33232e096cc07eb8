//! The files of other servers, as they are: an INI with a section for each user, a tree with a
//! folder `.xxftp` in each home, JSON with one user in each file.

use std::fs;
use std::path::{Path, PathBuf};

use ini::Ini;
use miniftp::accounts::{AccountName, NAME_FORM, parse_quota};
use miniftp::rights::Rights;
use miniftp::text::Escaped;
use zeroize::Zeroizing;

use super::{Failure, Foreign, Secret, read};

/// What was found at a path.
#[derive(Default)]
pub(super) struct Found {
    pub(super) accounts: Vec<Foreign>,
    /// What could not be understood, and why.
    pub(super) passed_over: Vec<String>,
    /// Sections for mounts.ini.
    pub(super) mounts: String,
    /// Where the files of all of them lie, each in a folder of its name.
    pub(super) files: Option<PathBuf>,
}

/// An INI with clear passwords: `Password`, and `Quotation` in MB if no unit is said.
pub(super) fn ini(path: &Path) -> Result<Found, Failure> {
    let text = read(path)?;
    let read = Ini::load_from_str_noescape(&text);
    let shown = path.to_string_lossy();
    let read = read.map_err(|e| {
        Failure::Failed(format!("`{}`: line {}: {}", Escaped(&shown), e.line, e.msg))
    })?;
    let mut found = Found::default();
    for (section, values) in &read {
        let Some(name) = section.filter(|name| !name.eq_ignore_ascii_case("default")) else {
            continue;
        };
        let value = |wanted: &str| {
            let hit = values.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
            hit.map(|(_, value)| value.trim())
        };
        let quota = match value("quotation").or_else(|| value("quota")) {
            None => Ok(None),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                size(&format!("{text}M"))
            }
            Some(text) => size(text),
        };
        match (value("password"), quota) {
            (None, _) => found.pass_over(name, "no Password"),
            (_, Err(why)) => found.pass_over(name, why),
            (Some(password), Ok(quota_bytes)) => found.accounts.push(Foreign {
                name: name.to_owned(),
                secret: Secret::Plain(Zeroizing::new(password.to_owned())),
                quota_bytes,
                rights: Rights::ALL,
                admin: false,
            }),
        }
    }
    Ok(found)
}

impl Found {
    fn pass_over(&mut self, name: &str, why: &str) {
        self.passed_over.push(format!("{}: {why}", Escaped(name)));
    }
}

fn size(text: &str) -> Result<Option<u64>, &'static str> {
    match parse_quota(text)? {
        Some(bytes) => Ok(Some(bytes)),
        None => Err("`unlimited` is given by hand: `miniftpd account quota NAME unlimited`"),
    }
}

/// A folder: homes with `.xxftp` in them, or JSON files.
pub(super) fn folder(path: &Path) -> Result<Found, Failure> {
    let shown = path.to_string_lossy();
    let entries = fs::read_dir(path)
        .map_err(|e| Failure::Failed(format!("`{}` cannot be read: {e}", Escaped(&shown))))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Found::default();
    for one in &paths {
        let name = one.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if one.join(".xxftp").is_dir() {
            found.files = Some(path.to_owned());
            if let Err(Failure::Failed(why) | Failure::Usage(why)) =
                xxftp(&mut found, path, one, name)
            {
                found.pass_over(name, &why);
            }
        } else if name.to_ascii_lowercase().ends_with(".json") {
            match json(one) {
                Ok(more) => {
                    found.accounts.extend(more.accounts);
                    found.passed_over.extend(more.passed_over);
                }
                Err(Failure::Failed(why) | Failure::Usage(why)) => found.pass_over(name, &why),
            }
        }
    }
    if found.accounts.is_empty() && found.passed_over.is_empty() {
        return Err(Failure::Failed(format!(
            "`{}` has no accounts that are known: homes with .xxftp in them, or .json files",
            Escaped(&shown)
        )));
    }
    Ok(found)
}

/// One home of xxftp: `.xxftp/password` (an MD5), `size`, `permission`, `virtual`.
fn xxftp(found: &mut Found, root: &Path, home: &Path, name: &str) -> Result<(), Failure> {
    let own = home.join(".xxftp");
    let text = |file: &str| {
        let path = own.join(file);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    };
    if name == "anonymous" {
        found.pass_over(name, "guests are a setting here: [guests] anonymous = yes");
        return Ok(());
    }
    // What is mounted for it is printed for a file, so only a name goes there.
    let Some(account) = AccountName::parse(name) else {
        return Err(Failure::Failed(NAME_FORM.to_owned()));
    };
    let secret = match text("password")? {
        None => Secret::None,
        Some(text) => {
            let digest = text.trim();
            if digest.len() != 32 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Failure::Failed("its password is no MD5".to_owned()));
            }
            Secret::Md5(Zeroizing::new(digest.to_ascii_lowercase()))
        }
    };
    let quota_bytes = match text("size")? {
        None => None,
        Some(text) => size(text.trim()).map_err(|why| Failure::Failed(why.to_owned()))?,
    };
    let rights = match text("permission")? {
        None => Rights::ALL,
        Some(text) => rights_of(&text).ok_or_else(|| {
            Failure::Failed("its permissions are not read, write, modify".to_owned())
        })?,
    };
    for (number, line) in text("virtual")?.as_deref().map_or("", String::as_str).lines().enumerate()
    {
        if !line.trim().is_empty() && !mount(&mut found.mounts, root, &account, line) {
            found.pass_over(name, &format!(".xxftp/virtual: line {}", number + 1));
        }
    }
    let name = name.to_owned();
    found.accounts.push(Foreign { name, secret, quota_bytes, rights, admin: false });
    Ok(())
}

fn rights_of(text: &str) -> Option<Rights> {
    let words: Vec<&str> =
        text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    Rights::parse(&words.join(", "))
}

/// A line `name path permissions`; `false` if it is none.
fn mount(mounts: &mut String, root: &Path, account: &AccountName, line: &str) -> bool {
    let Some((at, rest)) = line.trim().split_once(char::is_whitespace) else { return false };
    // The path may have blanks; what are rights at the end of the line are the rights.
    let (mut dir, mut rights) = (rest.trim(), String::new());
    while let Some((before, last)) = dir.rsplit_once(char::is_whitespace) {
        if rights_of(last).is_none() {
            break;
        }
        rights = format!("{last} {rights}");
        dir = before.trim_end();
    }
    let Some(rights) = rights_of(&rights) else { return false };
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let dir = dir.replace("$root", &root.to_string_lossy());
    let plain = |text: &str| !text.chars().any(|c| c.is_control() || c == '[' || c == ']');
    if !plain(at) || !plain(&dir) {
        return false;
    }
    let (at, number) = (at.trim_matches('/'), mounts.matches("at = ").count() + 1);
    let size = if rights.changes() { "size = account\n" } else { "" };
    *mounts += &format!(
        "[imported-{number}]\nat = /{at}\ndir = {dir}\nfor = {account}\nrights = {rights}\n{size}\n"
    );
    true
}

/// A JSON object with a user in it, whatever its keys are called.
pub(super) fn json(path: &Path) -> Result<Found, Failure> {
    let text = read(path)?;
    let shown = path.to_string_lossy();
    let wrong = |what: &str| Failure::Failed(format!("`{}`: {what}", Escaped(&shown)));
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| wrong(&e.to_string()))?;
    let all = match &value {
        serde_json::Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut found = Found::default();
    for one in all {
        let object = one.as_object().ok_or_else(|| wrong("expected an object for each user"))?;
        let value = |keys: &[&str]| {
            let hit = object
                .iter()
                .find(|(key, _)| keys.iter().any(|wanted| key.eq_ignore_ascii_case(wanted)));
            hit.map(|(_, value)| match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        };
        let name = value(&["name", "user", "username", "account"]);
        let password = value(&["password", "passwd", "pwd"]);
        let (Some(name), Some(password)) = (name, password) else {
            return Err(wrong("expected name and password"));
        };
        let quota = value(&["size", "quota", "quotation"]);
        let quota_bytes = match quota.as_deref().map(size) {
            None => None,
            Some(Ok(bytes)) => bytes,
            Some(Err(why)) => return Err(wrong(why)),
        };
        let role = value(&["role", "type"]).unwrap_or_default();
        found.accounts.push(Foreign {
            admin: role.eq_ignore_ascii_case("admin") || role.eq_ignore_ascii_case("manager"),
            name,
            secret: Secret::Plain(Zeroizing::new(password)),
            quota_bytes,
            rights: Rights::ALL,
        });
    }
    Ok(found)
}
