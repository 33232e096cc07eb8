//! `miniftpd check` names every fault with file, line and repair, and tells what would change.

use std::fs;

use crate::harness::{Output, Site, eventually};

fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "2M");
    site
}

fn check(site: &Site) -> Output {
    site.miniftpd(&["check"], "")
}

/// Waits until the running server has noted what counts now.
fn settled(site: &Site) {
    eventually("the server has everything", || check(site).out.contains("nothing would change"));
}

/// The line of a file with this text, from 1.
fn line_of(text: &str, wanted: &str) -> usize {
    1 + text.lines().position(|line| line == wanted).unwrap_or_else(|| panic!("no {wanted}"))
}

#[test]
fn a_good_folder_is_good_and_before_the_first_start_all_of_it_is_new() {
    let site = site();
    let told = check(&site);
    told.ok();
    for words in [
        "server.ini: good\n",
        "accounts.ini: good, 2 accounts\n",
        "mounts.ini: good, 0 mounts\n",
        "no server has run on ",
    ] {
        assert!(told.out.contains(words), "{words}\n{}", told.out);
    }
    let made = fs::read_dir(site.home()).unwrap().count();
    assert_eq!(made, 0, "a check makes nothing");
}

#[test]
fn every_fault_of_every_file_is_told_with_its_line_and_the_repair() {
    let site = site();
    let daemon = site.start();
    settled(&site);
    let [server, accounts] = ["server.ini", "accounts.ini"].map(|name| site.conf().join(name));
    let text = fs::read_to_string(&server).unwrap();
    let text = text.replace("idle_secs = 600", "idle_secs = ten").replace("[ftp]", "[fpt]");
    fs::write(&server, &text).unwrap();
    let people = fs::read_to_string(&accounts).unwrap();
    let people = people
        .replacen("quota = 1M", "quota = lots", 1)
        .replacen("role = user", "role = king", 1)
        .replacen("state = active", "stat = active", 2);
    fs::write(&accounts, &people).unwrap();
    fs::write(site.conf().join("mounts.ini"), "[pub]\nat = /pub\ndir = pub\nrights = raed\n")
        .unwrap();
    fs::write(site.conf().join("invites.ini"), "[SPRING-7Q2K]\nuses = many\nuntil = soon\n")
        .unwrap();
    fs::write(site.conf().join("class.csv"), "name,quota\nann,lots\nno name,5M\n").unwrap();
    let told = check(&site);
    told.fails(1);
    let lines = [
        ("server.ini", line_of(&text, "idle_secs = ten"), "expected whole seconds from 1 to 86400"),
        ("server.ini", line_of(&text, "[fpt]"), "did you mean [ftp]?"),
        ("accounts.ini", line_of(&people, "quota = lots"), "a size like 10M, 1.5G or unlimited"),
        (
            "accounts.ini",
            line_of(&people, "role = king"),
            "\"king\" is not valid; expected user or admin",
        ),
        ("accounts.ini", line_of(&people, "stat = active"), "did you mean `state`?"),
        ("mounts.ini", 4, "expected read, write, modify"),
        ("invites.ini", 2, "expected a whole number"),
        ("invites.ini", 3, "expected a day such as"),
        ("class.csv", 2, "expected a size like 10M"),
        ("class.csv", 3, "`no name`: "),
    ];
    for (file, line, repair) in lines {
        let found = told.out.lines().find(|told| told.contains(&format!("/{file}:{line}: ")));
        let found = found.unwrap_or_else(|| panic!("nothing of {file}:{line}\n{}", told.out));
        assert!(found.contains(repair), "{found}\nshould say {repair}");
    }
    let faults = told.out.matches("accounts.ini:").count();
    assert!(faults >= 4, "both accounts have faults\n{}", told.out);
    assert!(told.out.contains("nothing of server.ini, accounts.ini, mounts.ini"), "{}", told.out);
    // And none of it counts.
    daemon.login("ann");
}

#[test]
fn a_draft_is_compared_with_what_counts() {
    let site = site();
    let _daemon = site.start();
    settled(&site);
    let draft = site.local().join("draft");
    fs::create_dir(&draft).unwrap();
    for name in ["server.ini", "accounts.ini"] {
        fs::copy(site.conf().join(name), draft.join(name)).unwrap();
    }
    let replace = |name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(draft.join(name)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(draft.join(name), text.replacen(from, to, 1)).unwrap();
    };
    replace("server.ini", "idle_secs = 600", "idle_secs = 60");
    replace("server.ini", "listen = 127.0.0.1:2020", "listen = 127.0.0.1:2099");
    replace("accounts.ini", "quota = 1M", "quota = 5M");
    replace("accounts.ini", "[bob]", "[carl]");
    fs::write(draft.join("mounts.ini"), "[pub]\nat = /pub\ndir = pub\nfor = all\nrights = read\n")
        .unwrap();
    let home = site.home();
    let words = ["check", "--conf", "draft", "--home", home.to_str().unwrap()];
    let told = crate::harness::Miniftp::server_program(&site.local()).run(&words);
    told.ok();
    for line in [
        "  accounts.ini  [ann] quota = 5M, now 1M\n",
        "  accounts.ini  [bob] is there no more\n",
        "  accounts.ini  [carl] is new\n",
        "  mounts.ini  [pub] is new\n",
        "  server.ini  [server] idle_secs = 60, now 600\n",
        "  server.ini  [server] listen = 127.0.0.1:2099, now 127.0.0.1:2020 (it counts at the next \
         start)\n",
    ] {
        assert!(told.out.contains(line), "{line}\n{}", told.out);
    }
    assert_eq!(told.out.matches("\n  ").count(), 6, "{}", told.out);
    assert!(!told.out.contains("SCRAM"), "{}", told.out);
    assert!(!site.home().join("pub").exists(), "a check makes nothing");
}

#[test]
fn what_is_edited_is_soon_what_counts() {
    let site = site();
    let _daemon = site.start();
    settled(&site);
    site.setting("server", "idle_secs", "60");
    site.miniftpd(&["account", "quota", "ann", "7M"], "").ok();
    settled(&site);
}
