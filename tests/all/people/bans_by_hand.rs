//! Bans and pardons by an admin from afar, at the terminal, on the command line and in the file.

use std::fs;

use miniftp::limits;
use miniftp::scram::ClientExchange;
use miniftp::wire::{Login, Nothing};

use crate::harness::{Daemon, FtpTalk, Output, Site, eventually, password};

fn site() -> Site {
    let site = Site::new();
    site.admin("root").account("ann", "1M").account("bob", "1M");
    site
}

#[track_caller]
fn admin(site: &Site, words: &str) -> Output {
    let mut all = vec!["admin"];
    all.extend(words.split_whitespace());
    site.client("root").run(&all)
}

#[track_caller]
fn operator(site: &Site, words: &str) -> Output {
    let mut all = vec!["account"];
    all.extend(words.split_whitespace());
    site.miniftpd(&all, "")
}

/// Whether a login is begun at all; the password is not looked at.
fn is_banned(daemon: &Daemon, name: &str) -> bool {
    let mut frames = daemon.connect();
    frames.hello();
    let (_, first) = ClientExchange::begin(name).unwrap();
    frames.request("LOGIN", &Login::new(&first)).code == 288
}

#[test]
fn an_admin_bans_lists_and_pardons() {
    let site = site();
    let daemon = site.start();
    admin(&site, "bans").ok().stdout("nobody is banned\n");
    let (framed, mut ftp) = (daemon.login("ann"), daemon.ftp("ann"));
    admin(&site, "ban ann 2h sent too much").ok().stdout("account ann is banned; 2 sessions end\n");
    framed
        .expect_bye(427)
        .says("this session was ended by an administrator, or by its owner elsewhere");
    ftp.reply()
        .expect(421)
        .says("this session was ended by an administrator, or by its owner elsewhere");
    let told = "this account is banned: the administrator said so; try again in ";
    let mut talk = FtpTalk::connect(daemon.ftp_addr());
    let said = talk.log_in("ann", &password("ann")).expect(530).says(told).text();
    assert!(!said.contains("too much"), "the reason is not for strangers: {said}");
    let banned = "address 192.0.2.7 is banned; 0 sessions end\n";
    admin(&site, "ban 192.0.2.7 30m").ok().stdout(banned);
    admin(&site, "ban 2001:db8::7 ever a flood").ok();
    let listed = admin(&site, "bans").ok().out.clone();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    assert!(lines[1].starts_with("account  ann            20"), "{listed}");
    assert!(lines[1].ends_with("  root  sent too much"), "{listed}");
    assert!(lines[1].contains("  1 h 59 min  ") || lines[1].contains("  2 h  "), "{listed}");
    assert!(lines[2].starts_with("address  192.0.2.7      20"), "{listed}");
    assert!(lines[3].starts_with("address  2001:db8::/64  20"), "{listed}");
    assert!(lines[3].contains("  ever  ") && lines[3].ends_with("  root  a flood"), "{listed}");
    admin(&site, "pardon ann").ok();
    daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
    admin(&site, "pardon 2001:db8::/64").ok();
    admin(&site, "pardon ann").fails(1).stderr("miniftp: no ban of `ann`\n");
    admin(&site, "ban ann 2x").fails(2).stderr_has("expected a time like 30m, 2h or 7d, or ever");
    for line in [
        "root@127.0.0.1 ban ann for 2 h 2 sessions; sent too much",
        "root@127.0.0.1 ban 2001:db8::/64 for ever 0 sessions; a flood",
        "root@127.0.0.1 pardon ann\n",
        "root@127.0.0.1 pardon ann refused: no ban of `ann`",
    ] {
        daemon.wait_for_log(line);
    }
}

#[test]
fn nobody_bans_themselves_this_machine_or_the_last_admin() {
    let site = site();
    site.admin("boss");
    let daemon = site.start();
    let refused = |words: &str, told: &str| {
        admin(&site, words).fails(1).stderr(&format!("miniftp: {told}\n"));
    };
    refused("ban root 1h", "not now: you cannot ban yourself");
    refused("ban nobody 1h", "no account `nobody`");
    let misused = |words: &str, told: &str| {
        admin(&site, words).fails(2).stderr_has(told);
    };
    let never = "is not valid; this machine itself is never banned; usage: ban";
    misused("ban 127.0.0.1 1h", never);
    misused("ban ::1 1h", never);
    let form = "who: `192.0.2.777/8` is not valid; expected an account's name, or an address such \
        as 192.0.2.7";
    misused("ban 192.0.2.777/8 1h", form);
    // Of two admins one may go; the other one is the last.
    admin(&site, "ban boss 1h").ok();
    let mut boss = site.miniftpd(&["account", "pardon", "boss"], "");
    boss.ok();
    eventually("the pardon counts", || !is_banned(&daemon, "boss"));
    boss = site.client("boss").run(&["admin", "ban", "root", "1h"]);
    boss.ok();
    assert!(is_banned(&daemon, "root"));
    let mut frames = daemon.login("boss");
    frames.admin("ban boss ever").expect(269);
    frames.admin("ban ann 0s").expect(277);
    frames.admin("ban ann 18446744073709551615s").expect(277);
    frames.admin("ban ann soon").expect(277);
    let long = "x".repeat(limits::REMARK + 1);
    frames.admin(&format!("ban ann ever {long}")).expect(252);
    assert!(!is_banned(&daemon, "ann"));
}

#[test]
fn the_operator_bans_at_the_terminal() {
    let site = site();
    let mut daemon = site.start_with_console();
    let ann = daemon.login("ann");
    daemon.type_line("bans");
    daemon.wait_for_printed("nobody is banned\n");
    daemon.type_line("ban ann 2h not today");
    daemon.wait_for_printed("account ann is banned; one session ends\n");
    ann.expect_bye(427);
    daemon.type_line("bans");
    daemon.wait_for_printed("  operator  not today\n");
    daemon.type_line("ban root ever");
    daemon.wait_for_printed("there would be no admin left\n");
    daemon.type_line("pardon ann");
    daemon.wait_for_printed("account ann is pardoned\n");
    daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
    daemon.type_line("ban ann");
    daemon.wait_for_printed("The information you entered is incorrect.");
    daemon.wait_for_log("operator@terminal ban ann for 2 h 1 sessions; not today");
}

#[test]
fn the_command_line_works_beside_the_server_and_without_one() {
    let site = site();
    let daemon = site.start();
    let (ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    operator(&site, "ban ann ever").ok().stdout("account ann is banned; one session ends\n");
    assert!(is_banned(&daemon, "ann"), "it counts at once");
    ann.expect_bye(427);
    bob.request("PWD", &Nothing::new()).expect(200);
    daemon.wait_for_log("operator@command-line ban ann for ever 1 sessions\n");
    operator(&site, "bans").ok().stdout_has("account  ann  20");
    admin(&site, "ban bob 1h").ok();
    let listed = operator(&site, "bans").ok().out.clone();
    assert!(listed.contains("  ever  ") && listed.contains("  operator\n"), "{listed}");
    assert!(listed.contains("account  bob  20") && listed.contains("  root\n"), "{listed}");
    operator(&site, "pardon ann").ok().stdout("account ann is pardoned\n");
    assert!(!is_banned(&daemon, "ann"));
    assert!(is_banned(&daemon, "bob"));
    drop(daemon);
    operator(&site, "pardon bob").ok();
    operator(&site, "pardon bob").fails(1).stderr("miniftpd: no ban of `bob`\n");
    operator(&site, "ban nobody 1h").fails(1).stderr_has("no account `nobody`");
    operator(&site, "ban ann").fails(2);
    operator(&site, "ban ann soon").fails(2).stderr_has("expected a time like 30m, 2h or 7d");
    operator(&site, "bans").ok().stdout("nobody is banned\n");
    let banned = "account ann is banned; a running server ends its sessions\n";
    operator(&site, "ban ann ever").ok().stdout(banned);
}

#[test]
fn what_people_write_into_the_file_counts_and_a_slip_changes_nothing() {
    let site = site();
    let daemon = site.start();
    operator(&site, "ban ann ever").ok();
    let file = site.conf().join("bans.ini");
    let text = fs::read_to_string(&file).unwrap();
    let bob = daemon.login("bob");
    let hand = "[account bob]\nsince = 2026-01-01 00:00:00\nuntil = never\nby = me\n\n[end]";
    fs::write(&file, text.replace("[end]", hand)).unwrap();
    assert!(is_banned(&daemon, "bob"));
    bob.expect_bye(427);
    let both = fs::read_to_string(&file).unwrap();
    fs::write(&file, both.replace("never", "some time")).unwrap();
    daemon.wait_for_log("until: \"some time\" is not valid; expected a moment such as 2026-11-20 ");
    assert!(is_banned(&daemon, "ann") && is_banned(&daemon, "bob"));
    admin(&site, "pardon ann").fails(1);
    fs::remove_file(&file).unwrap();
    assert!(is_banned(&daemon, "ann"), "a file that is gone pardons nobody");
    fs::write(&file, text).unwrap();
    eventually("what was taken out is pardoned", || !is_banned(&daemon, "bob"));
    assert!(is_banned(&daemon, "ann"));
}
