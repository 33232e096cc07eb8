//! What the server says to people: welcome, goodbye and the words of a folder, on both doors.

mod bounds;
mod folders;

use std::fs;
use std::path::Path;

use miniftp::wire;

use crate::harness::{Daemon, Frames, FtpTalk, Site, eventually, password};

fn site() -> Site {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "unlimited");
    site
}

/// Writes a text into conf/.
fn paper(site: &Site, name: &str, text: impl AsRef<[u8]>) {
    fs::write(site.conf().join(name), text).unwrap();
}

/// What is said to an account that comes in by the framed door.
#[track_caller]
fn welcome(daemon: &Daemon, name: &str) -> (Frames, String) {
    let mut frames = daemon.connect();
    let answer = frames.log_in(name, &password(name));
    let words = answer.expect(254).message::<wire::LoggedIn<'_>>().words.to_owned();
    (frames, words)
}

/// What is said at parting.
#[track_caller]
fn goodbye(mut frames: Frames) -> String {
    let answer = frames.request("BYE", &wire::Nothing::new());
    answer.expect(221).message::<wire::Goodbye<'_>>().words.to_owned()
}

/// What a folder says.
#[track_caller]
fn cd(frames: &mut Frames, path: &str) -> String {
    let answer = frames.on("CD", path);
    answer.expect(200).message::<wire::Here<'_>>().words.to_owned()
}

#[test]
fn newcomers_are_welcomed_and_who_leaves_hears_a_goodbye() {
    let site = site();
    paper(
        &site,
        "welcome.txt",
        "Hello {user},\r\n\n\tyou store {used} of {quota} in {sessions} session(s).\n\
         {no} {{user}}\n",
    );
    paper(&site, "goodbye.txt", "Bye, {user}.\n");
    fs::create_dir_all(site.home().join("ann")).unwrap();
    fs::write(site.stored("ann", "f"), vec![0; 1536]).unwrap();
    let daemon = site.start();
    let (frames, said) = welcome(&daemon, "ann");
    let hello = "Hello ann,\n\n        you store 1.5 KiB of 10.0 MiB in 1 session(s).\n{no} {ann}";
    assert_eq!(said, hello);
    // Bob has sessions of his own.
    let (_bob, said) = welcome(&daemon, "bob");
    assert!(said.contains("you store 0 B of unlimited in 1 session(s)."), "{said}");

    let mut ftp = FtpTalk::connect(daemon.ftp_addr());
    let reply = ftp.log_in("ann", &password("ann"));
    let lines = [
        "Hello ann,",
        " ",
        "         you store 1.5 KiB of 10.0 MiB in 2 session(s).",
        " {no} {ann}",
        "logged in, 1536 of 10485760 bytes used",
    ];
    assert_eq!((reply.code, reply.lines), (230, lines.map(str::to_owned).to_vec()));
    let reply = ftp.ask("QUIT");
    assert_eq!((reply.code, reply.text()), (221, "Bye, ann.\ngoodbye".to_owned()));
    assert_eq!(goodbye(frames), "Bye, ann.");
    // Whoever was never let in is told nothing.
    let mut stranger = daemon.connect();
    stranger.hello();
    assert_eq!(goodbye(stranger), "");
    let reply = FtpTalk::connect(daemon.ftp_addr()).ask("QUIT");
    assert_eq!((reply.code, reply.text()), (221, "goodbye".to_owned()));
}

#[test]
fn an_edit_counts_at_the_next_login_and_the_settings_can_take_the_words_away() {
    let site = site();
    let daemon = site.start();
    let (frames, said) = welcome(&daemon, "ann");
    assert_eq!((said, goodbye(frames)), (String::new(), String::new()));
    paper(&site, "welcome.txt", "one");
    assert_eq!(welcome(&daemon, "ann").1, "one");
    for n in 0..20 {
        // As long as before, and soon after: only a look that is sure notices each.
        paper(&site, "welcome.txt", format!("{n:03}"));
        assert_eq!(welcome(&daemon, "ann").1, format!("{n:03}"));
    }
    paper(&site, "other.txt", "two");
    site.setting("words", "welcome", "other.txt");
    assert_eq!(welcome(&daemon, "ann").1, "two");
    site.setting("words", "welcome", "none");
    assert_eq!(welcome(&daemon, "ann").1, "");
    site.setting("words", "welcome", "other.txt");
    fs::remove_file(site.conf().join("other.txt")).unwrap();
    assert_eq!(welcome(&daemon, "ann").1, "");
    for bad in ["accounts.ini", "accounts.ini.previous", "../home/ann/f", "..", "a/b"] {
        site.setting("words", "welcome", bad);
        daemon.login("ann");
        let fault = format!(
            "[words] welcome: \"{bad}\" is not valid; expected the name of a file, such as \
             welcome.txt, or none"
        );
        daemon.wait_for_log(&fault);
    }
}

#[test]
fn guests_are_spoken_to_as_well() {
    let site = site();
    site.setting("guests", "anonymous", "yes");
    paper(&site, "welcome.txt", "{user} stores {used} of {quota}");
    paper(&site, "goodbye.txt", "{sessions}");
    fs::create_dir_all(site.home().join("anonymous/pub")).unwrap();
    fs::write(site.home().join("anonymous/pub/.message"), "for {user}").unwrap();
    let daemon = site.start();
    let mut guest = daemon.connect();
    guest.hello();
    let answer = guest.request("GUEST", &wire::Nothing::new());
    let words = answer.expect(254).message::<wire::LoggedIn<'_>>().words;
    assert_eq!(words, "anonymous stores 0 B of 0 B");
    assert_eq!(cd(&mut guest, "pub"), "for anonymous");
    let mut ftp = FtpTalk::connect(daemon.ftp_addr());
    let reply = ftp.log_in("ftp", "me@here");
    let said = "anonymous stores 0 B of 0 B\nwelcome, guest";
    assert_eq!((reply.code, reply.text()), (230, said.to_owned()));
    let said = "for anonymous\n\"/pub\" is the current folder";
    assert_eq!(ftp.ask("CWD pub").text(), said);
    assert_eq!(goodbye(guest), "2");
}

#[test]
fn the_shipped_words_are_said_as_they_are_meant() {
    let site = site();
    site.setting("guests", "anonymous", "yes");
    for name in ["welcome.txt", "goodbye.txt", "mounts.ini"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf").join(name);
        fs::copy(shipped, site.conf().join(name)).unwrap();
    }
    let daemon = site.start();
    let (frames, said) = welcome(&daemon, "ann");
    assert!(said.starts_with("Welcome, ann. You store 0 B of 10.0 MiB;"), "{said}");
    let said = said + "\n" + &goodbye(frames);
    assert!(!said.contains(['{', '}', '\\']), "{said}");
    assert!(said.lines().all(|line| line.len() < 100), "{said}");
    // Whatever folder it names is there for whoever reads it.
    for (name, password) in [("ann", password("ann")), ("anonymous", "x".to_owned())] {
        let mut talk = FtpTalk::connect(daemon.ftp_addr());
        let said = talk.log_in(name, &password).expect(230).text();
        let listed = talk.listed("NLST /");
        let folders = said.split([' ', ',', '.', '`', '\n']).filter(|word| word.starts_with('/'));
        for folder in folders {
            assert!(listed.lines().any(|line| line.ends_with(folder)), "{name}: {said}: {listed}");
        }
    }
}

#[test]
fn the_greeting_of_ftp_carries_the_operators_text_if_a_setting_says_so() {
    let site = site();
    paper(&site, "banner.txt", "Property of the school.\n221 {user} \x1b[2J\n");
    let daemon = site.start();
    let ready = format!("miniftpd {} ready", env!("CARGO_PKG_VERSION"));
    let greeted = || FtpTalk::raw(daemon.ftp_addr()).reply().expect(220).lines.clone();
    assert_eq!(greeted(), [ready.as_str()]);
    site.setting("words", "greeting", "banner.txt");
    let said = ["Property of the school.", " 221 {user} \\u{1b}[2J", ready.as_str()];
    eventually("the setting counts", || greeted() == said);
    // Without the file nothing is said, and everybody comes in.
    fs::remove_file(site.conf().join("banner.txt")).unwrap();
    eventually("the file is gone", || greeted() == [ready.as_str()]);
    daemon.ftp("ann").ask("PWD").expect(257);
}
