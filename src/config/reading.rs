//! From the text of a settings file to a [`Config`], or to every fault in it.
//!
//! rust-ini takes more than people mean: a second section or key of the same name passes, a key may
//! span lines, an indented remark swallows what follows. So the lines are looked at first, each
//! alone, and rust-ini is given only those that are sound and known, in their plainest form.
//!
//! Never: keeps a value of a file with a fault.

use std::io;
use std::path::Path;

use ini::{Ini, ParseOption};

use crate::limits;
use crate::text::{self, Escaped};
use crate::version;

use super::settings::{Setting, settings};
use super::{Config, Fault};

/// Characters of a wrong name or value that are shown.
const SHOWN: usize = 60;

/// The text of the file, unless it is too long or not UTF-8.
pub(super) fn text_of(path: &Path) -> Result<String, Vec<Fault>> {
    let failed = |err: io::Error| {
        vec![match err.kind() {
            io::ErrorKind::NotFound => fault(
                0,
                "no such file; `miniftpd --print-config` prints one to put there".to_string(),
            ),
            _ => fault(0, format!("cannot be read: {err}")),
        }]
    };
    let (bytes, _) = version::read(path, limits::SETTINGS_FILE).map_err(failed)?;
    if bytes.len() as u64 > limits::SETTINGS_FILE {
        return Err(vec![fault(0, format!("longer than {} bytes", limits::SETTINGS_FILE))]);
    }
    String::from_utf8(bytes).map_err(|err| {
        let sound = &err.as_bytes()[..err.utf8_error().valid_up_to()];
        let line = 1 + sound.iter().filter(|byte| **byte == b'\n').count();
        vec![fault(line, "not UTF-8 text".to_string())]
    })
}

/// The settings in `text`: all of them, or all faults in the order of their lines.
pub(super) fn config_of(text: &str) -> Result<Config, Vec<Fault>> {
    values_of(text).map(|(config, _)| config)
}

/// The same, and what each row of [`settings()`] is there, as it is written.
pub(super) fn values_of(text: &str) -> Result<(Config, Vec<String>), Vec<Fault>> {
    let mut scan = Scan::default();
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if let Err(text) = scan.take(i + 1, line) {
            scan.faults.push(fault(i + 1, text));
        }
    }
    let mut faults = scan.faults;
    let mut config = Config::default();
    let mut values: Vec<String> = settings().map(|row| row.default.to_owned()).collect();
    let options =
        ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
    match Ini::load_from_str_opt(&scan.sound, options) {
        Err(err) => faults.push(fault(0, format!("cannot be read: {err}"))),
        Ok(ini) => {
            for ((setting, line), kept) in settings().zip(scan.lines).zip(&mut values) {
                let mut sections = ini.section_all(Some(setting.section));
                let value = sections.find_map(|section| section.get(setting.key));
                let Some(line) = line else { continue };
                if let Err(text) = set(&mut config, setting, value) {
                    faults.push(fault(line, text));
                }
                *kept = value.unwrap_or_default().to_owned();
            }
        }
    }
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok((config, values)) } else { Err(faults) }
}

/// Sets a setting that the file names.
fn set(config: &mut Config, setting: &Setting, value: Option<&str>) -> Result<(), String> {
    let value = value.unwrap_or_default();
    setting.form.set(config, value).ok_or_else(|| {
        let Setting { section, key, form, .. } = setting;
        let remark =
            if value.contains([';', '#']) { "; a remark has its line to itself" } else { "" };
        format!("[{section}] {key}: expected {form}, got \"{}\"{remark}", shown(value))
    })
}

/// What the lines seen so far amount to.
struct Scan {
    /// The section that the next line belongs to; `None` before the first and in unknown ones.
    section: Option<&'static str>,
    /// Whether any section has begun, known or not.
    begun: bool,
    /// The sections seen, and the line of each.
    sections: Vec<(&'static str, usize)>,
    /// For each row of [`settings()`] the line that names it.
    lines: Vec<Option<usize>>,
    /// What rust-ini is to read.
    sound: String,
    faults: Vec<Fault>,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            section: None,
            begun: false,
            sections: Vec::new(),
            lines: vec![None; settings().count()],
            sound: String::new(),
            faults: Vec::new(),
        }
    }
}

impl Scan {
    /// Takes one line, or says what is wrong with it.
    fn take(&mut self, number: usize, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#']) {
            return Ok(());
        }
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err("a control character".to_string());
        }
        if let Some(rest) = line.strip_prefix('[') {
            self.begun = true;
            self.section = None;
            let name = rest.strip_suffix(']').ok_or("a section without its closing `]`")?;
            return self.take_section(number, name.trim());
        }
        let (key, value) = line.split_once(['=', ':']).ok_or_else(|| {
            format!("expected `key = value`, `[section]` or a remark, got \"{}\"", shown(line))
        })?;
        if line.ends_with('\\') {
            return Err("a line cannot go on in the next one".to_string());
        }
        match (self.section, self.begun) {
            (Some(section), _) => self.take_key(number, section, key.trim(), value.trim()),
            // The fault is the section's, and told there.
            (None, true) => Ok(()),
            (None, false) => {
                Err(format!("`{}` stands before the first [section]", shown(key.trim())))
            }
        }
    }

    fn take_section(&mut self, number: usize, name: &str) -> Result<(), String> {
        let Some(known) = settings().find(|setting| setting.section == name) else {
            let hint = match nearest(name, settings().map(|setting| setting.section)) {
                Some(near) => format!("; did you mean [{near}]?"),
                None => String::new(),
            };
            return Err(format!("unknown section [{}]{hint}", shown(name)));
        };
        self.section = Some(known.section);
        self.sound += &format!("[{name}]\n");
        if let Some((_, first)) = self.sections.iter().find(|(seen, _)| *seen == name) {
            return Err(format!("[{name}] began in line {first} already"));
        }
        self.sections.push((known.section, number));
        Ok(())
    }

    fn take_key(
        &mut self,
        number: usize,
        section: &'static str,
        key: &str,
        value: &str,
    ) -> Result<(), String> {
        let row = settings().position(|row| row.section == section && row.key == key);
        let Some(row) = row else {
            return Err(format!("[{section}] {}: unknown key{}", shown(key), hint(section, key)));
        };
        if let Some(first) = self.lines[row] {
            return Err(format!("[{section}] {key}: set in line {first} already"));
        }
        self.lines[row] = Some(number);
        self.sound += &format!("{key} = {value}\n");
        Ok(())
    }
}

/// What may have been meant by an unknown key: a key of another section, or one like it.
fn hint(section: &str, key: &str) -> String {
    if let Some(setting) = settings().find(|setting| setting.key == key) {
        return format!("; it belongs under [{}]", setting.section);
    }
    let here = settings().filter(|setting| setting.section == section);
    match nearest(key, here.map(|setting| setting.key)) {
        Some(near) => format!(", did you mean `{near}`?"),
        None => String::new(),
    }
}

/// The name most like `name`, if one is like it at all; letter case does not count.
fn nearest(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    text::nearest(&name.to_lowercase(), names)
}

/// The beginning of what stands in the file, made harmless.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", Escaped(&text[..end])),
        None => Escaped(text).to_string(),
    }
}

fn fault(line: usize, text: String) -> Fault {
    Fault { line, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let faults = config_of(text).err().unwrap_or_default();
        faults.iter().map(|fault| format!("{}: {}", fault.line, fault.text)).collect()
    }

    #[test]
    fn a_bad_value_is_told_with_line_key_and_what_was_expected() {
        let address = "an address and a port, such as 127.0.0.1:2020 or [::1]:2020";
        let secs = "whole seconds from 1 to 86400";
        let count = "a whole number from 1 to 100000";
        let size = "a size of 0 or more, such as 512K, 10M or 1.5G";
        let table = [
            ("server", "listen", "localhost:2020", address),
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
            let told = faults_of(&format!("; remark\n\n[{section}]\n\n{key} = {value}\n"));
            let name = format!("[{section}] {key}");
            assert_eq!(told, [format!("5: {name}: expected {expected}, got \"{value}\"")]);
        }
        let told = faults_of("[server]\nidle_secs = 60 ; a minute");
        assert!(told[0].ends_with("got \"60 ; a minute\"; a remark has its line to itself"));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        let table = [
            (
                "[server]\nidle_sec = 5",
                "2: [server] idle_sec: unknown key, did you mean `idle_secs`?",
            ),
            ("[server]\nListen = 5", "2: [server] Listen: unknown key, did you mean `listen`?"),
            ("[server]\ncolour = red", "2: [server] colour: unknown key"),
            (
                "[server]\ndigest = md5",
                "2: [server] digest: unknown key; it belongs under [transfer]",
            ),
            ("[servr]\nx = 5", "1: unknown section [servr]; did you mean [server]?"),
            ("[gopher]\nx = 5", "1: unknown section [gopher]"),
            ("[]", "1: unknown section []"),
            ("idle_secs = 5", "1: `idle_secs` stands before the first [section]"),
        ];
        for (text, fault) in table {
            assert_eq!(faults_of(text), [fault]);
        }
    }

    #[test]
    fn what_stands_twice_is_refused() {
        let twice = "[server]\nidle_secs = 5\nidle_secs = 6\n[storage]\n[server]\nidle_secs = \
            7\nlogin_secs = 9\n";
        let told = [
            "3: [server] idle_secs: set in line 2 already",
            "5: [server] began in line 1 already",
            "6: [server] idle_secs: set in line 2 already",
        ];
        assert_eq!(faults_of(twice), told);
    }

    #[test]
    fn a_line_that_is_nothing_is_refused() {
        let table = [
            ("[server", "1: a section without its closing `]`"),
            ("[server] x", "1: a section without its closing `]`"),
            (
                "[server]\nidle_secs",
                "2: expected `key = value`, `[section]` or a remark, got \"idle_secs\"",
            ),
            ("[server]\nidle_secs = 5 \\\n6", "2: a line cannot go on in the next one"),
            ("[server]\nidle_secs = 5\rlogin_secs = 7", "2: a control character"),
            ("[server]\n\u{1b}[2J = 5", "2: a control character"),
            ("[server]\n\u{202e}x = 5", "2: [server] \\u{202e}x: unknown key"),
        ];
        for (text, fault) in table {
            assert_eq!(faults_of(text)[0], fault);
        }
        let long = format!("[server]\n{} = 5", "x".repeat(1000));
        assert_eq!(
            faults_of(&long),
            [format!("2: [server] {}...: unknown key", "x".repeat(SHOWN))]
        );
    }

    #[test]
    fn all_faults_are_told_at_once_in_the_order_of_their_lines() {
        let text =
            "[server]\nidle_secs = soon\nwhat = 1\n[mars]\nx = 1\n[transfer]\ndigest = crc\n?\n";
        let lines: Vec<String> = faults_of(text).iter().map(|fault| fault[..2].into()).collect();
        assert_eq!(lines, ["2:", "3:", "4:", "7:", "8:"]);
    }

    #[test]
    fn people_may_write_it_in_many_ways() {
        let config = config_of(
            "\u{feff}# remark\r\n  ; remark = not a key\r\n [server] \
                \r\n\tidle_secs=5\r\nlisten:[::1]:0\r\n\r\n[storage]\nmin_free = 0",
        )
        .unwrap();
        assert_eq!((config.idle_secs, config.min_free_bytes), (5, 0));
        assert_eq!(config.listen, "[::1]:0".parse().unwrap());
        assert_eq!(config.login_secs, Config::default().login_secs);
    }
}
