//! A fresh directory with everything a server needs: conf/, home/, and local/ for the client.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::thread;

use miniftp::accounts::{Account, AccountName, AccountStore, Role, parse_quota};
use miniftp::limits;
use miniftp::scram::Verifier;
use miniftp::vfs::{Adopt, Homes};

use super::{Daemon, Miniftp, Output, signals};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An accounts.ini without accounts.
const NO_ACCOUNTS: &str = "generation = 1\n\n[end]\ngeneration = 1\n";

/// See the module. It is removed at the end of a test that succeeded; make it before the
/// [`Daemon`], so that it goes after it.
pub struct Site {
    root: PathBuf,
    port: AtomicU16,
}

/// The password of an account made by [`Site::account`].
pub fn password(name: &str) -> String {
    format!("{name}-secret")
}

impl Site {
    /// A site in memory where the system has a place for that, since most tests do not ask what a
    /// disk does.
    pub fn new() -> Site {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Site::under(memory) } else { Site::on_disk() }
    }

    /// A site on the system's disk for passing files.
    pub fn on_disk() -> Site {
        Site::under(&std::env::temp_dir())
    }

    fn under(folder: &Path) -> Site {
        signals::are_heard();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = folder.join(format!("miniftp-test-{}-{number}", process::id()));
        // What an earlier process of the same number left behind.
        let _ = fs::remove_dir_all(&root);
        let site = Site { root, port: AtomicU16::new(0) };
        for folder in [site.conf(), site.home(), site.local()] {
            fs::create_dir_all(folder).unwrap();
        }
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/server.ini");
        fs::copy(shipped, site.conf().join("server.ini")).unwrap();
        fs::write(site.conf().join("accounts.ini"), NO_ACCOUNTS).unwrap();
        // What a login costs the client, and with it most tests.
        site.setting("accounts", "iterations", &limits::ITERATIONS_LEAST.to_string());
        // Frames of tests come in clear, from an address that is not loopback too.
        site.setting("server", "tls", "preferred");
        // Few tests ask how late a wrong password is answered.
        site.setting("login", "delay_most_millis", "1");
        site
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The server's settings and accounts.
    pub fn conf(&self) -> PathBuf {
        self.root.join("conf")
    }

    /// The folder of all homes.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Where an account's file is on the disk.
    pub fn stored(&self, account: &str, path: &str) -> PathBuf {
        self.home().join(account).join(path.trim_start_matches('/'))
    }

    /// The client's current and home directory.
    pub fn local(&self) -> PathBuf {
        self.root.join("local")
    }

    /// Changes a line of conf/server.ini, which counts when the server starts or is told.
    #[track_caller]
    pub fn setting(&self, section: &str, key: &str, value: &str) -> &Site {
        let path = self.conf().join("server.ini");
        let text = fs::read_to_string(&path).unwrap();
        let (mut inside, mut changed, mut out) = (false, false, String::new());
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line == format!("[{section}]");
            }
            let this = inside && line.split('=').next().is_some_and(|left| left.trim() == key);
            changed |= this;
            out += &if this { format!("{key} = {value}\n") } else { format!("{line}\n") };
        }
        assert!(changed, "conf/server.ini has no [{section}] {key}");
        fs::write(path, out).unwrap();
        self
    }

    /// Adds an account with the password of [`password`]. A running server knows it at once.
    #[track_caller]
    pub fn account(&self, name: &str, quota: &str) -> &Site {
        let verifier = Verifier::derive(&password(name), limits::ITERATIONS_LEAST).unwrap();
        let name = AccountName::parse(name).unwrap();
        let account = Account::new(name, verifier, parse_quota(quota).unwrap());
        let homes = Homes::new(&self.home());
        self.accounts().edit(|draft| draft.create(account.clone(), Adopt::Yes, &homes)).unwrap();
        self
    }

    /// The same for an admin.
    #[track_caller]
    pub fn admin(&self, name: &str) -> &Site {
        self.account(name, "10M");
        self.accounts()
            .edit(|draft| {
                draft.account(name)?.role = Role::Admin;
                Ok(())
            })
            .unwrap();
        self
    }

    /// The account store, to change what a test wants changed.
    pub fn accounts(&self) -> AccountStore {
        AccountStore::open(&self.conf()).unwrap()
    }

    /// Starts the server on a port of the system's choice.
    #[track_caller]
    pub fn start(&self) -> Daemon {
        let daemon = Daemon::start(self, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        self.port.store(daemon.port(), Ordering::SeqCst);
        daemon
    }

    /// The same with an operator who types, see [`Daemon::type_line`].
    #[track_caller]
    pub fn start_with_console(&self) -> Daemon {
        let daemon = Daemon::start_with_console(self);
        self.port.store(daemon.port(), Ordering::SeqCst);
        daemon
    }

    /// The framed door of the server that was started last.
    #[track_caller]
    pub fn addr(&self) -> SocketAddr {
        let port = self.port.load(Ordering::SeqCst);
        assert!(port != 0, "no server was started");
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// The client of an account at the server that was started last, in [`Site::local`].
    #[track_caller]
    pub fn client(&self, account: &str) -> Miniftp {
        Miniftp::new(&self.local(), self.addr(), account)
    }

    /// Runs the client with these words to its end.
    #[track_caller]
    pub fn miniftp(&self, account: &str, words: &[&str]) -> Output {
        self.client(account).run(words)
    }

    /// Runs `miniftpd` with these words and this input to its end.
    #[track_caller]
    pub fn miniftpd(&self, words: &[&str], input: &str) -> Output {
        let (conf, home) = (self.conf(), self.home());
        let mut all = words.to_vec();
        all.extend(["--conf", conf.to_str().unwrap(), "--home", home.to_str().unwrap()]);
        Miniftp::server_program(&self.local()).input(input).run(&all)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the directory of this test is left in {}", self.root.display());
        } else {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}
