//! The accounts in force, kept in step with conf/accounts.ini, which people and the server edit.
//!
//! Never: holds a lock while it derives a password; replaces the accounts in force by a file that
//! is torn, faulty or gone.
//! Invariant: what [`Store::current`] gives was once a whole valid file, and an edit that returned
//! is on the disk with the generation before it beside it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{error, info};

use super::replace::{self, Lock};
use super::{Accounts, Draft, StoreError, record};
use crate::version::Version;

/// The accounts; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    previous: PathBuf,
    lock: PathBuf,
    held: Mutex<Held>,
}

/// What is in force, and which version of the file was looked at last.
#[derive(Debug)]
struct Held {
    accounts: Arc<Accounts>,
    /// None if there was no file to look at.
    seen: Option<Version>,
    /// Whether a further change of the file is sure to change its version.
    settled: bool,
    /// What is wrong with the file on the disk, if the accounts in force are not its.
    fault: Option<String>,
}

impl Store {
    /// Reads `accounts.ini` in the folder, or if that is faulty `accounts.ini.previous`.
    ///
    /// Falling back is logged as an error, and [`Store::fault`] tells of it.
    ///
    /// # Errors
    /// What is wrong with `accounts.ini`, if neither can be used.
    pub fn open(conf: &Path) -> Result<Store, StoreError> {
        let path = conf.join("accounts.ini");
        let previous = conf.join("accounts.ini.previous");
        let seen = Version::at(&path);
        let held = match load(&path) {
            Ok((accounts, version, _)) => Held {
                accounts: Arc::new(accounts),
                seen: Some(version),
                settled: version.is_settled(),
                fault: None,
            },
            Err(fault) => {
                let Ok((accounts, ..)) = load(&previous) else { return Err(fault) };
                error!("{fault}");
                let (name, generation) = (previous.display(), accounts.generation());
                error!("going on with {name}, generation {generation}: the last change is undone");
                let accounts = Arc::new(accounts);
                let settled = seen.is_none_or(|version| version.is_settled());
                Held { accounts, seen, settled, fault: Some(fault.to_string()) }
            }
        };
        Ok(Store { path, previous, lock: conf.join("accounts.lock"), held: Mutex::new(held) })
    }

    /// The accounts in force. Costs one `stat`; the file is read again if it changed.
    ///
    /// A file that is faulty or gone is logged once, and the accounts stay as they were.
    pub fn current(&self) -> Arc<Accounts> {
        let now = Version::at(&self.path);
        let mut held = self.held();
        if now != held.seen || !held.settled {
            self.look_again(&mut held, now);
        }
        Arc::clone(&held.accounts)
    }

    /// Why the accounts in force are not those of the file, for the operator; none if they are.
    pub fn fault(&self) -> Option<String> {
        self.current();
        self.held().fault.clone()
    }

    /// Changes the accounts: all of `change` or, if it fails, nothing.
    ///
    /// It works on the file as it is now, under a lock that other processes honour too, so edits
    /// that meet lose nothing; keep it short, and derive passwords before. What it returns is
    /// returned once the change is on the disk. If nothing changed nothing is written.
    ///
    /// # Errors
    /// Those of `change`; a file that is faulty and must be mended first; a lock held for more than
    /// ten seconds; whatever the system refuses. If it refuses the very last step, syncing the
    /// folder, the change is made and may not outlive a power cut.
    pub fn edit<T>(
        &self,
        change: impl FnOnce(&mut Draft) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lock = self.lock()?;
        self.edit_within(&lock, change)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock over everything in the folder that the server writes.
    pub(super) fn lock(&self) -> Result<Lock, StoreError> {
        Lock::take(&self.lock, &self.path)
    }

    /// The same as [`Store::edit`] for who has the lock already.
    pub(super) fn edit_within<T>(
        &self,
        _lock: &Lock,
        change: impl FnOnce(&mut Draft) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (before, version, bytes) = load(&self.path)?;
        let mut draft = Draft { accounts: before.clone() };
        let done = change(&mut draft)?;
        if draft.accounts == before {
            return Ok(done);
        }
        let mut after = draft.accounts;
        after.generation = before.generation.checked_add(1).ok_or_else(|| StoreError::Refused {
            what: "the generation has reached its end; write a smaller one into both places".into(),
        })?;
        let text = record::write(&after).map_err(|fault| in_file(&self.path, fault))?;
        replace::write(&self.previous, &bytes, &self.path)?;
        // Editors do not know the lock; what one saved in the meantime is not written over.
        if Version::at(&self.path) != Some(version) {
            return Err(StoreError::Changed { path: self.path.clone() });
        }
        replace::write(&self.path, text.as_bytes(), &self.path)?;
        self.current();
        Ok(done)
    }

    fn look_again(&self, held: &mut Held, now: Option<Version>) {
        match load(&self.path) {
            Ok((accounts, version, _)) => {
                held.seen = Some(version);
                held.settled = version.is_settled();
                held.fault = None;
                if accounts != *held.accounts {
                    let (count, generation) = (accounts.len(), accounts.generation());
                    info!("accounts read again: {count}, generation {generation}");
                    held.accounts = Arc::new(accounts);
                }
            }
            Err(fault) => {
                if held.fault.is_none() || now != held.seen {
                    error!("{fault}; the accounts stay as they were until it is mended");
                }
                held.seen = now;
                held.settled = now.is_none_or(|version| version.is_settled());
                held.fault = Some(fault.to_string());
            }
        }
    }

    /// A thread that died here left nothing half done: what is held is assigned in whole fields,
    /// each of which is right by itself.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(path: &Path) -> Result<(Accounts, Version, Vec<u8>), StoreError> {
    let (bytes, version) = replace::read(path)?;
    let accounts = record::read(&bytes).map_err(|fault| in_file(path, fault))?;
    Ok((accounts, version, bytes))
}

pub(super) fn in_file(path: &Path, fault: super::fault::Fault) -> StoreError {
    StoreError::Fault { path: path.to_owned(), line: fault.line, what: fault.what }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;
    use crate::accounts::{Account, AccountName};
    use crate::scram::{RecordShape, Verifier};

    /// A folder of its own for each test, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("miniftp-{}-{next}", std::process::id()));
            fs::create_dir(&path).unwrap();
            let folder = Folder(path);
            folder.put("generation = 1\n[end]\ngeneration = 1\n");
            folder
        }

        fn put(&self, text: &str) {
            fs::write(self.ini(), text).unwrap();
        }

        fn ini(&self) -> PathBuf {
            self.0.join("accounts.ini")
        }

        fn open(&self) -> Store {
            Store::open(&self.0).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn account(name: &str) -> Account {
        let verifier = Verifier::mock(&[1; 32], name, RecordShape::of_new(4096));
        Account::new(AccountName::parse(name).unwrap(), verifier, Some(1 << 20))
    }

    fn is_shared<T: Send + Sync>(_: &T) {}

    #[test]
    fn an_edit_is_seen_at_once_by_its_store_and_by_another() {
        let folder = Folder::new();
        let (one, other) = (folder.open(), folder.open());
        is_shared(&one);
        one.edit(|draft| draft.add(account("ann"))).unwrap();
        assert!(one.current().account("ann").is_some());
        assert_eq!(other.current(), one.current());
        assert_eq!(other.current().generation(), 2);
        other.edit(|draft| draft.remove("ann")).unwrap();
        assert!(one.current().is_empty());
        let stat = rustix::fs::stat(folder.ini()).unwrap();
        assert_eq!(stat.st_mode & 0o777, 0o600);
    }

    #[test]
    fn an_edit_that_fails_or_changes_nothing_writes_nothing() {
        let folder = Folder::new();
        let store = folder.open();
        store.edit(|draft| draft.add(account("ann"))).unwrap();
        let before = fs::read(folder.ini()).unwrap();
        let twice = store.edit(|draft| draft.add(account("ann")));
        assert!(matches!(twice, Err(StoreError::Exists { .. })));
        let unknown = store.edit(|draft| draft.account("anne").map(|_| ()));
        let text = unknown.unwrap_err().to_string();
        assert_eq!(text, "no account `anne`, did you mean `ann`?");
        store.edit(|draft| draft.account("ann").map(|_| ())).unwrap();
        let too_much = store.edit(|draft| {
            draft.account("ann")?.quota_bytes = Some(u64::MAX);
            Ok(())
        });
        assert!(too_much.is_err());
        assert_eq!(fs::read(folder.ini()).unwrap(), before);
    }

    #[test]
    fn a_faulty_or_missing_file_leaves_the_accounts_as_they_were() {
        let folder = Folder::new();
        let store = folder.open();
        store.edit(|draft| draft.add(account("ann"))).unwrap();
        let good = fs::read_to_string(folder.ini()).unwrap();
        assert_eq!(store.fault(), None);

        folder.put(&good.replace("quota = 1M", "quota = soon"));
        assert!(store.current().account("ann").is_some());
        let fault = store.fault().unwrap();
        assert!(fault.contains("accounts.ini:"), "{fault}");
        assert!(
            fault.ends_with(
                "[ann] quota: expected a size like 10M, 1.5G or unlimited, got \"soon\""
            )
        );
        let edit = store.edit(|draft| draft.add(account("bob")));
        assert!(matches!(edit, Err(StoreError::Fault { .. })));

        fs::remove_file(folder.ini()).unwrap();
        assert!(store.current().account("ann").is_some());
        assert!(store.fault().is_some());

        folder.put(&good.replace("quota = 1M", "quota = 2M"));
        assert_eq!(store.current().account("ann").unwrap().quota_bytes, Some(2 << 20));
        assert_eq!(store.fault(), None);
    }

    #[test]
    fn a_same_length_change_within_a_tick_is_seen() {
        let folder = Folder::new();
        let store = folder.open();
        for digit in 1..=9 {
            folder.put(&format!("generation = {digit}\n[end]\ngeneration = {digit}\n"));
            assert_eq!(store.current().generation(), digit);
        }
    }

    #[test]
    fn a_start_with_a_faulty_file_goes_back_one_generation_or_fails() {
        let folder = Folder::new();
        let store = folder.open();
        store.edit(|draft| draft.add(account("ann"))).unwrap();
        store.edit(|draft| draft.add(account("bob"))).unwrap();
        folder.put("");
        let again = folder.open();
        assert!(again.current().account("ann").is_some());
        assert!(again.current().account("bob").is_none());
        assert!(again.fault().is_some());
        fs::remove_file(folder.0.join("accounts.ini.previous")).unwrap();
        assert!(matches!(Store::open(&folder.0), Err(StoreError::Fault { .. })));
        fs::remove_file(folder.ini()).unwrap();
        assert!(matches!(Store::open(&folder.0), Err(StoreError::Io { .. })));
    }

    #[test]
    fn edits_that_meet_lose_nothing() {
        let folder = Folder::new();
        thread::scope(|scope| {
            for thread in 0..8 {
                let store = folder.open();
                scope.spawn(move || {
                    for edit in 0..25 {
                        let new = account(&format!("u{thread}-{edit}"));
                        // On a slow disk the lock may be held by others for longer than it waits.
                        while let Err(e) = store.edit(|draft| draft.add(new.clone())) {
                            assert!(matches!(e, StoreError::Locked { .. }), "{e}");
                        }
                    }
                });
            }
        });
        let accounts = folder.open().current();
        assert_eq!(accounts.len(), 200);
        assert_eq!(accounts.generation(), 201);
        assert!(!folder.0.join("accounts.ini.new").exists());
    }
}
