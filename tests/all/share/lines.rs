//! The printed lines, copied into a second terminal.

use std::fs;
use std::path::Path;

use super::{
    BIND, LAST, Share, lines_of, nothing_is_left, program, same_tree, shell, temporary, tree,
};
use crate::harness::{Miniftp, Proxy, Site, Way, bytes, write_file};
use crate::terminal::Screen;

/// A shell on a terminal of its own, in a directory.
#[track_caller]
fn terminal(site: &Site, dir: &Path, programs: &Path) -> Option<Screen> {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("PATH={}:{path}", programs.display());
    let script = "cd \"$0\" && PS1='ready> ' exec /bin/sh -i";
    let words = ["env", &path, "/bin/sh", "-c", script, dir.to_str().unwrap()];
    let words = [&["/usr/bin/env"], &words[1..]].concat();
    let mut screen = Screen::of(site, 200, &words)?;
    screen.see("ready> ");
    Some(screen)
}

/// Types a line there, and waits for its end.
#[track_caller]
fn copied(screen: &mut Screen, line: &str) -> String {
    screen.enter(line);
    screen.enter("echo status=$?.");
    let shown = screen.see("status=0.");
    screen.see("ready> ");
    shown
}

/// In a directory with nothing but the two programs: one command, one line, and a file arrives.
#[test]
fn with_the_two_programs_only_a_file_arrives() {
    let site = Site::new();
    let (dir, there) = (site.root().join("programs"), site.root().join("there"));
    fs::create_dir_all(&dir).unwrap();
    fs::create_dir_all(&there).unwrap();
    for program in [env!("CARGO_BIN_EXE_miniftpd"), env!("CARGO_BIN_EXE_miniftp")] {
        fs::copy(program, dir.join(Path::new(program).file_name().unwrap())).unwrap();
    }
    let Some(mut first) = terminal(&site, &dir, &dir) else { return };
    first.enter(&format!("export TMPDIR={}", temporary(&site).display()));
    first.see("ready> ");
    first.enter("./miniftpd share --bind 127.0.0.1");
    let text = first.see("While curl runs");
    first.see(LAST.trim_end());
    let line = lines_of(&text).into_iter().find(|line| line.contains(" miniftp cp -r ")).unwrap();
    let Some(mut second) = terminal(&site, &there, &dir) else { return };
    copied(&mut second, &line);
    same_tree(&there.join("programs"), &dir);
    first.see("get /programs/miniftp to 127.0.0.1: ");
    first.press("\u{3}");
    first.see("Ended after 2 transfers; nothing is left of the share.");
    nothing_is_left(&site);
    let names = fs::read_dir(&dir).unwrap().count();
    assert_eq!(names, 2, "something is left in the directory");
}

/// Whatever the directory and the password are called, each line works as it is.
#[test]
fn each_line_works_with_odd_names_and_passwords() {
    let odd = [
        ("it's a #1 ; dir", "pass word"),
        (" begins and ends ", "'"),
        ("-dash", "-dash"),
        ("a\"b$HOME`id`", "a\"b$HOME`id`!x\\"),
        ("ünïcode 名", "pässwörd:with@all/of?it#"),
        ("%41 100%", "%41"),
        ("!bang! ~", "~"),
        ("50 = half, & more | less > most", "a&b|c>d<e;(f)"),
        ("a*[b]{c}?\\d", "*"),
    ];
    for (name, password) in odd {
        let site = Site::new();
        let dir = tree(&site, name);
        let program = program(&site).env("MINIFTP_PASSWORD", password);
        let argument = format!("./{name}");
        let share = Share::begin(program, &["--bind", "127.0.0.1", "--bind", "::1", &argument]);
        assert!(share.text.contains(&format!("password: {password}\n")), "{}", share.text);
        assert_eq!(share.lines.len(), 4, "{}", share.text);
        for (at, line) in share.lines.iter().enumerate() {
            let there = site.root().join(format!("there-{at}"));
            fs::create_dir(&there).unwrap();
            let programs = Path::new(env!("CARGO_BIN_EXE_miniftp")).parent().unwrap();
            let Some(mut screen) = terminal(&site, &there, programs) else { return };
            let shown = copied(&mut screen, line);
            if line.starts_with("curl") {
                assert!(shown.contains("a b.txt") && shown.contains(" sub"), "{line}: {shown}");
            } else {
                same_tree(&there.join(name), &dir);
            }
        }
        share.end();
        nothing_is_left(&site);
    }
}

/// The address that curl lists, with a file's name behind it, is that file.
#[test]
fn curl_fetches_a_file_by_its_name_behind_the_address() {
    let site = Site::new();
    tree(&site, "photos");
    let share = Share::here(&site, &["photos"]);
    if !super::has_curl() {
        return;
    }
    let line = share.lines.iter().find(|line| line.starts_with("curl")).unwrap();
    shell(&site.local(), &format!("{line}a%20b.txt")).ok().stdout("content");
    share.shows("get /photos/a b.txt to 127.0.0.1: 7 B in ");
}

#[test]
fn a_name_is_the_title_and_the_directory_that_arrives() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    let share = Share::here(&site, &["photos", "--name", "Summer of '25"]);
    assert!(share.text.starts_with("Sharing Summer of '25 ("), "{}", share.text);
    let there = site.root().join("there");
    fs::create_dir(&there).unwrap();
    shell(&there, &share.lines[0]).ok();
    same_tree(&there.join("Summer of '25"), &dir);
}

#[test]
fn who_can_reach_it_and_what_is_not_encrypted_is_said() {
    let site = Site::new();
    tree(&site, "photos");
    let here = Share::here(&site, &["photos", "--for", "2h"]);
    let clear = "\nNothing is encrypted: names and contents of files can be read on the way. \
        FTP sends the password\nin clear as well, which is accepted for this one account;";
    let encrypted = "\nminiftp encrypts all that it sends; the key of this server is\nSHA256:";
    for words in [
        ", to read only, for 2 h, or until Ctrl-C.\nOnly programs on this machine can reach it.\n",
        if miniftp::tls::IS_BUILT { encrypted } else { clear },
        "\nFrom this machine, at 127.0.0.1:\n  MINIFTP_PASSWORD=",
        " While curl runs, the process list of its machine shows the password.\n",
    ] {
        assert!(here.text.contains(words), "`{words}`: {}", here.text);
    }
    assert!(!here.text.contains("\u{2588}") && !here.text.contains('\u{1b}'), "{}", here.text);
    let key = here.text.split("the key of this server is\n").nth(1).map(str::to_owned);
    here.end();
    // Whoever comes again meets the same key, and is not stopped by a new one.
    let again = Share::here(&site, &["photos", "--for", "2h"]);
    let line = |key: Option<&str>| key.and_then(|key| key.lines().next()).map(str::to_owned);
    let now = again.text.split("the key of this server is\n").nth(1);
    assert_eq!(line(now), line(key.as_deref()));
    again.end();
    // Without --bind it is every address of the machine.
    let all = Share::begin(program(&site), &["photos"]);
    let networks = all.text.contains("the networks ");
    let loopback = all.text.contains("Only programs on this machine can reach it");
    assert!(networks != loopback, "{}", all.text);
    assert!(all.text.contains("\nFrom this machine, at 127.0.0.1:\n"), "{}", all.text);
    assert!(!all.text.contains("fe80:"), "{}", all.text);
    shell(&site.root().join("tmp"), &format!("cd .. && {}", all.lines[0])).ok();
}

/// The password is one that nobody guesses, and another one each time.
#[test]
fn the_password_is_drawn_each_time() {
    let site = Site::new();
    tree(&site, "photos");
    let drawn = [(); 2].map(|()| {
        let share = Share::here(&site, &["photos"]);
        let (user, password) = (share.word("user: "), share.word("password: "));
        share.end();
        assert!(password.len() == 19 && user.starts_with("share-"), "{user} {password}");
        password
    });
    assert_ne!(drawn[0], drawn[1]);
    let refused = |value: &str, why: &str| {
        let program: Miniftp = program(&site).env("MINIFTP_PASSWORD", value);
        program.run(&["share", "photos"]).fails(1).stdout("").stderr_has(why);
        nothing_is_left(&site);
    };
    refused("a\u{1b}[2Jb", "MINIFTP_PASSWORD: a password that is shown has no control characters");
    refused(&"x".repeat(2000), "a password has 1 to 1024 bytes");
}

/// A transfer's line moves while it does, and stays as one when it is over.
#[test]
fn a_transfer_has_one_line_that_moves() {
    let site = Site::new();
    tree(&site, "photos");
    write_file(site.local().join("photos/large"), &bytes(1, 64 << 20));
    let tmp = format!("TMPDIR={}", temporary(&site).display());
    let words = ["/usr/bin/env", &tmp, env!("CARGO_BIN_EXE_miniftpd"), "share", "photos"];
    let Some(mut screen) = Screen::of(&site, 30, &[&words[..], &BIND].concat()) else { return };
    let text = screen.see("While curl runs");
    let line = lines_of(&text).into_iter().find(|line| line.contains(" cp -r ")).unwrap();
    let url = line.split_whitespace().nth(4).unwrap();
    let server = url.split('@').nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let proxy = Proxy::to(server).stall_after(Way::Down, 16 << 20);
    let password = line.split(['=', ' ']).nth(1).unwrap();
    let user = url.split(['/', '@']).nth(2).unwrap();
    let client = Miniftp::new(&site.local(), proxy.addr(), user).password(password);
    let client = client.spawn(&["get", "/photos/large", "copy"]);
    let before = screen.see(" %  ");
    assert!(before.ends_with("get  0") || before.split("get ").count() > 1, "{before:?}");
    screen.see("\u{1b}[1A\u{1b}[2K");
    client.kill9();
    drop(proxy);
    screen.see("get /photos/large to 127.0.0.1 broke off");
    screen.press("\u{3}");
    screen.see("Ended after 0 transfers");
    let all = screen.all();
    for line in all.split(['\n', '\r']).filter(|line| line.contains(" %  ")) {
        let line = line.replace("\u{1b}[1A\u{1b}[2K", "");
        assert!(line.chars().count() < 30, "{line:?}");
    }
    assert_eq!(screen.end(), Some(0));
}
