//! What the commands do, as texts: nothing is printed here.

use miniftp::accounts::{
    Account, AccountName, Accounts, NAME_FORM, Role, State, StoreError, parse_quota,
};
use miniftp::admin::Admin;
use miniftp::config::Live;
use miniftp::quota::Entries;
use miniftp::scram::{Verifier, check_password_form};
use miniftp::site::{Logs, Site};
use miniftp::text::{Escaped, Size};
use miniftp::vfs::{self, Adopt};

use super::{Desk, Failure, Request, line};

pub(super) fn add(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let name = AccountName::parse(&request.words[0])
        .ok_or_else(|| Failure::Failed(format!("`{}`: {NAME_FORM}", Escaped(&request.words[0]))))?;
    let quota_bytes = match &request.quota {
        Some(text) => read_quota(text)?,
        None => Some(desk.config.accounts.default_quota),
    };
    let entries = read_entries(request)?;
    let role = read_role(request.role.as_deref().unwrap_or("user"))?;
    // Asked before the password is, so that nobody types one in vain.
    let adopt = if request.adopt { Adopt::Yes } else { Adopt::No };
    let homes = desk.homes()?;
    if desk.store.current().account(name.as_str()).is_some() {
        return Err(StoreError::Exists(name).into());
    }
    homes.check_new(name.as_str(), adopt)?;
    let verifier = new_verifier(desk, name.as_str())?;
    let mut account = Account::new(name.clone(), verifier, quota_bytes);
    account.role = role;
    account.entries = entries.unwrap_or_default();
    account.set_remark(request.remark.as_deref().unwrap_or(""))?;
    desk.store.edit(|draft| draft.create(account.clone(), adopt, &homes))?;
    Ok(format!("added {name}: quota {}, role {}\n", shown(quota_bytes), role.as_str()))
}

pub(super) fn list(desk: &Desk<'_>, _: &Request) -> Result<String, Failure> {
    Ok(table(desk, &desk.store.current()))
}

pub(super) fn show(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let accounts = desk.store.current();
    let account = accounts.require(&request.words[0])?;
    let rows = [
        ("name", account.name().to_string()),
        ("role", account.role.as_str().to_owned()),
        ("state", state(account)),
        ("quota", shown(account.quota_bytes)),
        ("entries", shown_entries(desk, account)),
        ("password", format!("SCRAM-SHA-256, {} iterations", account.verifier.iterations())),
        ("remark", account.remark().to_owned()),
    ];
    let mut text = String::new();
    for (what, value) in rows {
        line(&mut text, &format!("{what:8}  {value}"));
    }
    Ok(text)
}

pub(super) fn passwd(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let name = &request.words[0];
    desk.store.current().require(name)?;
    let verifier = new_verifier(desk, name)?;
    let was_demo = desk.store.edit(|draft| {
        let account = draft.account(name)?;
        account.verifier = verifier.clone();
        // Its password is no longer the one that everybody can read.
        account.of_md5 = false;
        Ok(std::mem::replace(&mut account.demo, false))
    })?;
    let more = if was_demo { "; it is no demo account any more" } else { "" };
    Ok(format!("changed the password of {name}{more}\n"))
}

pub(super) fn quota(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let name = &request.words[0];
    let (quota_bytes, entries) = (read_quota(&request.words[1])?, read_entries(request)?);
    desk.store.edit(|draft| {
        let account = draft.account(name)?;
        account.quota_bytes = quota_bytes;
        account.entries = entries.unwrap_or(account.entries);
        Ok(())
    })?;
    let more = entries.map_or_else(String::new, |entries| format!(", with {entries} entries"));
    Ok(format!("the quota of {name} is {}{more} now\n", shown(quota_bytes)))
}

/// How many entries it may have, by its own word or by the setting.
fn shown_entries(desk: &Desk<'_>, account: &Account) -> String {
    let limit = account.entries.limit(desk.config.storage.entries);
    limit.map_or_else(|| "unlimited".to_owned(), |entries| entries.to_string())
}

pub(super) fn role(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let name = &request.words[0];
    let role = read_role(&request.words[1])?;
    desk.store.edit(|draft| {
        draft.account(name)?.role = role;
        Ok(())
    })?;
    Ok(format!("the role of {name} is {} now\n", role.as_str()))
}

pub(super) fn set_state(
    desk: &Desk<'_>,
    request: &Request,
    state: State,
) -> Result<String, Failure> {
    let name = &request.words[0];
    let before = desk.store.edit(|draft| {
        let account = draft.account(name)?;
        Ok(std::mem::replace(&mut account.state, state))
    })?;
    Ok(match state {
        _ if before == state => format!("{name} is {} already\n", state.as_str()),
        State::Active => format!("opened {name}\n"),
        State::Closed => {
            format!(
                "closed {name}; its files stay, `miniftpd account open {name}` lets it in again\n"
            )
        }
    })
}

pub(super) fn remove(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let name = &request.words[0];
    if request.files {
        return remove_with_files(desk, name);
    }
    let homes = desk.homes()?;
    desk.store.edit(|draft| draft.remove(name, &homes))?;
    Ok(format!("removed {name}; its files stay in the folder `{name}` among the homes\n"))
}

/// Whoever holds the home removes files in it: this program, unless a server runs there.
fn remove_with_files(desk: &Desk<'_>, name: &str) -> Result<String, Failure> {
    if let Some(holder) = vfs::runner(desk.home, desk.config.storage.shared) {
        let home = desk.home.to_string_lossy();
        return Err(Failure::Failed(format!(
            "the home {} is in use by {holder}, and who has it removes files there: say \
             `remove {name} files` at its terminal, or `miniftp admin remove {name} --files`",
            Escaped(&home)
        )));
    }
    let opened = Live::open(desk.conf).map_err(|e| Failure::Failed(e.to_string()))?;
    // Its line is that of the whole command.
    let site = Site::open(opened, Logs::nowhere(), desk.conf, desk.home);
    let site = site.map_err(|e| Failure::Failed(e.to_string()))?;
    Admin::at_the_command_line(&site).remove(name, true, &mut |_, _| Ok(()))?;
    Ok(format!("removed {name} and its files\n"))
}

fn read_quota(text: &str) -> Result<Option<u64>, Failure> {
    parse_quota(text)
        .map_err(|expected| Failure::Usage(format!("{expected}, got `{}`", Escaped(text))))
}

fn read_entries(request: &Request) -> Result<Option<Entries>, Failure> {
    let read = |text: &String| {
        let wrong = || Failure::Usage(format!("expected {}, got `{text}`", Entries::FORM));
        Entries::parse(text).ok_or_else(wrong)
    };
    request.entries.as_ref().map(read).transpose()
}

fn read_role(text: &str) -> Result<Role, Failure> {
    Role::parse(text).ok_or_else(|| {
        Failure::Usage(format!("expected the role user or admin, got `{}`", Escaped(text)))
    })
}

fn new_verifier(desk: &Desk<'_>, name: &str) -> Result<Verifier, Failure> {
    let password = (desk.ask)(name)?;
    check_password_form(&password)?;
    Ok(Verifier::derive(&password, desk.config.accounts.iterations)?)
}

fn table(desk: &Desk<'_>, accounts: &Accounts) -> String {
    let head = ["name", "role", "state", "quota", "entries", "remark"].map(str::to_owned);
    let rows = accounts.iter().map(|account| {
        let role = account.role.as_str().to_owned();
        let (name, remark) = (account.name().to_string(), account.remark().to_owned());
        let (quota, entries) = (shown(account.quota_bytes), shown_entries(desk, account));
        [name, role, state(account), quota, entries, remark]
    });
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (names, roles, states) = (width(0), width(1), width(2));
    let (quotas, many) = (width(3), width(4));
    let mut text = String::new();
    for [name, role, state, quota, entries, remark] in &rows {
        let left = format!("{name:names$}  {role:roles$}  {state:states$}");
        line(&mut text, &format!("{left}  {quota:>quotas$}  {entries:>many$}  {remark}"));
    }
    text
}

fn state(account: &Account) -> String {
    format!("{}{}", account.state.as_str(), if account.demo { " (demo)" } else { "" })
}

fn shown(quota_bytes: Option<u64>) -> String {
    quota_bytes.map_or_else(|| "unlimited".to_owned(), |bytes| Size(bytes).to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use miniftp::accounts::Store;
    use miniftp::accounts::register::Queue;
    use miniftp::config::Config;
    use zeroize::Zeroizing;

    use miniftp::accounts::bans::Bans;

    use super::super::understand;
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let own = format!("miniftpd-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(own);
            fs::create_dir(&path).unwrap();
            let empty = "generation = 1\n[end]\ngeneration = 1\n";
            fs::write(path.join("accounts.ini"), empty).unwrap();
            Folder(path)
        }

        /// Does one line of words, the password being `secret`.
        fn act(&self, words: &str) -> Result<String, Failure> {
            let words: Vec<String> = words.split(' ').map(|w| w.replace('_', " ")).collect();
            let (command, request) = understand(&words)?;
            let store = Store::open(&self.0).unwrap();
            let ask = |_: &str| Ok(Zeroizing::new("secret".to_owned()));
            let mut config = Config::default();
            config.accounts.iterations = 4096;
            let queue = Queue::new(&self.0, 30);
            let bans = Bans::open(&self.0);
            let (conf, home) = (self.0.as_path(), self.0.as_path());
            let (store, queue, bans) = (&store, &queue, &bans);
            let desk = Desk { store, queue, bans, conf, home, config: &config, ask: &ask };
            (command.run)(&desk, &request)
        }

        fn done(&self, words: &str) -> String {
            self.act(words).unwrap()
        }

        fn failed(&self, words: &str) -> String {
            match self.act(words) {
                Err(Failure::Failed(what)) => what,
                other => panic!("{words}: {other:?}"),
            }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_account_lives_its_life() {
        let folder = Folder::new("life");
        let added = folder.done("add ann --quota 10M --remark row_3");
        assert_eq!(added, "added ann: quota 10.0 MiB, role user\n");
        let added = folder.done("add bob --role admin --quota=unlimited");
        assert_eq!(added, "added bob: quota unlimited, role admin\n");
        assert_eq!(folder.done("quota ann 1.5G"), "the quota of ann is 1.5 GiB now\n");
        assert_eq!(folder.done("role ann admin"), "the role of ann is admin now\n");
        assert!(folder.done("close bob").starts_with("closed bob; its files stay"));
        assert_eq!(folder.done("close bob"), "bob is closed already\n");
        assert_eq!(
            folder.done("list"),
            "name  role   state       quota  entries  remark\n\
             ann   admin  active    1.5 GiB   100000  row 3\n\
             bob   admin  closed  unlimited   100000\n"
        );
        assert_eq!(folder.done("open bob"), "opened bob\n");
        assert_eq!(folder.done("passwd bob"), "changed the password of bob\n");
        assert!(folder.done("show bob").contains("password  SCRAM-SHA-256, 4096 iterations\n"));
        let removed = folder.done("remove bob");
        assert_eq!(removed, "removed bob; its files stay in the folder `bob` among the homes\n");
        let store = Store::open(&folder.0).unwrap();
        assert!(store.current().account("ann").unwrap().verifier.accepts("secret", 4096));
        assert_eq!(store.current().len(), 1);
    }

    #[test]
    fn what_cannot_be_done_says_what_to_do_next() {
        let folder = Folder::new("next");
        folder.done("add ann");
        assert!(folder.failed("add ann").starts_with("there is an account `ann` already"));
        assert_eq!(
            folder.failed("show anne"),
            "no account `anne`, did you mean `ann`? `miniftpd account list` shows them"
        );
        assert!(folder.failed("add Ann").starts_with("`Ann`: a name has"));
        assert!(folder.failed("remove \u{1b}x").starts_with("no account `\\u{1b}x`"));
        for usage in
            ["", "ad ann", "add", "add a b", "list --quota 1M", "quota ann soon", "role ann root"]
        {
            assert!(matches!(folder.act(usage), Err(Failure::Usage(_))), "{usage}");
        }
    }

    #[test]
    fn a_changed_password_ends_a_demo() {
        let folder = Folder::new("demo");
        folder.done("add ann");
        let ini = folder.0.join("accounts.ini");
        let text = fs::read_to_string(&ini).unwrap();
        fs::write(&ini, text.replace("state = active", "state = active\ndemo = yes")).unwrap();
        assert!(folder.done("list").contains("active (demo)"));
        assert!(folder.done("passwd ann").ends_with("; it is no demo account any more\n"));
        assert!(!folder.done("list").contains("demo"));
    }
}
