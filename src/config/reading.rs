//! From the text of a settings file to a [`Config`], or to every mistake in it.
//!
//! Never: keeps a value of a file with a mistake.

use std::path::Path;
use std::sync::Arc;

use super::settings::{Config, SETTINGS, Setting};
use crate::conffile::ini::{FileShape, parse};
use crate::conffile::keys::Key;
use crate::conffile::{FileError, ParseErrors, load};
use crate::limits;

/// The file's name in the folder of settings.
pub const FILE: &str = "server.ini";

/// Names that settings had before, with their sections and their names now: an older file is still
/// read.
static FORMER: &[(&str, &str, &str)] = &[("login", "ban_after", "slow_after")];

static SHAPE: FileShape = FileShape {
    most: limits::SETTINGS_FILE,
    top: &[],
    keys: |name| {
        let former = former_of(name).map(|key| key.name);
        let keys: Vec<&str> = settings_of(name).map(Setting::name).chain(former).collect();
        Some(keys).filter(|keys| !keys.is_empty())
    },
    expected: "[section]",
    form: "",
    sections: || {
        let mut sections: Vec<&str> = SETTINGS.iter().map(|setting| setting.section).collect();
        sections.dedup();
        sections
    },
};

fn settings_of(section: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.section == section)
}

fn former_of(section: &str) -> impl Iterator<Item = Key<Config>> {
    let former = FORMER.iter().filter(move |(of, ..)| *of == section);
    former.filter_map(|(section, before, now)| {
        let setting = settings_of(section).find(|setting| setting.name() == *now)?;
        Some(setting.key.called(before))
    })
}

impl Config {
    /// Reads `server.ini` in the folder of settings. A setting that it does not name has its
    /// default.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn load(conf: &Path) -> Result<Arc<Config>, FileError> {
        load(&conf.join(FILE), limits::SETTINGS_FILE, &Config::read)
    }

    /// Reads the settings from the bytes of a file; `None` is one that is not there.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(bytes: Option<&[u8]>) -> Result<Config, ParseErrors> {
        let missing = "no such file; `miniftpd --print-config` prints one to put there";
        let bytes = bytes.ok_or_else(|| ParseErrors::whole(missing))?;
        let (mut config, mut errors) = (Config::default(), ParseErrors::default());
        for section in parse(bytes, &SHAPE, &mut errors).sections {
            // Where both names of a setting are there, the present one counts.
            let former: Vec<Key<Config>> = former_of(section.name).collect();
            section.read(&former, &mut config, &mut errors);
            let keys = settings_of(section.name).map(|setting| &setting.key);
            section.read(keys, &mut config, &mut errors);
        }
        if let Some(why) = config.over_budget() {
            errors.push(0, why);
        }
        errors.or(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes_of(text: &str) -> Vec<String> {
        let errors = Config::read(Some(text.as_bytes())).err().unwrap_or_default();
        errors.iter().map(|error| format!("{}: {}", error.line, error.what)).collect()
    }

    #[test]
    fn a_bad_value_is_reported_with_line_key_and_what_was_expected() {
        let address = crate::config::ADDRESS;
        let secs = "whole seconds from 1 to 86400";
        let count = "a whole number from 1 to 100000";
        let size = "a size of 0 or more, such as 512K, 10M or 1.5G";
        let table = [
            ("server", "listen", "localhost:http", address),
            ("server", "listen", "127.0.0.1", address),
            ("server", "idle_secs", "soon", secs),
            ("server", "idle_secs", "0", secs),
            ("server", "idle_secs", "", secs),
            ("server", "idle_secs", "+60", secs),
            ("server", "idle_secs", "60s", secs),
            ("server", "connections", "100001", count),
            ("server", "connections", "99999999999999999999", count),
            ("storage", "part_days", "'7'", "whole days from 1 to 3650"),
            ("storage", "min_free", "-1", size),
            ("storage", "durability", "Full", "full or none"),
            ("transfer", "digest", "sha1", "auto or md5 or blake3"),
            ("accounts", "iterations", "1000", "a whole number from 4096 to 5000000"),
            ("accounts", "default_quota", "unlimited", size),
        ];
        for (section, key, value, expected) in table {
            let reported = mistakes_of(&format!("; remark\n\n[{section}]\n\n{key} = {value}\n"));
            let name = format!("[{section}] {key}");
            assert_eq!(
                reported,
                [format!("5: {name}: \"{value}\" is not valid; expected {expected}")]
            );
        }
        let reported = mistakes_of("[server]\nidle_secs = 60 ; a minute");
        assert!(reported[0].contains("\"60 ; a minute\" is not valid; expected whole seconds"));
        assert!(reported[0].ends_with("; a comment needs a line of its own"));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        let table = [
            (
                "[server]\nidle_sec = 5",
                "2: [server] idle_sec: unknown key; did you mean `idle_secs`?",
            ),
            ("[server]\nListen = 5", "2: [server] Listen: unknown key; did you mean `listen`?"),
            (
                "[server]\ncolour = red",
                "2: [server] colour: unknown key; expected one of listen, user, tls, ",
            ),
            ("[server]\ndigest = md5", "2: [server] digest: unknown key; it belongs in [transfer]"),
            ("[servr]\nx = 5", "1: unknown section [servr]; did you mean [server]?"),
            (
                "[gopher]\nx = 5",
                "1: unknown section [gopher]; expected one of server, login, ftp, guests",
            ),
            ("[]", "1: unknown section []; expected one of server, login"),
            ("idle_secs = 5", "1: `idle_secs` stands above the first section; expected [section]"),
        ];
        for (text, mistake) in table {
            let reported = mistakes_of(text);
            assert!(reported.len() == 1 && reported[0].starts_with(mistake), "{reported:?}");
        }
    }

    #[test]
    fn what_stands_twice_is_refused() {
        let twice = "[server]\nidle_secs = 5\nidle_secs = 6\n[storage]\n[server]\nidle_secs = \
            7\nlogin_secs = 9\n";
        let reported = [
            "3: [server] idle_secs: set in line 2 already; expected it once",
            "5: [server] began in line 1 already; expected it once",
            "6: [server] idle_secs: set in line 2 already; expected it once",
        ];
        assert_eq!(mistakes_of(twice), reported);
    }

    #[test]
    fn a_line_that_is_nothing_is_refused() {
        let table = [
            ("[server", "1: [server: a section without its closing `]`; expected [section]"),
            ("[server] x", "1: [server] x: a section without its closing `]`; expected [section]"),
            (
                "[server]\nidle_secs",
                "2: \"idle_secs\" is no setting; expected `key = value`, [section] or a ; comment",
            ),
            (
                "[server]\nidle_secs = 5 \\\n6",
                "2: [server] idle_secs: ends with a backslash; expected the whole value",
            ),
            (
                "[server]\nidle_secs = 5\rlogin_secs = 7",
                "2: a control character; expected plain text",
            ),
            ("[server]\n\u{1b}[2J = 5", "2: a control character; expected plain text"),
            ("[server]\n\u{202e}x = 5", "2: [server] \\u{202e}x: unknown key; expected"),
        ];
        for (text, mistake) in table {
            assert!(mistakes_of(text)[0].starts_with(mistake), "{:?}", mistakes_of(text));
        }
        let long = format!("[server]\n{} = 5", "x".repeat(1000));
        let reported = mistakes_of(&long).concat();
        assert!(reported.starts_with(&format!("2: [server] {}...: unknown key", "x".repeat(60))));
    }

    #[test]
    fn all_mistakes_are_reported_at_once_in_the_order_of_their_lines() {
        let text =
            "[server]\nidle_secs = soon\nwhat = 1\n[mars]\nx = 1\n[transfer]\ndigest = crc\n?\n";
        let lines: Vec<String> =
            mistakes_of(text).iter().map(|mistake| mistake[..2].into()).collect();
        assert_eq!(lines, ["2:", "3:", "4:", "7:", "8:"]);
    }

    #[test]
    fn people_may_write_it_in_many_ways() {
        let text = "\u{feff}# remark\r\n  ; remark = not a key\r\n [server] \
                \r\n\tidle_secs=5\r\nlisten:[::1]:0\r\n\r\n[storage]\nmin_free = 0";
        let config = Config::read(Some(text.as_bytes())).unwrap();
        assert_eq!((config.server.idle_secs, config.storage.min_free), (5, 0));
        assert_eq!(config.server.listen, "[::1]:0".parse().unwrap());
        assert_eq!(config.server.login_secs, Config::default().server.login_secs);
    }
}
