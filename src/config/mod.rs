//! The server's settings, as conf/server.ini has them.
//!
//! Never: writes the file, or goes on with a setting that could not be read: a file with a mistake
//! is refused whole, and every mistake is reported with its line.
//! Invariant: each field of a loaded [`Config`] has a value that its row in [`SETTINGS`] allows.

mod beyond;
mod credentials;
mod forms;
mod hooks;
mod live;
mod memory;
mod reading;
mod settings;
mod shown;

use std::time::Duration;

use crate::accounts::bans;
use crate::admission;
use crate::quota::Amount;

pub use credentials::{CredentialFiles, OWN as OWN_CREDENTIALS};
pub use forms::{ADDRESS, LogFormat, Proxies, parse_address};
pub use live::LiveSettings;
pub use reading::FILE;
pub use settings::*;
pub use shown::{markdown, print_config};

// Settings that go together, as whoever follows them takes them.
impl Config {
    /// How many connections are let in.
    pub fn connections(&self) -> admission::ConnectionLimits {
        admission::ConnectionLimits {
            all: self.server.connections,
            per_address: self.server.connections_per_address,
            before_login: self.server.connections_before_login,
            before_login_per_address: self.server.connections_before_login_per_address,
        }
    }

    /// What follows from failed logins.
    pub fn bans(&self) -> bans::BanRules {
        bans::BanRules {
            slow_after: self.login.slow_after,
            slow: Duration::from_secs(self.login.slow_secs),
            per_minute: self.login.failures_per_minute,
            address_after: self.login.ban_address_after,
            within: Duration::from_secs(self.login.ban_within_secs),
            first: Duration::from_secs(self.login.ban_secs),
        }
    }

    /// How long the answer waits to the last of so many failed logins, at least one.
    pub fn login_delay(&self, failures: u32) -> Duration {
        let [first, most] = [self.login.delay_millis, self.login.delay_most_millis];
        let [first, most] = [first.min(most), most].map(Duration::from_millis);
        bans::doubled(first, failures.saturating_sub(1), most)
    }

    /// What uploads and new directories leave free on the disk.
    pub fn min_free(&self) -> Amount {
        Amount { bytes: self.storage.min_free, entries: self.storage.min_free_entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conffile::ERRORS_SHOWN as FAULTS_SHOWN;
    use std::fs;
    use std::path::Path;

    fn shipped() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("conf")
    }

    #[test]
    fn the_shipped_file_is_the_table() {
        let text = fs::read_to_string(shipped().join(FILE)).unwrap();
        assert_eq!(text, print_config(), "`miniftpd --print-config` prints what should be there");
        assert_eq!(*Config::load(&shipped()).unwrap(), Config::default());
        assert!(text.lines().all(|line| line.len() <= 100));
    }

    #[test]
    fn each_row_reads_what_it_writes_and_sets_its_own_field_only() {
        let texts = |config: &Config| -> Vec<String> {
            SETTINGS.iter().map(|setting| setting.text(config)).collect()
        };
        let before = Config::default();
        for (at, setting) in SETTINGS.iter().enumerate() {
            let mut config = before.clone();
            (setting.key.read)(&mut config, &setting.text(&before)).unwrap();
            assert_eq!(config, before, "{}", setting.name());
            let candidates = ["[::1]:1", "50000-50100", "192.0.2.1", "10M", "7777", "9", "a.log"];
            let words =
                ["yes", "anywhere", "none", "md5", "closed", "json", "required", "off", "require"];
            let other = words
                .iter()
                .chain(&candidates)
                .find(|text| (setting.key.read)(&mut config, text).is_some() && config != before);
            assert!(other.is_some(), "{}", setting.name());
            let (is, was) = (texts(&config), texts(&before));
            let changed = (0..is.len()).filter(|i| is[*i] != was[*i]);
            assert_eq!(changed.collect::<Vec<_>>(), [at], "{}", setting.name());
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why() {
        let dir = std::env::temp_dir().join(format!("miniftp-config-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(FILE);
        let reported = |bytes: Option<&[u8]>| {
            let _ = bytes.map(|bytes| fs::write(&path, bytes).unwrap());
            let reported = Config::load(&dir).unwrap_err().to_string();
            reported.replace(&dir.to_string_lossy().into_owned(), "conf")
        };
        let missing =
            "conf/server.ini: no such file; `miniftpd --print-config` prints one to put there";
        assert_eq!(reported(None), missing);
        assert_eq!(
            reported(Some(b"[server]\n; \xff")),
            "conf/server.ini:2: not UTF-8; expected plain text"
        );
        let long = vec![b';'; crate::limits::SETTINGS_FILE as usize + 1];
        assert_eq!(
            reported(Some(&long)),
            "conf/server.ini: longer than expected; at most 262144 bytes"
        );
        let two = "conf/server.ini:2: [server] idle_secs: \"soon\" is not valid; expected whole \
            seconds from 1 to 86400
conf/server.ini:3: [server] port: unknown key; expected one of listen, user, tls, ";
        let reported_of_two = reported(Some(b"[server]\nidle_secs = soon\nport = 1\n"));
        assert!(reported_of_two.starts_with(two), "{reported_of_two}");
        let many = reported(Some(&b"?\n".repeat(FAULTS_SHOWN + 2)));
        assert_eq!(many.lines().count(), FAULTS_SHOWN + 1);
        assert!(many.ends_with("\nconf/server.ini: and 2 more"), "{many}");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_table_for_the_documents_has_a_line_for_each_setting() {
        let table = markdown();
        assert_eq!(table.lines().count(), SETTINGS.len() + 2);
        let row = "| `[server] idle_secs` | `600` | whole seconds from 1 to 86400 | A logged-in";
        assert!(table.contains(row), "{table}");
    }
}
