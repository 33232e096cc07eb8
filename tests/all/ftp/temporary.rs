//! Temporary passwords, made by the real client: what they open, for how long, and what ends them.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use miniftp::limits;

use super::Scene;
use crate::harness::{
    Daemon, FtpTalk, Miniftp, Site, eventually, outer_address, password, write_file,
};

/// Makes one by the client; it is the only thing on standard output.
#[track_caller]
fn made(site: &Site, daemon: &Daemon, name: &str, options: &[&str]) -> String {
    let words = [&["ftp-password"], options].concat();
    let said = Miniftp::new(&site.local(), daemon.addr(), name).run(&words);
    said.ok().stderr_has(&format!("This password is good for FTP as {name} until "));
    let one = said.out.strip_suffix('\n').expect("a line").to_owned();
    assert!(one.len() == 24 && one.split('-').all(|group| group.len() == 4), "{one}");
    one
}

impl Scene {
    #[track_caller]
    fn temporary(&self, options: &[&str]) -> String {
        made(&self.site, &self.daemon, "ann", options)
    }

    /// The reply to a login with it from this machine.
    #[track_caller]
    fn comes_in(&self, one: &str) -> u16 {
        FtpTalk::connect(self.daemon.ftp_addr()).log_in("ann", one).code
    }

    fn file(&self) -> String {
        fs::read_to_string(self.site.conf().join("ftp-passwords.ini")).unwrap_or_default()
    }

    fn edit_file(&self, edit: impl Fn(&str) -> String) {
        fs::write(self.site.conf().join("ftp-passwords.ini"), edit(&self.file())).unwrap();
    }
}

fn prefix(one: &str) -> &str {
    &one[..4]
}

/// What others could read on the way is a password that is over soon, and never the account's own.
#[test]
fn one_is_taken_in_clear_from_elsewhere_and_no_other_password_is() {
    let Some(outer) = outer_address() else { return };
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let daemon = Daemon::start_ftp_on(&site, outer);
    let mut far = FtpTalk::connect(daemon.ftp_addr());
    far.ask("USER ann").expect(530).says("`miniftp ftp-password`");
    let one = made(&site, &daemon, "ann", &[]);
    far.log_in("ann", &password("ann")).expect(530).says("wrong name or password");
    let other = made(&site, &daemon, "bob", &["--from", "198.51.100.0/24"]);
    far.log_in("ann", &other).expect(530);
    // Of bob none is good from there, so that not even its name's password is asked for.
    far.ask("USER bob").expect(530).says("this machine only");
    far.ask("USER nobody").expect(530).says("this machine only");
    let mut far = FtpTalk::connect(daemon.ftp_addr());
    far.log_in("ann", &one).expect(230);
    far.store("f", b"by a camera").expect(226);
    assert_eq!(fs::read(site.stored("ann", "f")).unwrap(), b"by a camera");
    far.ask("SITE PSWD ann-secret other").expect(530).says("this machine only");
    let log = daemon.whole_log();
    assert!(log.contains(&format!("login; with the temporary password {}", prefix(&one))), "{log}");
    assert!(log.contains("no temporary password, and from there no other is taken"), "{log}");
    assert!(!log.contains(&one) && !log.contains(&one.replace('-', "")), "{log}");
}

#[test]
fn real_clients_log_in_with_one_as_with_any_password() {
    let scene = Scene::new();
    let one = scene.temporary(&["--for", "2h"]);
    scene.put("f", b"text");
    let url = format!("ftp://ann:{one}@{}/f", scene.daemon.ftp_addr());
    let python = format!(
        "import ftplib; f = ftplib.FTP(); f.connect('127.0.0.1', {}); f.login('ann', '{one}'); \
         f.retrbinary('RETR f', lambda b: print(b.decode(), end=''))",
        scene.daemon.ftp_addr().port()
    );
    let lftp = format!("set cmd:fail-exit yes; set ftp:ssl-allow no; cat {url}; bye");
    for (program, words) in
        [("curl", vec!["-sS", &url]), ("lftp", vec!["-c", &lftp]), ("python3", vec!["-c", &python])]
    {
        if crate::ftp_clients::installed(&[program]) {
            Miniftp::foreign(program, &scene.site.local()).run(&words).ok().stdout("text");
        }
    }
    for typed in [one.to_uppercase(), one.replace('-', ""), one.replace('0', "o")] {
        assert_eq!(scene.comes_in(&typed), 230, "{typed}");
    }
    assert_eq!(scene.comes_in(&password("ann")), 230);
    scene.daemon.connect().log_in("ann", &one).expect(253);
}

/// A server whose account may do everything in a mount too.
fn with_a_mount() -> Scene {
    let site = Site::new();
    site.account("ann", "10M");
    fs::create_dir_all(site.root().join("pool/sub")).unwrap();
    write_file(site.root().join("pool/f"), b"pool");
    let mount = format!(
        "[pool]\nat = /pool\ndir = {}\nfor = all\nrights = read, write, modify\nsize = 1M\n",
        site.root().join("pool").display()
    );
    fs::write(site.conf().join("mounts.ini"), mount).unwrap();
    Scene { daemon: site.start(), site }
}

#[test]
fn what_only_reads_changes_nothing_whatever_is_said() {
    let scene = with_a_mount();
    scene.put("f", b"home");
    scene.put("d/g", b"deep");
    // A part of an upload, which may not be dropped either.
    let mut own = scene.ann();
    own.ask("ALLO 10").expect(200);
    own.store("part", b"some").expect(426);
    let one = scene.temporary(&["--read-only"]);
    let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
    talk.log_in("ann", &one).expect(230);
    talk.ask("TYPE I").expect(200);
    for place in ["", "/pool/"] {
        for refused in [
            "DELE {}f",
            "MKD {}new",
            "RMD {}sub",
            "MFMT 20200102030405 {}f",
            "SITE CHMOD 600 {}f",
            "SITE UTIME 20200102030405 {}f",
            "STOR {}new",
            "STOR {}f",
            "APPE {}f",
            "STOU {}",
        ] {
            let line = refused.replace("{}", place);
            let reply = talk.ask(&line);
            assert_eq!(reply.code, 550, "{line}: {reply:?}");
        }
        talk.ask(&format!("RNFR {place}f")).expect(350);
        talk.ask(&format!("RNTO {place}other")).expect(550);
        talk.ask(&format!("SITE CPFR {place}f")).expect(350);
        talk.ask(&format!("SITE CPTO {place}copy")).expect(550);
    }
    talk.ask("DELE part").expect(550);
    talk.ask("SITE PARTS").expect(200).says("4 bytes of /part");
    talk.ask("SITE PSWD ann-secret other").expect(503).says("with a temporary password");
    assert_eq!(talk.fetch("f"), b"home");
    assert_eq!(talk.fetch("/pool/f"), b"pool");
    assert!(talk.listed("NLST d").contains("g"));
    // Also after the mounts, the home or the account were looked at again.
    scene.site.account("bob", "1M");
    scene
        .site
        .accounts()
        .edit(|draft| {
            draft.account("ann")?.quota_bytes = Some(5 << 20);
            Ok(())
        })
        .unwrap();
    talk.ask("STOR new").expect(550);
    talk.ask("SITE CHMOD 600 /pool/f").expect(550);
    assert_eq!(scene.stored("f").unwrap(), b"home");
    assert!(scene.stored("new").is_none());
    assert!(!scene.site.root().join("pool/new").exists());
    own.store("new", b"x").expect(226);
}

/// Nobody gets another right by one than to the files: an admin's is no admin.
#[test]
fn an_admins_session_with_one_is_none_of_an_admin() {
    let scene = Scene::new();
    scene.site.admin("root");
    let one = made(&scene.site, &scene.daemon, "root", &[]);
    let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
    talk.log_in("root", &one).expect(230);
    talk.ask("SITE CLOSE ann").expect(550).says("only an admin");
    talk.ask("SITE ADMIN LIST").expect(550).says("only an admin");
    talk.log_in("root", &password("root")).expect(230);
    talk.ask("SITE ADMIN LIST").expect(200);
}

#[test]
fn logins_are_counted_one_by_one_and_across_a_restart() {
    let mut scene = Scene::new();
    let one = scene.temporary(&["--uses", "3"]);
    assert_eq!(scene.comes_in("wrong"), 530, "a wrong one is no login");
    let listed = |scene: &Scene, expected: &str| {
        let ann = Miniftp::new(&scene.site.local(), scene.daemon.addr(), "ann");
        ann.run(&["ftp-passwords"]).ok().stdout_has(prefix(&one)).stdout_has(expected);
    };
    listed(&scene, "3 logins left  read, write, modify  from any");
    assert_eq!(scene.comes_in(&one), 230);
    scene.daemon.restart();
    assert_eq!(scene.comes_in(&one), 230);
    listed(&scene, "one login left  read, write, modify  from any");
    assert_eq!(scene.comes_in(&one), 230);
    for _ in 0..2 {
        assert_eq!(scene.comes_in(&one), 530);
    }
    scene.daemon.restart();
    assert_eq!(scene.comes_in(&one), 530);
    eventually("it is removed", || !scene.file().contains(prefix(&one)));
}

#[test]
fn of_many_logins_at_once_no_more_succeed_than_were_given() {
    let scene = Scene::new();
    let one = scene.temporary(&["--uses", "4"]);
    let came = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                if scene.comes_in(&one) == 230 {
                    came.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(came.load(Ordering::SeqCst), 4);
}

#[test]
fn it_is_good_from_where_it_was_said_and_until_then() {
    let scene = Scene::new();
    let far = scene.temporary(&["--from", "198.51.100.7"]);
    let near = scene.temporary(&["--from", "127.0.0.0/8"]);
    assert_eq!(scene.comes_in(&far), 530);
    assert_eq!(scene.comes_in(&near), 230);
    // One that was right a moment ago is remembered, and over all the same.
    let until = |text: &str| {
        let lines = text.lines().map(|line| match line.split_once("until = ") {
            Some(_) => "until = 2020-01-01 00:00:00\n".to_owned(),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    scene.edit_file(until);
    assert_eq!(scene.comes_in(&near), 530);
    eventually("what is over is removed", || {
        !scene.file().contains("[end]") || {
            let text = scene.file();
            !text.contains(prefix(&near)) && !text.contains(prefix(&far))
        }
    });
}

/// What ends one: its owner, an admin, the operator's editor, and whatever happens to the account.
#[test]
fn whatever_ends_it_ends_it_at_once() {
    let scene = Scene::new();
    scene.site.admin("root");
    let accounts = |words: &[&str]| {
        scene.site.miniftpd(&[&["account"], words].concat(), "new-secret\n").ok();
    };
    let client = |name: &str, words: &[&str]| {
        Miniftp::new(&scene.site.local(), scene.daemon.addr(), name).run(words).ok();
    };
    let remove_by_hand = |one: &str| {
        scene.edit_file(|text| {
            let (before, section) = text.split_once(&format!("[{}]", prefix(one))).unwrap();
            let end = section.find("\n[").map_or(section.len(), |at| at + 1);
            format!("{before}{}", &section[end..])
        });
    };
    type End<'a> = &'a dyn Fn(&str);
    let ways: [(&str, bool, End); 5] = [
        ("its owner", true, &|one| client("ann", &["ftp-revoke", prefix(one)])),
        ("an admin", true, &|one| client("root", &["admin", "ftp-revoke", prefix(one)])),
        ("the operator", true, &|one| accounts(&["ftp-revoke", prefix(one)])),
        ("an editor", false, &remove_by_hand),
        ("closed and opened", true, &|_| {
            accounts(&["close", "ann"]);
            accounts(&["open", "ann"]);
        }),
    ];
    for (by, ends_session, end) in ways {
        let one = scene.temporary(&[]);
        let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
        talk.log_in("ann", &one).expect(230);
        end(&one);
        assert_eq!(scene.comes_in(&one), 530, "{by}");
        if ends_session {
            talk.reply().expect(421);
        } else {
            talk.ask("NOOP").expect(200);
        }
        assert!(!scene.file().contains(prefix(&one)), "{by}");
    }
    let other = scene.temporary(&[]);
    accounts(&["passwd", "ann"]);
    assert_eq!(scene.comes_in(&other), 530, "another password");
    assert!(!scene.file().contains(prefix(&other)));
    assert_eq!(scene.comes_in("new-secret"), 230);
    let log = scene.daemon.whole_log();
    assert!(log.contains("ann@127.0.0.1 ftp-password ") && log.contains(" for 10 min"), "{log}");
    assert!(log.contains("ann@127.0.0.1 ftp-revoke ") && log.contains("1 sessions"), "{log}");
}

/// One's own password changed by oneself ends them too, and a removed account leaves none to its
/// successor.
#[test]
fn it_ends_with_the_password_and_with_the_account() {
    let scene = Scene::new();
    let one = scene.temporary(&[]);
    let passwd = Miniftp::new(&scene.site.local(), scene.daemon.addr(), "ann");
    passwd.env("MINIFTP_NEW_PASSWORD", "second").run(&["passwd"]).ok();
    assert_eq!(scene.comes_in(&one), 530);
    let made = Miniftp::new(&scene.site.local(), scene.daemon.addr(), "ann").password("second");
    let two = made.run(&["ftp-password"]).ok().out.trim().to_owned();
    assert_eq!(scene.comes_in(&two), 230);
    scene.site.miniftpd(&["account", "remove", "ann"], "").ok();
    scene.site.account("ann", "1M");
    assert_eq!(scene.comes_in(&two), 530);
    assert!(!scene.file().contains(prefix(&two)));
}

/// A guess at one is a guess: it counts, is slowed, and ends the connection.
#[test]
fn wrong_ones_count_as_wrong_passwords_do() {
    let scene = Scene::new();
    let one = scene.temporary(&[]);
    let guess = format!("{}-0000-0000-0000-0000", prefix(&one));
    let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
    for _ in 0..limits::LOGIN_TRIES {
        talk.log_in("ann", &guess).expect(530).says("wrong name or password");
    }
    talk.reply().expect(421).says("login attempts");
    scene.daemon.wait_for_log("login ann refused: the password is wrong");
    assert_eq!(scene.comes_in(&one), 230);
}

#[test]
fn an_account_has_so_many_and_no_more() {
    let scene = Scene::new();
    let all: Vec<String> =
        (0..limits::TEMPORARY_OF_ACCOUNT).map(|_| scene.temporary(&[])).collect();
    let client = || Miniftp::new(&scene.site.local(), scene.daemon.addr(), "ann");
    let refused = client().run(&["ftp-password"]);
    refused
        .fails(1)
        .stderr_has("too many temporary passwords of one account; revoke one: the limit");
    client().run(&["ftp-revoke", prefix(&all[0])]).ok();
    let last = scene.temporary(&[]);
    assert_eq!(scene.comes_in(&last), 230);
    let most = (limits::TEMPORARY_USES + 1).to_string();
    let table: [(&[&str], i32, &str); 7] = [
        (&["--for", "31d"], 1, "too many seconds of a temporary password"),
        (&["--for", "0m"], 2, "expected a time like 30m, 2h or 7d"),
        (&["--uses", "0"], 2, "expected a whole number above 0"),
        (&["--uses", &most], 1, "too many logins with a temporary password"),
        (&["--from", "192.0.2"], 1, "from: an address such as 192.0.2.7, or a network"),
        (&["--from", "192.0.2.0/33"], 1, "from: an address such as"),
        (&["--until", "x"], 2, "has no option `--until`"),
    ];
    for (options, status, words) in table {
        client().run(&[&["ftp-password"], options].concat()).fails(status).stderr_has(words);
    }
}

/// The record costs as much as the account's own, so that a refusal's time tells of no prefix, and
/// nothing on the disk opens anything.
#[test]
fn what_is_kept_is_a_record_as_slow_as_the_accounts_own() {
    let scene = Scene::new();
    let one = scene.temporary(&["--for", "30d", "--uses", "5", "--read-only", "--from", "::1"]);
    let text = scene.file();
    let iterations = format!("password = SCRAM-SHA-256${}:", limits::ITERATIONS_LEAST);
    for words in [&*iterations, "account = ann\n", "uses = 5\n", "rights = read\n", "from = ::1\n"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.contains(&format!("[{}]", prefix(&one))));
    assert!(!text.contains(&one[5..]) && !text.contains(&one.replace('-', "")));
    let mode = fs::metadata(scene.site.conf().join("ftp-passwords.ini")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o077, 0);
}

#[test]
fn the_setting_switches_them_off() {
    let Some(outer) = outer_address() else { return };
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = Daemon::start_ftp_on(&site, outer);
    let one = made(&site, &daemon, "ann", &[]);
    let mut far = FtpTalk::connect(daemon.ftp_addr());
    far.ask("USER ann").expect(331).says("temporary password");
    site.setting("ftp", "temporary_days", "off");
    eventually("the edit counts", || far.ask("USER ann").code == 530);
    far.ask(&format!("PASS {one}")).expect(503);
    let refused = Miniftp::new(&site.local(), daemon.addr(), "ann").run(&["ftp-password"]);
    refused.fails(1).stderr_has("this server takes no temporary passwords");
}
