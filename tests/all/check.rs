//! `miniftpd check` names every fault with file, line and repair, and tells what would change.

use std::fs;
use std::net::TcpListener;

use crate::harness::{FtpTalk, Output, Site, bytes, eventually};

fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "2M");
    site
}

fn check(site: &Site) -> Output {
    // Ports of the system's choice: another test may have those of the settings.
    site.miniftpd(&["check", "--listen", "127.0.0.1:0", "--ftp", "127.0.0.1:0"], "")
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
    let ports = ["--listen", "127.0.0.1:0", "--ftp", "127.0.0.1:0"];
    let words =
        [&["check", "--conf", "draft", "--home", home.to_str().unwrap()], &ports[..]].concat();
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
    let (changes, _) = told.out.split_once("limits of entries").unwrap();
    assert_eq!(changes.matches("\n  ").count(), 6, "{}", told.out);
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

/// Makes something that a start refuses, and gives further words of the command line.
type Spoil = fn(&Site) -> Vec<String>;

#[test]
fn what_the_start_would_refuse_is_found() {
    let table: [(&str, Spoil); 7] = [
        ("cannot listen on 127.0.0.1:", |site| {
            let taken = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = taken.local_addr().unwrap().to_string();
            // Held until the test's process ends.
            std::mem::forget(taken);
            let _ = site;
            vec!["--listen".into(), address]
        }),
        ("cannot listen on 127.0.0.1:", |_| {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            vec!["--listen".into(), free.clone(), "--ftp".into(), free]
        }),
        ("the log ", |site| {
            site.setting("log", "file", "a.log");
            std::os::unix::fs::symlink("no/such/b.log", site.conf().join("a.log")).unwrap();
            Vec::new()
        }),
        ("the log ", |site| {
            site.setting("log", "file", "no/such/directory/a.log");
            Vec::new()
        }),
        ("the log ", |site| {
            fs::create_dir(site.conf().join("a.log")).unwrap();
            site.setting("log", "xferlog", "a.log");
            Vec::new()
        }),
        ("the home ", |site| {
            fs::remove_dir(site.home()).unwrap();
            fs::write(site.home(), "no directory").unwrap();
            Vec::new()
        }),
        ("[pub] dir: /none/at/all: no such folder", |site| {
            let text = "[pub]\nat = /pub\ndir = /none/at/all\nfor = all\nrights = read\n";
            fs::write(site.conf().join("mounts.ini"), text).unwrap();
            Vec::new()
        }),
    ];
    for (words, spoil) in table {
        let site = site();
        let more = spoil(&site);
        let with = |first: &[&str]| {
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            let all = [first, &["--listen", "127.0.0.1:0", "--ftp", "off"], &more].concat();
            site.miniftpd(&all, "")
        };
        let told = with(&["check"]);
        assert!(told.out.contains(words), "{words}\n{}", told.out);
        told.fails(1);
        with(&[]).fails(1);
        assert!(!site.conf().join("no").exists(), "a check makes nothing");
    }
}

#[test]
fn a_log_that_could_be_made_is_not_made() {
    let site = site();
    site.setting("log", "file", "a.log");
    check(&site).ok();
    assert!(!site.conf().join("a.log").exists());
}

#[test]
fn a_mount_that_another_server_has_is_found_where_something_may_be_stored_in_it() {
    let (one, other) = (site(), site());
    let shared = one.local().join("shared");
    fs::create_dir(&shared).unwrap();
    let shown = shared.to_str().unwrap();
    let text =
        format!("[pub]\nat = /pub\ndir = {shown}\nfor = all\nrights = read, write\nsize = 1M\n");
    for site in [&one, &other] {
        fs::write(site.conf().join("mounts.ini"), &text).unwrap();
    }
    check(&other).ok();
    let daemon = one.start();
    let told = check(&other);
    told.fails(1);
    assert!(told.out.contains("in use by another miniftpd"), "{}", told.out);
    check(&one).ok();
    drop(daemon);
    check(&other).ok();
    // What is only read needs no lock, and several servers may show it.
    let text = text.replace("rights = read, write\nsize = 1M\n", "rights = read\n");
    for site in [&one, &other] {
        fs::write(site.conf().join("mounts.ini"), &text).unwrap();
    }
    let _daemon = one.start();
    check(&other).ok();
}

#[test]
fn accounts_whose_passwords_are_too_slow_to_check_are_named() {
    let site = site();
    let path = site.conf().join("accounts.ini");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("SCRAM-SHA-256$4096:", "SCRAM-SHA-256$5000000:", 1)).unwrap();
    let told = check(&site);
    told.ok();
    let words = "passwords of more than 16384 iterations are not checked by FTP (ann)";
    assert!(told.out.contains(words), "{}", told.out);
}

/// The bytes of the last line of the table.
fn worst_case(site: &Site) -> u64 {
    let told = check(site);
    let (_, table) = told.out.split_once("memory in the worst case").expect(&told.out);
    let last = table.trim_end().lines().last().unwrap().trim();
    let size = last.split_once("  in all").unwrap().0.replace("iB", "").replace(' ', "");
    miniftp::text::parse_size(&size).unwrap_or_else(|| panic!("{last}"))
}

#[test]
fn the_worst_case_of_memory_grows_with_the_connections_and_is_not_exceeded() {
    const MANY: usize = 24;
    let site = site();
    site.account("cid", "unlimited").setting("server", "connections", "100");
    let hundred = worst_case(&site);
    site.setting("server", "connections", &(MANY + 1).to_string());
    let most = worst_case(&site);
    let each = (hundred - most) / (100 - MANY as u64 - 1);
    assert!((1 << 20..8 << 20).contains(&each), "{each}");
    let daemon = site.start();
    let content = bytes(5, 4 << 20);
    daemon.login("bob").store("/seed", b"x", 0).expect(900);
    let rested = daemon.rss_bytes();
    // Half of them in the middle of a frame, half before a download that nobody reads: whoever is
    // slow has a small block, however large the frame or the file is.
    let mut uploads: Vec<_> = (0..MANY / 2).map(|_| daemon.login("cid")).collect();
    for (n, frames) in uploads.iter_mut().enumerate() {
        frames.put(&format!("/f{n}"), 1 << 20, 2).expect(802);
        frames.begin_chunk(0, &content[..1 << 20], (1 << 20) - 1);
    }
    let mut talks: Vec<FtpTalk> = (0..MANY / 2).map(|_| daemon.ftp("bob")).collect();
    fs::create_dir_all(site.home().join("bob")).unwrap();
    fs::write(site.home().join("bob/large"), vec![7; 64 << 20]).unwrap();
    let data: Vec<_> = talks.iter_mut().map(|talk| talk.begin("RETR large")).collect();
    eventually("the blocks are full", || daemon.rss_bytes() > rested + MANY as u64 * (64 << 10));
    let busy = daemon.rss_bytes();
    assert!(busy < most, "{busy} bytes, {most} were the worst case");
    let many = MANY as u64 * (256 << 10);
    assert!(busy - rested < many, "{busy} - {rested} is more than {many}");
    for frames in &mut uploads {
        frames.send_bytes(&content[(1 << 20) - 1..1 << 20]);
        frames.read_last().expect(900);
    }
    drop(data);
}

#[test]
fn the_limits_of_entries_are_shown_with_what_the_disk_has() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").account("cid", "1M");
    site.setting("storage", "entries", "4321");
    site.miniftpd(&["account", "quota", "ann", "1M", "--entries", "77"], "").ok();
    let section = |name: &str, size: &str| {
        format!("[{name}]\nat = /{name}\ndir = {name}\nfor = all\nrights = read, write\n{size}\n")
    };
    let all = section("own", "size = 1M\nentries = unlimited") + &section("paid", "size = account");
    fs::write(site.conf().join("mounts.ini"), all).unwrap();
    let told = check(&site);
    let (_, table) = told.ok().out.split_once("limits of entries").expect(&told.out);
    let expected = [
        "          77  accounts: 1",
        "        4321  accounts: 2",
        "   unlimited  mount [own]",
        "the disk of the homes has, of which 1000 stay free",
    ];
    for (row, expected) in table.lines().skip(1).zip(expected) {
        assert!(row.ends_with(expected), "{row}\n{expected}\n{}", told.out);
    }
}

#[test]
fn limits_that_could_exceed_the_budget_of_memory_are_refused() {
    let site = site();
    site.setting("server", "memory", "512M");
    let words = "[server] memory: these limits allow ";
    let told = check(&site);
    told.fails(1).stdout_has(words).stdout_has(", and the budget is 512.0 MiB; connections = ");
    let at = told.out.find("; connections = ").unwrap() + "; connections = ".len();
    let fits: u32 = told.out[at..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap();
    let start = site.miniftpd(&["--listen", "127.0.0.1:0", "--ftp", "off"], "");
    start.fails(1).stderr_has(words);
    // What is said to fit does, and one more does not.
    site.setting("server", "connections", &(fits + 1).to_string());
    check(&site).fails(1).stdout_has(words);
    site.setting("server", "connections", &fits.to_string());
    check(&site).ok().stdout_has("512.0 MiB  is the budget, [server] memory\n");
    // An edit of a server that runs is refused like every other mistake.
    let daemon = site.start();
    site.setting("server", "connections", "2000");
    daemon.wait_for_log(words);
    daemon.wait_for_log("the settings stay as they were until it is fixed");
    // A budget that not even a connection fits into says what the server itself needs.
    site.setting("server", "memory", "32M");
    check(&site).fails(1).stdout_has("the server itself may take ");
}

/// For up to a second it said that what had been done was still to come.
#[test]
fn what_a_command_has_done_is_in_force() {
    let site = site();
    let _daemon = site.start();
    settled(&site);
    for command in ["quota ann 9M", "role bob admin", "close ann"] {
        let words: Vec<&str> = ["account"].into_iter().chain(command.split(' ')).collect();
        site.miniftpd(&words, "").ok();
        check(&site).ok().stdout_has("nothing would change");
    }
    site.miniftpd(&["account", "add", "carl"], "a secret\n").ok();
    check(&site).ok().stdout_has("nothing would change");
}
