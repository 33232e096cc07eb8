//! Accounts of other servers: read from their files, made here.
//!
//! Never: keeps a password, or the MD5 of one: of either only the slow record is kept.

mod forms;

use std::path::Path;

use miniftp::accounts::{Account, AccountName, NAME_FORM, State, read_text_at_most};
use miniftp::rights::Rights;
use miniftp::scram::Verifier;
use miniftp::text::Escaped;
use zeroize::Zeroizing;

use self::forms::Found;
use super::{Desk, Failure, Request, line, requests};

/// What another server knew of somebody's password.
pub(super) enum Secret {
    /// The password.
    Plain(Zeroizing<String>),
    /// Its MD5 in small hexadecimal letters.
    Md5(Zeroizing<String>),
    /// Nothing: the name alone was enough.
    None,
}

/// An account as another server had it.
pub(super) struct Foreign {
    pub(super) name: String,
    pub(super) secret: Secret,
    /// The default if nothing was said.
    pub(super) quota_bytes: Option<u64>,
    pub(super) rights: Rights,
    /// Whether it may manage others.
    pub(super) admin: bool,
}

/// Reads a class list, or the accounts of another server, by what the path looks like.
pub(super) fn import(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let path = Path::new(&request.words[0]);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let found = match ending.to_ascii_lowercase().as_str() {
        _ if path.is_dir() => forms::folder(path)?,
        "json" => forms::json(path)?,
        "ini" | "cfg" | "cgf" => forms::ini(path)?,
        _ => return requests::import(desk, request),
    };
    make(desk, found)
}

fn make(desk: &Desk<'_>, found: Found) -> Result<String, Failure> {
    let (mut text, mut made) = (String::new(), 0);
    for foreign in found.accounts {
        let shown = Escaped(&foreign.name).to_string();
        match make_one(desk, foreign) {
            Ok(what) => {
                made += 1;
                line(&mut text, &what);
            }
            Err(Failure::Failed(why) | Failure::Usage(why)) => {
                line(&mut text, &format!("passed over {shown}: {why}"));
            }
        }
    }
    for why in found.passed_over {
        line(&mut text, &format!("passed over {why}"));
    }
    line(&mut text, &format!("{made} accounts made"));
    if !found.mounts.is_empty() {
        line(&mut text, "\nfor conf/mounts.ini, if these folders are to be seen here too:\n");
        text.push_str(&found.mounts);
    }
    if let Some(files) = found.files {
        let (from, home) = (files.to_string_lossy(), desk.home.to_string_lossy());
        let (from, home) = (Escaped(&from).to_string(), Escaped(&home).to_string());
        line(&mut text, &format!("\nfiles are not copied: cp -a {from}/NAME/. {home}/NAME/"));
    }
    Ok(text)
}

fn make_one(desk: &Desk<'_>, foreign: Foreign) -> Result<String, Failure> {
    let name =
        AccountName::parse(&foreign.name).ok_or_else(|| Failure::Failed(NAME_FORM.to_owned()))?;
    if desk.store.current().account(name.as_str()).is_some() {
        return Err(Failure::Failed("there is an account of that name".to_owned()));
    }
    let iterations = desk.config.iterations;
    let (verifier, of_md5, state) = match &foreign.secret {
        Secret::Plain(password) => (Verifier::derive(password, iterations)?, false, State::Active),
        Secret::Md5(digest) => (Verifier::derive(digest, iterations)?, true, State::Active),
        // Nobody knows the password of this record.
        Secret::None => (Verifier::derive(&nobody_knows()?, iterations)?, false, State::Closed),
    };
    let quota_bytes = foreign.quota_bytes.unwrap_or(desk.config.default_quota_bytes);
    let mut account = Account::new(name.clone(), verifier, Some(quota_bytes));
    account.state = state;
    account.of_md5 = of_md5;
    account.rights = foreign.rights;
    if foreign.admin {
        account.role = miniftp::accounts::Role::Admin;
    }
    desk.store.edit(|draft| draft.add(account.clone()))?;
    let quota = miniftp::accounts::quota_text(Some(quota_bytes));
    let more = match foreign.secret {
        Secret::Plain(_) => String::new(),
        Secret::Md5(_) => "; its first login is by FTP, or set a new password".to_owned(),
        Secret::None => format!(
            "; it had no password, so it is closed: `miniftpd account passwd {name}` and `open`"
        ),
    };
    Ok(format!("added {name}: quota {quota}, rights {}{more}", foreign.rights))
}

fn nobody_knows() -> Result<String, Failure> {
    let random: [u8; 32] = miniftp::scram::random_bytes()?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A small file of another server, as text.
fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let shown = path.to_string_lossy();
    read_text_at_most(path, miniftp::limits::LIST_FILE)
        .map_err(|e| Failure::Failed(format!("`{}` cannot be read: {e}", Escaped(&shown))))
}
