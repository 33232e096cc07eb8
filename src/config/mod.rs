//! The server's settings, as conf/server.ini has them.
//!
//! Never: writes the file, or goes on with a setting that could not be read: a file with a fault is
//! refused whole, and every fault is told with its line.
//! Invariant: each field of a loaded [`Config`] is inside its bounds.

mod live;
mod reading;
mod settings;
mod shown;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use crate::accounts::{bans, register};
use crate::audit;
use crate::conffile::{FileError, load};
use crate::digest::Algorithm;
use crate::gate;
use crate::limits;
use crate::quota::Amount;
use crate::rates;
use crate::transfer::Durability;

pub use live::Live;
pub use reading::Settings;
pub use settings::{Form, Setting, settings};
pub use shown::{markdown, print_config};

/// The file's name in the folder of settings.
pub const FILE: &str = "server.ini";

/// All settings; what each means stands in [`settings()`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the framed door listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where the FTP door listens; `None` closes it.
    pub ftp: Option<SocketAddr>,
    /// Ports of passive data connections, first and last; `None` lets the system choose.
    pub passive_ports: Option<RangeInclusive<u16>>,
    /// The address that clients are told for passive data connections, where it is another one.
    pub passive_address: Option<Ipv4Addr>,
    /// Seconds for a data connection to come about, and for it to move at all.
    pub data_secs: u64,
    /// Whether passwords in clear are taken from other machines.
    pub clear_passwords: bool,
    /// Milliseconds that the end of an upload over an existing file waits for the control line.
    pub grace_millis: u64,
    /// Connections at one time.
    pub connections: gate::Room,
    /// Sessions of one account at one time.
    pub sessions_per_account: usize,
    /// What follows from failed logins.
    pub bans: bans::Rules,
    /// Whether guests are let in, who have no account.
    pub guests: bool,
    /// Guests at one time.
    pub guest_sessions: usize,
    /// Seconds that a digest for a guest may take.
    pub guest_digest_secs: u64,
    /// How fast content may travel to the server.
    pub up: rates::Limits,
    /// How fast it may travel from it.
    pub down: rates::Limits,
    /// Seconds from the connection to the end of the login.
    pub login_secs: u64,
    /// Seconds without a request after which a logged-in connection is closed.
    pub idle_secs: u64,
    /// Seconds to finish a frame that has begun; the window over which data must flow.
    pub frame_secs: u64,
    /// Seconds that running transfers are given at a stop.
    pub drain_secs: u64,
    /// When a file is called stored.
    pub durability: Durability,
    /// Days that an unfinished upload is kept.
    pub part_days: u64,
    /// What uploads and new directories leave free on the disk.
    pub min_free: Amount,
    /// Whether other machines can use the same homes; `None` if their file system tells.
    pub shared: Option<bool>,
    /// The digest of chunks; `None` if the faster one is to be measured.
    pub digest: Option<Algorithm>,
    /// PBKDF2 iterations of a new password.
    pub iterations: u32,
    /// Entries that an account or a mount may have if nothing else is said of it.
    pub entries: u64,
    /// Who can register, and what a new account may store.
    pub registration: register::Rules,
    /// Days that an answered request is kept.
    pub registration_days: u64,
    /// The file in the folder of settings that is shown after a login.
    pub welcome: Option<String>,
    /// The same at parting.
    pub goodbye: Option<String>,
    /// The file in a folder that is shown to who enters it.
    pub folder_words: Option<String>,
    /// Where the log is written, absolute or below the folder of settings.
    pub log: audit::Places,
}

impl Settings {
    /// Reads `server.ini` in `conf_dir`. A setting that it does not name has its default.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn load(conf_dir: &Path) -> Result<Arc<Settings>, FileError> {
        load(&conf_dir.join(FILE), limits::SETTINGS_FILE, &Settings::read)
    }
}

impl Default for Config {
    /// Every row's default; the values below are only what a row finds before it sets its field.
    fn default() -> Config {
        let mut config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ftp: None,
            passive_ports: None,
            passive_address: None,
            data_secs: 1,
            clear_passwords: false,
            grace_millis: 0,
            connections: gate::Room::default(),
            sessions_per_account: 1,
            bans: bans::Rules::default(),
            guests: false,
            guest_sessions: 0,
            guest_digest_secs: 0,
            up: rates::Limits::default(),
            down: rates::Limits::default(),
            login_secs: 1,
            idle_secs: 1,
            frame_secs: 1,
            drain_secs: 0,
            durability: Durability::Full,
            part_days: 1,
            min_free: Amount::default(),
            shared: None,
            digest: None,
            iterations: limits::ITERATIONS_LEAST,
            entries: 1,
            registration: register::Rules::default(),
            registration_days: 1,
            welcome: None,
            goodbye: None,
            folder_words: None,
            log: audit::Places::default(),
        };
        for (_, setting) in settings() {
            let set = setting.form.set(&mut config, setting.default);
            debug_assert!(set.is_some(), "the default of {} is not one", setting.key);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conffile::ERRORS_SHOWN as FAULTS_SHOWN;
    use std::fs;
    use std::time::Duration;

    fn shipped() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("conf")
    }

    #[test]
    fn the_shipped_file_is_the_table() {
        let text = fs::read_to_string(shipped().join(FILE)).unwrap();
        assert_eq!(text, print_config(), "`miniftpd --print-config` prints what should be there");
        assert_eq!(*Settings::load(&shipped()).unwrap(), Settings::default());
        assert!(text.lines().all(|line| line.len() <= 100));
    }

    #[test]
    fn the_defaults_are_what_the_documents_say() {
        let expected = Config {
            listen: "127.0.0.1:2020".parse().unwrap(),
            ftp: Some("127.0.0.1:2121".parse().unwrap()),
            passive_ports: None,
            passive_address: None,
            data_secs: 30,
            clear_passwords: false,
            grace_millis: 20,
            connections: gate::Room {
                all: 2000,
                per_address: 50,
                before_login: 200,
                before_login_per_address: 40,
            },
            sessions_per_account: 50,
            bans: bans::Rules {
                slow_after: 10,
                slow: Duration::from_secs(30),
                per_minute: 20,
                address_after: 30,
                within: Duration::from_secs(600),
                first: Duration::from_secs(600),
            },
            guests: false,
            guest_sessions: 20,
            guest_digest_secs: 30,
            up: rates::Limits { account: None, guests: None, all: None },
            down: rates::Limits { account: None, guests: None, all: None },
            login_secs: 60,
            idle_secs: 600,
            frame_secs: 30,
            drain_secs: 10,
            durability: Durability::Full,
            part_days: 7,
            min_free: Amount { bytes: 16 << 20, entries: 1000 },
            shared: None,
            digest: None,
            iterations: 100_000,
            entries: 100_000,
            registration: register::Rules {
                mode: register::Mode::Ask,
                waiting: 200,
                per_address: 5,
                quota_bytes: Some(100 << 20),
            },
            registration_days: 30,
            welcome: Some("welcome.txt".to_owned()),
            goodbye: Some("goodbye.txt".to_owned()),
            folder_words: Some(".message".to_owned()),
            log: audit::Places { file: None, json: false, xferlog: None },
        };
        assert_eq!(Config::default(), expected);
    }

    #[test]
    fn each_row_sets_a_field_of_its_own_and_no_field_is_without() {
        let fields = |config: &Config| -> Vec<String> {
            format!("{config:?}").split(", ").map(str::to_string).collect()
        };
        let before = fields(&Config::default());
        assert_eq!(before.len(), settings().count());
        let mut touched = Vec::new();
        for (_, setting) in settings() {
            let other = match setting.form {
                Form::Address(_) | Form::Door(_) => "[::1]:1",
                Form::Ports(_) => "50000-50100",
                Form::Host(_) => "192.0.2.1",
                Form::Count(least, ..) | Form::Whole(_, least, ..) => &(least + 2).to_string(),
                Form::Size(_) => "1",
                Form::File(_) => "other.txt",
                Form::Rate(_) => "10M",
                Form::Log(_) => "a.log",
                Form::Word(words) | Form::AtStart(words) => words[words.len() - 1].0,
            };
            let mut config = Config::default();
            setting.form.set(&mut config, other).unwrap();
            let after = fields(&config);
            touched.extend((0..before.len()).filter(|i| before[*i] != after[*i]));
        }
        touched.sort_unstable();
        assert!(touched.into_iter().eq(0..before.len()));
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why() {
        let dir = std::env::temp_dir().join(format!("miniftp-config-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(FILE);
        let told = |bytes: Option<&[u8]>| {
            let _ = bytes.map(|bytes| fs::write(&path, bytes).unwrap());
            let told = Settings::load(&dir).unwrap_err().to_string();
            told.replace(&dir.to_string_lossy().into_owned(), "conf")
        };
        let missing =
            "conf/server.ini: no such file; `miniftpd --print-config` prints one to put there";
        assert_eq!(told(None), missing);
        assert_eq!(
            told(Some(b"[server]\n; \xff")),
            "conf/server.ini:2: not UTF-8; expected plain text"
        );
        let long = vec![b';'; crate::limits::SETTINGS_FILE as usize + 1];
        assert_eq!(
            told(Some(&long)),
            "conf/server.ini: longer than expected; at most 262144 bytes"
        );
        let two = "conf/server.ini:2: [server] idle_secs: \"soon\" is not valid; expected whole \
            seconds from 1 to 86400
conf/server.ini:3: [server] port: unknown key; expected one of listen, connections, ";
        let told_of_two = told(Some(b"[server]\nidle_secs = soon\nport = 1\n"));
        assert!(told_of_two.starts_with(two), "{told_of_two}");
        let many = told(Some(&b"?\n".repeat(FAULTS_SHOWN + 2)));
        assert_eq!(many.lines().count(), FAULTS_SHOWN + 1);
        assert!(many.ends_with("\nconf/server.ini: and 2 more"), "{many}");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_table_for_the_documents_has_a_line_for_each_setting() {
        let table = markdown();
        assert_eq!(table.lines().count(), settings().count() + 2);
        let row = "| `[server] idle_secs` | `600` | whole seconds from 1 to 86400 | A logged-in";
        assert!(table.contains(row), "{table}");
    }
}
