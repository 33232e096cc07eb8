//! Accounts of other servers: read from their files, made here.
//!
//! Never: keeps a password, or the MD5 of one: of either only the slow record is kept. Never looks
//! for accounts where the other server's users could store files.
//! Invariant: whatever was found and is not here afterwards is named, one line each.

mod found;
mod ini;
mod json;
mod kept;
mod mapping;
mod xxftp;

use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use self::found::{Foreign, ForeignData, ForeignSecret};
use super::grammar::Arguments;
use super::{AdminDesk, AdminResult, error_for_operator};
use crate::accounts::register::{AccountRequest, Imported};
use crate::accounts::{
    Account, AccountName, AccountState, NAME_FORM, Role, StoreError, quota_text, read_text_at_most,
};
use crate::answer::Answer;
use crate::sandbox::{self, Reach};
use crate::scram::Verifier;
use crate::text::Escaped;
use crate::transfer::Alive;
use crate::vfs::Adopt;

/// Directories of another server's tree in which it keeps accounts. No others are looked into:
/// what its users stored could look like an account.
const WHERE_ACCOUNTS_ARE: [&str; 12] = [
    "account", "accounts", "admin", "admins", "conf", "config", "data", "database", "db",
    "manager", "user", "users",
];
/// Such directories in one another.
const DEPTH: usize = 3;

/// What came of it: a sentence each, and whether it was done; `None` is a remark.
#[derive(Default)]
struct ImportReport(Vec<(Option<bool>, String)>);

impl ImportReport {
    fn done(&mut self, what: &str) {
        self.0.push((Some(true), what.to_owned()));
    }

    fn missing(&mut self, what: impl Into<String>) {
        self.0.push((Some(false), format!("not imported: {}", what.into())));
    }

    fn remark(&mut self, what: impl Into<String>) {
        self.0.push((None, what.into()));
    }
}

/// Reads a class list, or the accounts of another server, by what the path looks like.
pub(super) fn import(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let path = Path::new(arguments.text("file"));
    if sandbox::in_force().is_some_and(|sandbox| !sandbox.reaches(path, Reach::Read)) {
        return Err(StoreError::Refused(format!(
            "`{}` is outside of what the running server may open (landlock); `miniftpd account \
             import`, typed in a shell, reads it",
            shown(path)
        )));
    }
    let mut found = ForeignData::default();
    match ending(path).as_str() {
        _ if path.is_dir() => tree(path, &mut found)?,
        "json" => json::read_file(path, &mut found)?,
        "ini" | "cfg" | "cgf" => ini::read_file(path, &mut found)?,
        "csv" | "txt" | "" => return class_list(desk, path),
        _ => {
            let what =
                "expected a class list .csv, accounts in .ini, .cfg or .json, or a directory";
            return Err(StoreError::Refused(format!("`{}`: {what}", shown(path))));
        }
    }
    let mut report = ImportReport::default();
    for what in std::mem::take(&mut found.missing) {
        report.missing(what);
    }
    let adopt = if arguments.has("adopt") { Adopt::Yes } else { Adopt::No };
    make_accounts(desk, std::mem::take(&mut found.accounts), adopt, &mut report)?;
    kept::keep(desk, &found, &mut report);
    mapping::mount(desk, std::mem::take(&mut found.mappings), &mut report);
    if let Some(files) = &found.homes {
        let (from, home) = (shown(files), shown(desk.dirs.1));
        report.remark("files are not copied; for each NAME:");
        report.remark(format!("  cp -a {from}/NAME/. {home}/NAME/"));
        report.remark(format!("  rm -r {home}/NAME/.xxftp"));
    }
    Ok(Answer::report(report.0))
}

/// Puts a class list in force, and approves those on it that wait.
fn class_list(desk: &AdminDesk<'_>, path: &Path) -> AdminResult {
    let (list, quota) = (read(path)?, Some(desk.config.accounts.default_quota));
    let imported = desk.queue.import(desk.store, &desk.homes()?, (path, list.as_bytes()), quota)?;
    let Imported { class, approved, refused } = imported;
    let mut report = ImportReport::default();
    report.done(&format!("{} on the class list", class.len()));
    for one in &approved {
        report.done(&format!("approved registration {}: {}", one.number, one.name));
    }
    for (AccountRequest { number, name, .. }, why) in &refused {
        report.0.push((Some(false), format!("registration {number} waits on: {name}: {why}")));
    }
    Ok(Answer::report(report.0))
}

/// A whole directory of another server: homes of xxftp, or account files in it and in the
/// directories where such servers keep them.
fn tree(top: &Path, found: &mut ForeignData) -> Result<(), StoreError> {
    let mut waiting = vec![(top.to_owned(), 0)];
    let mut files = 0;
    while let Some((dir, depth)) = waiting.pop() {
        if xxftp::is_root(&dir) {
            files += 1;
            xxftp::read_root(&dir, found)?;
            continue;
        }
        for path in found::entries(&dir)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            let known = WHERE_ACCOUNTS_ARE.contains(&name.as_str()) && depth < DEPTH;
            let read = match ending(&path).as_str() {
                _ if path.is_symlink() => continue,
                _ if path.is_dir() && known => {
                    waiting.push((path, depth + 1));
                    continue;
                }
                _ if path.is_dir() => continue,
                "json" => json::read_file(&path, found),
                "ini" | "cfg" | "cgf" => ini::read_file(&path, found),
                _ => continue,
            };
            files += 1;
            if let Err(why) = read {
                found.missing.push(why.to_string());
            }
        }
    }
    match files {
        0 => Err(StoreError::Refused(format!(
            "`{}` has no accounts that are known: homes with .xxftp in them, .json, .ini or .cfg",
            shown(top)
        ))),
        _ => Ok(()),
    }
}

/// Makes the accounts in one edit, so that a kill leaves all of them or none.
fn make_accounts(
    desk: &AdminDesk<'_>,
    mut all: Vec<Foreign>,
    adopt: Adopt,
    report: &mut ImportReport,
) -> Result<(), StoreError> {
    // A name as it is counts before one that only becomes it.
    all.sort_by_key(|one| folded(&one.name) != one.name);
    let homes = desk.homes()?;
    let (mut ready, mut taken) = (Vec::new(), BTreeMap::<String, String>::new());
    for foreign in all {
        let was = Escaped(&foreign.name).to_string();
        if let Some(other) = taken.get(&folded(&foreign.name)) {
            let name = folded(&foreign.name);
            report.missing(format!("`{was}` would be `{name}`, as `{other}` is"));
            continue;
        }
        match prepare(desk, &foreign) {
            Ok(account) => {
                taken.insert(account.name().to_string(), was);
                ready.push((account, foreign));
            }
            Err(why) => report.missing(format!("`{was}`: {}", error_for_operator(&why))),
        }
    }
    if ready.is_empty() {
        return Ok(());
    }
    let made = desk.store.edit(|edit| {
        let each = ready.iter();
        Ok(each.map(|(one, _)| edit.create(one.clone(), adopt, &homes)).collect::<Vec<_>>())
    })?;
    for ((account, foreign), made) in ready.iter().zip(made) {
        match made {
            Ok(()) => report_of(account, foreign, report),
            Err(e) => {
                let why = error_for_operator(&e);
                report.missing(format!("`{}`: {why}", Escaped(&foreign.name)));
            }
        }
    }
    Ok(())
}

/// A name as it can be here: in small letters.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn prepare(desk: &AdminDesk<'_>, foreign: &Foreign) -> Result<Account, StoreError> {
    let name = AccountName::parse(&folded(&foreign.name))
        .ok_or_else(|| StoreError::Refused(NAME_FORM.to_owned()))?;
    if let Some(there) = desk.store.current().account(name.as_str()) {
        let name = there.name().clone();
        return Err(StoreError::Exists(name));
    }
    let iterations = desk.config.accounts.iterations;
    let verifier = match &foreign.secret {
        ForeignSecret::Plain(secret) | ForeignSecret::Md5(secret) => {
            Verifier::derive(secret, iterations)?
        }
        // Nobody knows the password of this record.
        ForeignSecret::None => Verifier::derive(&nobody_knows()?, iterations)?,
    };
    let quota_bytes = foreign.quota_bytes.or(Some(desk.config.accounts.default_quota));
    let mut account = Account::new(name, verifier, quota_bytes);
    account.of_md5 = matches!(foreign.secret, ForeignSecret::Md5(_));
    if matches!(foreign.secret, ForeignSecret::None) {
        account.state = AccountState::Closed;
    }
    account.rights = foreign.rights;
    if foreign.admin {
        account.role = Role::Admin;
    }
    Ok(account)
}

fn report_of(account: &Account, foreign: &Foreign, report: &mut ImportReport) {
    let (name, quota) = (account.name(), quota_text(account.quota_bytes));
    let (role, rights) = (account.role.as_str(), account.rights);
    let mut what = format!("added {name}: role {role}, quota {quota}, rights {rights}");
    if name.as_str() != foreign.name {
        what += &format!("; it was called `{}`", Escaped(&foreign.name));
    }
    if account.of_md5 {
        what += "; its first login is by FTP, or set a new password";
    }
    report.done(&what);
    if matches!(foreign.secret, ForeignSecret::None) {
        report.missing(format!(
            "the login of `{name}` without a password; it is closed until \
             `miniftpd account passwd {name}` and `miniftpd account open {name}`"
        ));
    }
    for note in &foreign.notes {
        report.missing(format!("`{name}`: {note}"));
    }
}

fn nobody_knows() -> Result<String, StoreError> {
    let random: [u8; 32] = crate::scram::random_bytes()?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn ending(path: &Path) -> String {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ending.to_ascii_lowercase()
}

fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// A small file of another server, as text. A pipe or device of its name holds nothing up.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, StoreError> {
    read_text_at_most(path, crate::limits::LIST_FILE)
        .map_err(|e| StoreError::Refused(format!("`{}` cannot be read: {e}", shown(path))))
}
