//! Everything that a user can do, as methods. It knows nothing of frames, reply codes or sockets.
//!
//! A session belongs to its connection's thread; what is shared stands in [`Site`].
//! Invariant: no method but those of the login does anything before a login succeeded, and every
//! path goes through [`VPath::join`] and the account's own [`Vfs`].

use std::sync::Arc;

use crate::accounts::{Account, AccountName, Accounts, State};
use crate::digest::{Algorithm, Plain};
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::{Purse, Usage};
use crate::scram::{ClientFirst, ServerExchange, Verifier};
use crate::site::{Presence, Site};
use crate::text::Escaped;
pub use crate::transfer::Alive;
use crate::transfer::{self, Download, Durability, Ready, Spec, Stored, Sums, Upload};
use crate::vfs::Vfs;
pub use crate::vfs::{Entry, Kind, Listing, Mtime, PartNote, VPath};

/// See the module.
#[derive(Debug)]
pub struct Session {
    presence: Presence,
    exchange: Option<Exchange>,
    user: Option<User>,
    tries: u32,
}

/// A login that has begun: who it is for, if that account exists and may log in from here.
#[derive(Debug)]
struct Exchange {
    server: ServerExchange,
    name: String,
    account: Option<AccountName>,
}

/// Who is logged in.
#[derive(Debug)]
struct User {
    name: AccountName,
    accounts: Arc<Accounts>,
    vfs: Vfs,
    purse: Purse,
    cwd: VPath,
}

/// What an upload is to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Where to, as the user wrote it.
    pub path: &'a str,
    /// The file's time.
    pub mtime: Mtime,
    /// Whether a file that is there may be replaced.
    pub replace: bool,
    /// The digest that its chunks carry.
    pub algorithm: Algorithm,
}

impl Session {
    /// A session of somebody unknown.
    pub fn new(presence: Presence) -> Session {
        Session { presence, exchange: None, user: None, tries: 0 }
    }

    /// What all sessions share.
    pub fn site(&self) -> &Arc<Site> {
        self.presence.site()
    }

    /// Who is logged in.
    pub fn account(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.name.as_str())
    }

    /// `alex@127.0.0.1`, for the log.
    pub fn who(&self) -> String {
        format!("{}@{}", self.account().unwrap_or("?"), self.presence.peer)
    }

    /// The first step of a login: the client's first message gives the challenge.
    ///
    /// A name that does not exist, or may not log in from here, gets a challenge all the same,
    /// always the same one for the same name.
    pub fn login_begin(&mut self, client_first: &str) -> Result<String> {
        self.user = None;
        let first = ClientFirst::parse(client_first)?;
        let site = self.site();
        let mock = Verifier::mock(site.secret(), first.name(), site.iterations());
        let accounts = site.accounts();
        let allowed = accounts.account(first.name()).filter(|account| self.may_log_in(account));
        let (verifier, account) = match allowed {
            Some(account) => (account.verifier.clone(), Some(account.name().clone())),
            None => (mock, None),
        };
        let (server, challenge) = ServerExchange::begin(&first, verifier)?;
        self.exchange = Some(Exchange { server, name: first.name().to_string(), account });
        Ok(challenge)
    }

    fn may_log_in(&self, account: &Account) -> bool {
        let here = self.presence.peer;
        let why = if account.state != State::Active {
            "the account is closed"
        } else if account.demo && !here.to_canonical().is_loopback() {
            "a demo account logs in from this machine only"
        } else {
            return true;
        };
        log::warn!("{} from {here} is refused: {why}", account.name());
        false
    }

    /// The second step: the client's proof gives the server's own, and the session its rights.
    /// After [`limits::LOGIN_TRIES`] failures the connection must end: [`Error::TooMany`].
    pub fn login_finish(&mut self, client_final: &str) -> Result<String> {
        let begun = self.exchange.take();
        let Exchange { server, name, account } =
            begun.ok_or(Error::WrongState { what: "LOGIN comes before PROOF" })?;
        let proved = server.finish(client_final).and_then(|signature| match account {
            Some(account) => Ok((signature, account)),
            None => Err(Error::LoginRefused),
        });
        match proved {
            Ok((signature, account)) => {
                self.enter(&account)?;
                Ok(signature)
            }
            Err(e) => {
                self.tries += 1;
                log::warn!("login as {} from {} refused", Escaped(&name), self.presence.peer);
                Err(e)
            }
        }
    }

    /// Whether so many attempts failed that the connection should end.
    pub fn is_out_of_tries(&self) -> bool {
        self.tries >= limits::LOGIN_TRIES
    }

    fn enter(&mut self, name: &AccountName) -> Result<()> {
        let accounts = self.site().accounts();
        let account = accounts.account(name.as_str()).ok_or(Error::LoginRefused)?;
        let (vfs, purse) = self.site().open_view(account, &self.presence)?;
        let cwd = VPath::root();
        let name = name.clone();
        self.user = Some(User { name, accounts, vfs, purse, cwd });
        log::info!("{} logged in", self.who());
        Ok(())
    }

    /// Lets an edit of the account store count: called at every command.
    pub fn refresh(&mut self) -> Result<()> {
        let site = Arc::clone(self.site());
        let Some(user) = &mut self.user else { return Ok(()) };
        let now = site.accounts();
        if Arc::ptr_eq(&now, &user.accounts) {
            return Ok(());
        }
        match now.account(user.name.as_str()) {
            Some(account) if account.state == State::Active => {
                site.ledger().set_limit(&user.purse, account.quota_bytes);
                user.accounts = now;
                Ok(())
            }
            _ => Err(Error::AccountClosed),
        }
    }

    fn user(&self) -> Result<&User> {
        self.user.as_ref().ok_or(Error::NeedLogin)
    }

    fn at(&self, path: &str) -> Result<(&User, VPath)> {
        let user = self.user()?;
        Ok((user, user.cwd.join(path)?))
    }

    /// The current folder.
    pub fn cwd(&self) -> Result<&VPath> {
        Ok(&self.user()?.cwd)
    }

    /// Changes the current folder and returns it. Above the root there is nothing: `cd ..` there
    /// is refused and changes nothing.
    pub fn cd(&mut self, path: &str) -> Result<&VPath> {
        let user = self.user.as_mut().ok_or(Error::NeedLogin)?;
        if user.cwd.climbs_out(path) {
            return Err(Error::Denied { path: path.to_string() });
        }
        let to = user.cwd.join(path)?;
        user.vfs.check_folder(&to)?;
        user.cwd = to;
        Ok(&user.cwd)
    }

    /// The entries of a folder, one by one, in no order.
    pub fn list(&self, path: &str) -> Result<Listing> {
        let (user, path) = self.at(path)?;
        user.vfs.list(&path)
    }

    /// One entry, and for a file its version.
    pub fn stat(&self, path: &str) -> Result<(Entry, u64)> {
        let (user, path) = self.at(path)?;
        let entry = user.vfs.stat(&path)?;
        let version = match entry.kind {
            Kind::File => user.vfs.source(&path)?.version(),
            _ => 0,
        };
        Ok((entry, version))
    }

    /// Makes a folder, and with `parents` those above it that are missing.
    pub fn mkdir(&self, path: &str, parents: bool) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.mkdir(&path, parents)
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.rmdir(&path)
    }

    /// Removes a file or a link.
    pub fn remove(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        let freed = user.vfs.remove(&path)?;
        self.site().ledger().give_back(&user.purse, freed);
        log::info!("{} removed {path}: {freed} bytes", self.who());
        Ok(())
    }

    /// Removes a file or a folder with all that it holds.
    pub fn remove_tree(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        let (user, path) = self.at(path)?;
        let ledger = self.site().ledger();
        let mut removed = 0u64;
        let result = user.vfs.remove_tree(&path, &mut |freed| {
            ledger.give_back(&user.purse, freed);
            removed += 1;
            alive(removed, 0)
        });
        if removed > 0 {
            log::info!("{} removed {path}: {removed} entries", self.who());
        }
        result
    }

    /// Renames or moves; `replace` lets it replace a file.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let (user, from) = self.at(from)?;
        let to = user.cwd.join(to)?;
        let freed = user.vfs.rename(&from, &to, replace)?;
        self.site().ledger().give_back(&user.purse, freed);
        Ok(())
    }

    /// The ordinary digest of a whole file, and its size.
    pub fn hash(&self, path: &str, digest: &str, alive: &mut Alive<'_>) -> Result<(String, u64)> {
        let what = "digest: one of md5, sha256, blake3";
        let mut plain = Plain::from_name(digest).ok_or(Error::BadArgument { what })?;
        let (user, path) = self.at(path)?;
        let source = user.vfs.source(&path)?;
        let mut buffer = vec![0; limits::FRAME_DATA];
        let mut done = 0u64;
        loop {
            let n = source.read_at(&mut buffer, done)?;
            if n == 0 {
                break;
            }
            plain.update(buffer.get(..n).unwrap_or_default());
            done += n as u64;
            alive(done, source.size())?;
        }
        if done != source.size() || !source.unchanged()? {
            return Err(Error::Changed { path: path.as_str().to_string() });
        }
        Ok((plain.finish(), done))
    }

    /// Bytes used, promised and allowed.
    pub fn usage(&self) -> Result<Usage> {
        let user = self.user()?;
        let missing = Error::WrongState { what: "the ledger does not know this account" };
        self.site().ledger().usage(&user.purse).ok_or(missing)
    }

    /// The account's unfinished uploads.
    pub fn parts(&self) -> Result<Vec<PartNote>> {
        self.user()?.vfs.parts()
    }

    /// Removes the unfinished upload of a path.
    pub fn forget(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        let key = format!("{}{}", user.purse.as_str(), path.as_str());
        let _claim = self.site().claims().take(&key, user.purse.as_str(), path.as_str())?;
        if user.vfs.part_held(&path)?.is_none() {
            return Err(Error::NotFound { path: path.as_str().to_string() });
        }
        let freed = user.vfs.drop_part(&path)?;
        self.site().ledger().give_back(&user.purse, freed);
        Ok(())
    }

    fn spec<'a>(&'a self, user: &'a User, path: &'a VPath, wanted: &Wanted<'_>) -> Spec<'a> {
        let site = self.site();
        Spec {
            vfs: &user.vfs,
            ledger: site.ledger(),
            purse: &user.purse,
            claims: site.claims(),
            path,
            mtime: wanted.mtime,
            replace: wanted.replace,
            algorithm: wanted.algorithm,
            min_free_bytes: site.min_free_bytes(),
        }
    }

    /// Opens an upload.
    pub fn upload(&self, wanted: &Wanted<'_>, size: u64, fresh: bool) -> Result<Upload> {
        let (user, path) = self.at(wanted.path)?;
        Upload::begin(&self.spec(user, &path, wanted), size, fresh)
    }

    /// Takes a whole small file, ready to be committed.
    pub fn store(
        &self,
        wanted: &Wanted<'_>,
        digests: &[crate::digest::Digest],
        whole: &[u8],
        data: &[u8],
    ) -> Result<Ready> {
        let (user, path) = self.at(wanted.path)?;
        transfer::store(&self.spec(user, &path, wanted), digests, whole, data)
    }

    /// Whether success means that the bytes are on the disk, so that small files are worth
    /// grouping.
    pub fn is_durable(&self) -> bool {
        self.site().durability() == Durability::Full
    }

    /// Puts a whole file in its place.
    pub fn commit(&self, ready: Ready, alive: &mut Alive<'_>) -> Result<Stored> {
        transfer::commit(ready, self.site().durability(), alive)
    }

    /// Puts several small files in their places, synced together.
    pub fn commit_group(&self, group: Vec<Ready>, alive: &mut Alive<'_>) -> Vec<Result<Stored>> {
        transfer::commit_group(group, self.site().home(), alive)
    }

    /// Opens a range of a file for sending.
    pub fn download(
        &self,
        path: &str,
        algorithm: Algorithm,
        range: (u64, u64),
        version: u64,
    ) -> Result<Download> {
        let (user, path) = self.at(path)?;
        Download::open(user.vfs.source(&path)?, &path, algorithm, range, version)
    }

    /// Whether the file at `path` has `size` bytes and the digest `whole` over its chunk digests.
    pub fn is_equal(
        &self,
        path: &str,
        algorithm: Algorithm,
        (size, whole): (u64, &[u8]),
        buffer: &mut [u8],
        alive: &mut Alive<'_>,
    ) -> Result<bool> {
        let mut sums: Sums = match self.download(path, algorithm, (0, u64::MAX), 0) {
            Ok(sums) if sums.source().size() == size => sums,
            Ok(_) | Err(Error::NotFound { .. }) => return Ok(false),
            Err(e) => return Err(e),
        };
        let mut digests = Vec::with_capacity(limits::CHUNKS_IN_FRAME);
        while sums.left() > 0 {
            sums.next(buffer, &mut digests)?;
            alive(size - sums.left(), size)?;
        }
        Ok(sums.finish()?.1.as_bytes() == whole)
    }
}
