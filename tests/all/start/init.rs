//! `miniftpd init`: everything that a server needs, from the program alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::miniftpd;
use crate::harness::{Miniftp, Output, Site, snapshot};
use crate::terminal::Screen;

const STEPS: &str = "  miniftpd                   run the server, until Ctrl-C
  miniftp -u admin           in a second terminal: the client, on this machine
  miniftpd account add NAME  an account for somebody else
";

fn init(dir: &Path, words: &[&str], password: &str) -> Output {
    Miniftp::server_program(dir).input(password).run(&[&["init"], words].concat())
}

/// The server finds what was made, and lets the admin in by the client.
#[track_caller]
fn serves(dir: &Path, password: &str) {
    let server = Miniftp::server_program(dir);
    let server = server.spawn(&["--listen", "0", "--ftp", "off"]);
    let address = server.out().wait_for(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("listening framed "))?;
        text.contains("ready\n").then(|| line.parse().unwrap())
    });
    let address = address.unwrap_or_else(|| panic!("{}", server.err().text()));
    let client = || Miniftp::new(dir, address, "admin").password(password);
    client().run(&["admin", "list"]).ok().stdout_has("admin");
    client().run(&["put", "file"]).ok();
    client().run(&["ls"]).ok().stdout_has("file");
    client().run(&["ls", "/"]).ok().stdout_has("share").stdout_has("upload");
    client().run(&["get", "/share/README.txt", "fetched"]).ok();
    client().run(&["put", "file", "/upload/"]).ok();
}

#[test]
fn what_it_makes_is_whole_and_serves() {
    let site = Site::new();
    let dir = site.local();
    fs::write(dir.join("file"), "content").unwrap();
    let said = init(&dir, &[], "correct horse\n");
    said.ok().stderr("").stdout(&format!("conf and home are ready. Run next:\n{STEPS}"));
    for name in ["server.ini", "accounts.ini", "mounts.ini", "welcome.txt", "goodbye.txt"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf").join(name);
        let (made, shipped) = (fs::read(dir.join("conf").join(name)), fs::read(shipped));
        assert!(name == "accounts.ini" || made.unwrap() == shipped.unwrap(), "{name}");
    }
    let mode = fs::metadata(dir.join("conf")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others can read the accounts");
    miniftpd(&dir, &["check", "--listen", "0", "--ftp", "off"]).ok();
    serves(&dir, "correct horse");
}

/// New files that everybody can write would keep the server from starting.
#[test]
fn what_it_makes_serves_whatever_the_mask_of_new_files() {
    let site = Site::new();
    let dir = site.local();
    fs::write(dir.join("file"), "content").unwrap();
    let script = "umask 000; exec \"$0\" init";
    let shell = Miniftp::foreign("/bin/sh", &dir).input("correct horse\n");
    shell.run(&["-c", script, env!("CARGO_BIN_EXE_miniftpd")]).ok();
    miniftpd(&dir, &["check", "--listen", "0", "--ftp", "off"]).ok();
    serves(&dir, "correct horse");
}

#[test]
fn a_directory_that_is_named_is_made_and_the_advice_leads_there() {
    let site = Site::new();
    let dir = site.local();
    let said = init(&dir, &["a b/it's"], "correct horse\r\nsecond line");
    said.ok().stdout_has("Run next:\n  cd 'a b/it'\\''s'           where conf and home are\n");
    // The line is what a shell takes.
    let line = said.out.lines().nth(1).unwrap().split("   ").next().unwrap().trim();
    let shell = Miniftp::foreign("/bin/sh", &dir).run(&["-c", &format!("{line} && ls")]);
    shell.ok().stdout("conf\nhome\n");
    fs::write(dir.join("a b/it's/file"), "content").unwrap();
    serves(&dir.join("a b/it's"), "correct horse");
}

/// As a package has them: each in a place of its own, which may be there and empty.
#[test]
fn conf_and_home_can_be_named_one_by_one() {
    let site = Site::new();
    let dir = site.local();
    fs::create_dir(dir.join("e t c")).unwrap();
    let said = init(&dir, &["--conf", "e t c", "--home=var/lib"], "correct horse");
    said.ok().stdout(
        "conf and home are ready. Run next:
  miniftpd --conf 'e t c' --home var/lib                   run the server, until Ctrl-C
  miniftp -u admin                                         in a second terminal: the client, \
         on this machine
  miniftpd --conf 'e t c' --home var/lib account add NAME  an account for somebody else\n",
    );
    let check = ["--conf", "e t c", "--home", "var/lib", "check", "--listen", "0", "--ftp", "off"];
    miniftpd(&dir, &check).ok();
    assert!(dir.join("e t c/accounts.ini").exists() && dir.join("var/lib/share").exists());
    assert!(!dir.join("conf").exists() && !dir.join("home").exists());
    let program = Miniftp::server_program(&dir).input("correct horse");
    let said = program.env("MINIFTP_CONF", "etc").env("MINIFTP_HOME", "srv").run(&["init"]);
    said.ok().stdout(&format!("conf and home are ready. Run next:\n{STEPS}"));
    assert!(dir.join("etc/accounts.ini").exists() && dir.join("srv/share").exists());
    let said = init(&dir, &["new", "--conf", "c"], "correct horse");
    said.fails(2).stderr_has("init: either a directory for conf and home, or --conf and --home");
    assert!(!dir.join("new").exists() && !dir.join("c").exists());
}

/// On a terminal the password is asked for twice, unseen.
#[test]
fn on_a_terminal_the_password_is_asked_for() {
    let site = Site::new();
    let words = [env!("CARGO_BIN_EXE_miniftpd"), "init", "made"];
    for (second, code) in [("another", 1), ("correct horse", 0)] {
        let Some(mut screen) = Screen::of(&site, 100, &words) else { return };
        screen.see("password for admin: ");
        screen.enter("correct horse");
        screen.see("password for admin again: ");
        screen.enter(second);
        if code == 0 {
            screen.see("conf and home are ready. Run next:");
            screen.see("  cd made ");
        } else {
            screen.see("the two differ; nothing was changed");
        }
        assert!(!screen.all().contains("horse"), "{:?}", screen.all());
        assert_eq!(screen.end(), Some(code));
        assert_eq!(site.local().join("made").exists(), code == 0);
    }
    fs::write(site.local().join("made/file"), "content").unwrap();
    serves(&site.local().join("made"), "correct horse");
}

#[test]
fn nothing_that_is_there_is_touched_and_nothing_half_made_is_left() {
    let site = Site::new();
    let dir = site.local();
    let refused = |words: &[&str], password: &str, why: &str| {
        let before = snapshot(&dir);
        let said = init(&dir, words, password);
        said.fails(1).stdout("").stderr_has(why).stderr_has("nothing was changed\n");
        assert!(snapshot(&dir) == before, "{}", said.tell());
    };
    refused(&[], "", "a password has 1 to 1024 bytes");
    refused(&["deep/er"], &"x".repeat(1025), "a password has 1 to 1024 bytes");
    fs::create_dir(dir.join("conf")).unwrap();
    fs::write(dir.join("conf/theirs"), "").unwrap();
    refused(&[], "correct horse", "`./conf` is there already and not empty; ");
    fs::create_dir_all(dir.join("d/home/ann")).unwrap();
    refused(&["d"], "correct horse", "`d/home` is there already and not empty; ");
    fs::write(dir.join("f"), "").unwrap();
    refused(&["f"], "correct horse", "`f/conf`: not a directory; ");
    // An empty directory is as good as none.
    fs::remove_file(dir.join("conf/theirs")).unwrap();
    init(&dir, &[], "correct horse").ok();
    refused(&[], "correct horse", "`./conf` is there already and not empty; ");
}
