//! Files that people edit while programs use and write them: nothing half saved counts, no edit is
//! lost, every mistake is told at once.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{FlockOperation, flock};

use crate::harness::{Frames, Raise, Site, eventually};

/// A section of accounts.ini as somebody would write it, without the generation of a file.
fn by_hand(site: &Site, name: &str) -> String {
    let text = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    let (_, section) = text.split_once(&format!("[{name}]\n")).unwrap();
    let lines: Vec<&str> = section.lines().take_while(|line| line.contains(" = ")).collect();
    format!("[{name}]\n{}\n", lines.join("\n"))
}

/// Saves a file as most editors do.
fn save(path: &Path, text: &str) {
    let fresh = path.with_extension("swp");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, path).unwrap();
}

#[test]
fn a_half_saved_file_never_counts() {
    let site = Site::new();
    site.account("ann", "100").account("bob", "1M");
    let (settings, accounts) = (site.conf().join("server.ini"), site.conf().join("accounts.ini"));
    site.setting("server", "connections", "30");
    let mounts = "[in]\nat = /in\ndir = in\nfor = all\nrights = read, write\nsize = 1000\n";
    fs::write(site.conf().join("mounts.ini"), mounts).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    // Each of these beginnings is a valid text that says something else.
    let half = |path: &Path, whole: &str, cut: &str| {
        let end = whole.find(cut).unwrap() + cut.len();
        fs::write(path, &whole[..end]).unwrap();
    };
    let whole = fs::read_to_string(&settings).unwrap();
    half(&settings, &whole, "\nconnections = 3");
    let whole = fs::read_to_string(&accounts).unwrap();
    half(&accounts, &whole, "state = active\n");
    half(&site.conf().join("mounts.ini"), mounts, "size = 1");
    ann.store("in/f", &[7; 900], 0).expect(900);
    assert_eq!(ann.quota().limit, Some(100));
    // Three more than the beginning allows.
    let here: Vec<Frames> = (0..4).map(|_| daemon.connect()).collect();
    daemon.login("bob");
    assert!(!daemon.whole_log().contains("connections = 3, was 30"), "{}", daemon.log());
    assert_eq!(here.len(), 4);
}

#[test]
fn what_an_editor_saves_while_programs_write_is_never_lost() {
    const SAVES: usize = 40;
    let site = Site::new();
    site.account("ann", "1M").account("left", "1").account("right", "1");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let ini = site.conf().join("accounts.ini");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = Raise(&stop);
        for name in ["left", "right"] {
            let (site, stop) = (&site, &stop);
            scope.spawn(move || {
                let mut n = 1;
                while !stop.load(Ordering::SeqCst) {
                    n += 1;
                    site.miniftpd(&["account", "quota", name, &n.to_string()], "");
                }
                // After the last save nothing is lost either.
                site.miniftpd(&["account", "quota", name, "7777"], "").ok();
            });
        }
        for n in 0..SAVES {
            // Whoever saves writes over what came since they read; what they saved stays.
            let text = fs::read_to_string(&ini).unwrap();
            let remark = format!("role = user\nremark = save {n}\n");
            let mut lines = text.lines().filter(|line| !line.starts_with("remark"));
            let text: String = lines.by_ref().map(|line| format!("{line}\n")).collect();
            save(&ini, &text.replacen("role = user\n", &remark, 1));
            for _ in 0..3 {
                // A program that was about to replace the file finds the save behind its exchange
                // of the two, and exchanges them back: for a moment the save cannot be seen.
                let saved = format!("remark = save {n}\n");
                let is_there = || fs::read_to_string(&ini).unwrap().contains(&saved);
                eventually(&format!("save {n} is there"), is_there);
                ann.pwd();
            }
        }
    });
    let accounts = site.accounts().current();
    assert_eq!(accounts.account("ann").unwrap().remark(), format!("save {}", SAVES - 1));
    for name in ["left", "right"] {
        assert_eq!(accounts.account(name).unwrap().quota_bytes, Some(7777));
    }
    assert!(!daemon.whole_log().contains("until it is fixed"), "{}", daemon.log());
}

#[test]
fn a_file_behind_a_symbolic_link_is_written_where_it_is() {
    let site = Site::new();
    let (ini, real) = (site.conf().join("accounts.ini"), site.local().join("people.ini"));
    fs::rename(&ini, &real).unwrap();
    symlink("../local/people.ini", &ini).unwrap();
    let daemon = site.start();
    site.miniftpd(&["account", "add", "ann"], "secret of ann\n").ok();
    assert!(fs::symlink_metadata(&ini).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("[ann]"));
    daemon.connect().log_in("ann", "secret of ann").expect(254);
    // An edit of the file that it leads to counts like any other.
    let text = fs::read_to_string(&real).unwrap();
    save(&real, &text.replace("state = active", "state = closed"));
    daemon.connect().log_in("ann", "secret of ann").expect(253);
}

#[test]
fn a_missing_file_of_accounts_is_made_by_the_first_account() {
    let site = Site::new();
    fs::remove_file(site.conf().join("accounts.ini")).unwrap();
    let check = site.miniftpd(&["check"], "");
    check.ok().stdout_has("accounts.ini: good, 0 accounts\n");
    site.miniftpd(&["account", "list"], "").ok();
    let daemon = site.start();
    daemon.connect().log_in("ann", "secret of ann").expect(253);
    site.miniftpd(&["account", "add", "ann"], "secret of ann\n").ok();
    daemon.connect().log_in("ann", "secret of ann").expect(254);
    // Lost while the server runs it loses nobody, and the next edit knows what was before.
    site.miniftpd(&["account", "add", "bob"], "secret of bob\n").ok();
    daemon.connect().log_in("bob", "secret of bob").expect(254);
    fs::remove_file(site.conf().join("accounts.ini")).unwrap();
    daemon.wait_for_log("accounts.ini: no such file");
    daemon.connect().log_in("bob", "secret of bob").expect(254);
    site.miniftpd(&["account", "add", "col"], "secret of col\n").ok();
    daemon.connect().log_in("ann", "secret of ann").expect(254);
    daemon.connect().log_in("col", "secret of col").expect(254);
}

#[test]
fn accounts_by_hand_need_no_closing_lines_and_must_be_whole() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let ini = site.conf().join("accounts.ini");
    let hand = format!("; ours\n{}\n{}", by_hand(&site, "ann"), by_hand(&site, "bob"));
    fs::write(&ini, &hand).unwrap();
    fs::remove_file(site.conf().join("accounts.ini.previous")).unwrap();
    let mut daemon = site.start();
    daemon.login("ann");
    site.miniftpd(&["account", "quota", "bob", "2M"], "").ok();
    assert_eq!(daemon.login("bob").quota().limit, Some(2 << 20));
    fs::write(&ini, &hand).unwrap();
    eventually("the edit counts", || daemon.login("bob").quota().limit == Some(1 << 20));
    // Cut off anywhere it is not whole, or has not ended.
    for end in [hand.len() - 1, hand.len() - 10, hand.find("[bob]").unwrap() + 6, 7] {
        fs::write(&ini, &hand[..end]).unwrap();
        site.miniftpd(&["check"], "").fails(1).stdout_has("accounts.ini:");
        daemon.login("bob");
    }
    fs::write(&ini, &hand).unwrap();
    daemon.restart();
    daemon.login("bob");
}

#[test]
fn check_tells_all_mistakes_of_all_files_in_one_form() {
    let site = Site::new();
    site.account("ann", "1M");
    let write = |name: &str, text: &str| fs::write(site.conf().join(name), text).unwrap();
    write("server.ini", "[server]\nidle_secs = soon\nport = 1\n[fpt]\n[ftp]\nlisten\n");
    let text = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    write("accounts.ini", &text.replace("quota = 1M\nrole = user", "quota = much\nroll = user"));
    write("mounts.ini", "[pub]\nat = pub\nrights = raed\n[pub]\n");
    write("bans.ini", "[account Ann]\n[account ann]\nuntil = soon\nby = \x07\n");
    write("networks.ini", "[Ann]\n[ann]\nnetworks = here 2026-01-01 00:00:00\n[bob]\n");
    write("registrations.ini", "generation = 1\n[1]\nstate = lost\n[end]\ngeneration = 2\n");
    write("invites.ini", "[SPRING-7Q2K]\nuses = many\nuntil = soon\n[A]\n");
    write("class.csv", "ann,lots\nno name,5M\nbob\nbob\n");
    let told = site.miniftpd(&["check"], "");
    told.fails(1);
    let (errors, _) = told.out.split_once("\n\n").unwrap();
    let wanted = [
        ("server.ini", 4),
        ("accounts.ini", 2),
        ("mounts.ini", 5),
        ("bans.ini", 4),
        ("networks.ini", 3),
        ("registrations.ini", 6),
        ("invites.ini", 3),
        ("class.csv", 3),
    ];
    for (file, count) in wanted {
        let start = format!("/{file}:");
        let lines: Vec<&str> = errors.lines().filter(|line| line.contains(&start)).collect();
        assert!(lines.len() >= count, "{file}: {lines:#?}");
        for line in lines {
            let (_, rest) = line.split_once(&start).unwrap();
            let (number, what) = rest.split_once(": ").unwrap();
            assert!(number.parse::<u32>().is_ok(), "{line}");
            let says_what = [" expected ", "; did you mean ", "; a name has "];
            assert!(says_what.iter().any(|words| what.contains(words)), "{line}");
        }
    }
}

#[test]
fn a_lock_that_another_program_holds_stops_nobody_but_who_needs_it() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let mut daemon = site.start();
    let ann = daemon.login("ann");
    let lock = File::options().write(true).open(site.conf().join("accounts.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    // From where bob logs in cannot be written; the server goes on to do what it does.
    daemon.login("bob");
    let ini = site.conf().join("accounts.ini");
    let text = fs::read_to_string(&ini).unwrap();
    save(&ini, &text.replacen("state = active", "state = closed", 1));
    ann.expect_bye(425);
    let is_written = || {
        let networks = fs::read_to_string(site.conf().join("networks.ini"));
        networks.is_ok_and(|text| text.contains("[bob]\nnetworks = 127.0.0.0/24 20"))
    };
    assert!(!is_written());
    site.miniftpd(&["account", "quota", "ann", "2M"], "")
        .fails(1)
        .stderr_has("accounts.lock: held by another program for more than 10 s; try again later");
    flock(&lock, FlockOperation::Unlock).unwrap();
    eventually("it is written", is_written);
    // Nor does it keep the server from leaving.
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    daemon.term();
    assert!(daemon.wait().success());
}

/// Run by root, a command made files that the server, which was not root, could not read: a ban
/// that was said to be done did nothing.
#[test]
fn new_files_belong_to_whom_the_folder_belongs_to() {
    const SERVERS: u32 = 65_534;
    let site = Site::new();
    fs::remove_file(site.conf().join("accounts.ini")).unwrap();
    let owner = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(site.conf(), Some(SERVERS), Some(SERVERS)).unwrap();
        SERVERS
    } else {
        rustix::process::geteuid().as_raw()
    };
    site.miniftpd(&["account", "add", "ann"], "a-secret\n").ok();
    site.miniftpd(&["account", "ban", "ann", "1h"], "").ok();
    for name in ["accounts.ini", "accounts.lock", "bans.ini"] {
        let made = fs::metadata(site.conf().join(name)).unwrap();
        assert_eq!((made.uid(), made.mode() & 0o777), (owner, 0o600), "{name}");
    }
}

/// An admin was told that the server failed, after a tenth of a second.
#[test]
fn whoever_changes_a_file_that_is_half_saved_waits_for_the_other_half() {
    let site = Site::new();
    site.admin("root").account("ann", "1M");
    let daemon = site.start();
    let mut root = daemon.login("root");
    let ini = site.conf().join("accounts.ini");
    let text = fs::read_to_string(&ini).unwrap();
    let (half, rest) = text.split_at(text.rfind("[root]").unwrap_or(text.len() / 2));
    fs::write(&ini, half).unwrap();
    thread::scope(|scope| {
        let asked = scope.spawn(|| root.admin("quota ann 5").code);
        // In place, as an editor does; whether the request has come meanwhile or not.
        let mut file = File::options().append(true).open(&ini).unwrap();
        std::io::Write::write_all(&mut file, rest.as_bytes()).unwrap();
        assert_eq!(asked.join().unwrap(), 200);
    });
    assert_eq!(daemon.login("ann").quota().limit, Some(5));
    // One that stays as it is is told as what it is.
    save(&ini, half);
    root.admin("quota ann 6").expect(269).says("the file has a mistake");
    save(&ini, &text);
    root.admin("quota ann 6").expect(200);
}

/// An editor that had the file open while the server replaced it wrote into the generation before;
/// the next change threw that away without a word.
#[test]
fn what_is_written_into_a_file_that_was_replaced_is_kept_and_told() {
    let site = Site::new();
    site.admin("root").account("ann", "1M");
    let daemon = site.start();
    let ini = site.conf().join("accounts.ini");
    let mut open = File::options().append(true).open(&ini).unwrap();
    site.miniftp("root", &["admin", "quota", "ann", "2M"]).ok();
    std::io::Write::write_all(&mut open, b"; by hand\n").unwrap();
    site.miniftp("root", &["admin", "quota", "ann", "3M"]).ok();
    daemon.wait_for_log("an edit came after the file was replaced; it is in ");
    let late = fs::read_to_string(site.conf().join("accounts.ini.late")).unwrap();
    assert!(late.contains("; by hand\n") && late.contains("quota = 1M"), "{late}");
    assert_eq!(daemon.login("ann").quota().limit, Some(3 << 20));
    site.miniftp("root", &["admin", "quota", "ann", "4M"]).ok();
    assert_eq!(daemon.log().matches("an edit came after").count(), 1);
}
