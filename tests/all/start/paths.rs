//! Where configuration and data are looked for.

use std::fs;
use std::path::Path;

use super::miniftpd;
use crate::harness::{Miniftp, Site};

/// Makes a directory that is taken for a configuration.
fn configuration(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::write(path.join("server.ini"), "").unwrap();
}

/// The chosen configuration and data, as `miniftpd paths` says them.
#[track_caller]
fn chosen(program: Miniftp, words: &[&str]) -> (String, String) {
    let said = program.run(&[&["paths"], words].concat());
    let line = |title: &str| {
        let line = said.out.lines().find_map(|line| line.strip_prefix(title));
        line.unwrap_or_else(|| panic!("{}", said.tell())).to_owned()
    };
    assert!(said.out.matches("  chosen: ").count() <= 2, "{}", said.tell());
    (line("configuration: "), line("data: "))
}

/// Each place is added above the one before, and is the one from then on.
#[test]
fn the_first_place_in_the_order_counts() {
    let site = Site::new();
    let dir = site.root().join("new");
    let at = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    fs::create_dir(&dir).unwrap();
    let program = || Miniftp::server_program(&dir);
    // Neither the directory of another program nor that of the client is one of the server's.
    fs::create_dir_all(dir.join(".config/miniftp")).unwrap();
    fs::create_dir(dir.join("conf")).unwrap();
    fs::create_dir_all(dir.join("home/somebody")).unwrap();
    if !Path::new("/etc/miniftp").exists() && !Path::new("/var/lib/miniftp").exists() {
        let (conf, data) = chosen(program(), &[]);
        assert_eq!((conf, data), ("none".to_owned(), at(".local/share/miniftp")));
    }
    configuration(&dir.join(".config/miniftp"));
    assert_eq!(chosen(program(), &[]), (at(".config/miniftp"), at(".local/share/miniftp")));
    configuration(&dir.join("xdg/miniftp"));
    fs::create_dir_all(dir.join("data/miniftp")).unwrap();
    let xdg = |program: Miniftp| {
        program.env("XDG_CONFIG_HOME", &at("xdg")).env("XDG_DATA_HOME", &at("data"))
    };
    assert_eq!(chosen(xdg(program()), &[]), (at("xdg/miniftp"), at("data/miniftp")));
    // Relative paths there count as none.
    let relative = program().env("XDG_CONFIG_HOME", "xdg").env("XDG_DATA_HOME", "data");
    assert_eq!(chosen(relative, &[]), (at(".config/miniftp"), at(".local/share/miniftp")));
    fs::write(dir.join("conf/accounts.ini"), "").unwrap();
    assert_eq!(chosen(xdg(program()), &[]), (at("conf"), at("home")));
    let named =
        || xdg(program()).env("MINIFTP_CONF", &at("xdg/miniftp")).env("MINIFTP_HOME", &at("d"));
    assert_eq!(chosen(named(), &[]), (at("xdg/miniftp"), at("d")));
    let words = ["--conf", "other", "--home", "there"];
    assert_eq!(chosen(named(), &words), (at("other"), at("there")));
    // An empty variable says nothing.
    let empty = xdg(program()).env("MINIFTP_CONF", "").env("MINIFTP_HOME", "");
    assert_eq!(chosen(empty, &[]), (at("conf"), at("home")));
}

#[test]
fn what_was_chosen_is_explained() {
    let site = Site::new();
    let (dir, shown) = (site.local(), site.local().display().to_string());
    configuration(&dir.join("conf"));
    configuration(&dir.join(".config/miniftp"));
    let said = miniftpd(&dir, &["paths", "--home", "h"]);
    let conf = format!(
        "configuration: {shown}/conf\n  --conf{blank}  not given\n  MINIFTP_CONF{less}  not set\n  \
         ./conf{blank}  chosen: it has server.ini\n  {shown}/.config/miniftp  it has server.ini, \
         but another place comes first\n  /etc/miniftp{less}  ",
        blank = " ".repeat(shown.len() + 16 - 6),
        less = " ".repeat(shown.len() + 16 - 12),
    );
    said.ok().stdout_has(&conf).stdout_has(&format!("\ndata: {shown}/h\n  --home"));
    said.stdout_has("  chosen: named\n");
}

/// Every command that needs a configuration says the same, and makes nothing.
#[test]
fn without_a_configuration_the_advice_is_printed() {
    let site = Site::new();
    if Path::new("/etc/miniftp").exists() {
        eprintln!("skipped: this machine has a configuration");
        return;
    }
    let config = site.local().join(".config/miniftp");
    let advice = format!(
        "miniftpd: there is no configuration; looked at ./conf, {}, /etc/miniftp. Run next:
  miniftpd share DIR         serve one directory at once, without any configuration
  miniftpd init              write conf and home into this directory; asks for a password
  miniftpd                   run the server, until Ctrl-C
  miniftp -u admin           in a second terminal: the client, on this machine
  miniftpd account add NAME  an account for somebody else
",
        config.display()
    );
    for words in [&[][..], &["check"], &["account", "list"], &["--listen", "0"]] {
        miniftpd(&site.local(), words).fails(1).stdout("").stderr(&advice);
    }
    miniftpd(&site.local(), &["paths"]).fails(1).stdout_has("configuration: none\n");
    assert_eq!(fs::read_dir(site.local()).unwrap().count(), 0);
    // A directory that is named is not looked for.
    let said = miniftpd(&site.local(), &["--conf", "nowhere"]);
    said.fails(1).stderr_has("nowhere/server.ini: no such file");
}
