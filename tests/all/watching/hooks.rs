//! Programs that are run after events: what they are given, how many run, and how they end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use miniftp::limits;
use miniftp::wire::Copy;

use crate::harness::{FtpTalk, Miniftp, Site, eventually, password};

/// A program that writes down what it is given, and then goes on as `then` says.
fn program(site: &Site, name: &str, then: &str) -> PathBuf {
    let file = site.conf().join(name);
    let out = site.local().join(name);
    let out = out.display();
    let text = format!(
        "#!/bin/sh\n{{ echo \"arguments:$#:$*\"; env | grep ^MINIFTP_ | sort; echo cwd:$PWD; }} \
         >>'{out}.new'\n{then}\nmv '{out}.new' '{out}'\n"
    );
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

fn written(site: &Site, name: &str) -> String {
    fs::read_to_string(site.local().join(name)).unwrap_or_default()
}

#[test]
fn a_program_is_run_after_an_upload_a_login_and_a_registration() {
    let site = Site::new();
    site.account("ann", "10M");
    program(&site, "stored", "");
    // Below the directory of the settings; words with blanks stay whole, and there is no shell.
    site.setting("hooks", "upload", "stored --quiet 'two words' $HOME;false");
    // So that an edit counts at once.
    site.setting("server", "landlock", "off");
    let daemon = site.start();
    let stored = site.stored("ann", "odd 'name';x");
    let mut ann = daemon.login("ann");
    ann.store("odd 'name';x", b"12345", 0).expect(900);
    daemon.wait_for_log("stored after upload of ");
    daemon.wait_for_log("has ended\n");
    let home = site.home().canonicalize().unwrap();
    let file = stored.to_str().unwrap();
    assert_eq!(
        written(&site, "stored"),
        format!(
            "arguments:4:--quiet two words $HOME;false {file}\n\
             MINIFTP_ACCOUNT=ann\nMINIFTP_ADDRESS=127.0.0.1\nMINIFTP_BYTES=5\n\
             MINIFTP_EVENT=upload\nMINIFTP_FILE={file}\nMINIFTP_PATH=/odd 'name';x\n\
             MINIFTP_PROTOCOL=framed\nMINIFTP_REPLACED=no\ncwd:/\n"
        )
    );
    assert!(stored.starts_with(home), "{file}");
    // A copy on the server stores a file too, at the second of its two paths.
    ann.request("CP", &Copy::new("odd 'name';x", "copy", 0)).expect(900);
    let copied = || written(&site, "stored").contains("\nMINIFTP_PATH=/copy\n");
    eventually("it is run after the copy", copied);
    let file = site.stored("ann", "copy");
    let expected = format!("\nMINIFTP_FILE={}\n", file.display());
    assert!(written(&site, "stored").contains(&expected), "{}", written(&site, "stored"));
    // An edit counts, and by FTP it is the same.
    program(&site, "login", "");
    program(&site, "asked", "");
    site.setting("hooks", "upload", "none");
    site.setting("hooks", "login", "login").setting("hooks", "registration", "asked");
    let mut talk = FtpTalk::login(daemon.ftp_addr(), "ann");
    daemon.wait_for_log("login after login of ann has ended\n");
    assert_eq!(
        written(&site, "login"),
        "arguments:1:ann\nMINIFTP_ACCOUNT=ann\nMINIFTP_ADDRESS=127.0.0.1\nMINIFTP_EVENT=login\n\
         MINIFTP_PROTOCOL=ftp\ncwd:/\n"
    );
    talk.ask(&format!("SITE REGISTER bob {}", password("bob"))).expect(200);
    daemon.wait_for_log("asked after registration of 1 has ended\n");
    assert_eq!(
        written(&site, "asked"),
        "arguments:1:1\nMINIFTP_ACCOUNT=bob\nMINIFTP_ADDRESS=127.0.0.1\n\
         MINIFTP_EVENT=registration\nMINIFTP_PROTOCOL=ftp\nMINIFTP_REGISTRATION=1\ncwd:/\n"
    );
    // What was turned off is not run, and what is refused was no event.
    fs::remove_file(site.local().join("stored")).unwrap();
    ann.store("b", b"1", 0).expect(900);
    daemon.connect().log_in("ann", "wrong").expect(253);
    ann.pwd();
    assert_eq!(written(&site, "stored"), "");
    assert_eq!(daemon.whole_log().matches("login after login").count(), 1);
}

#[test]
fn a_program_that_fails_or_takes_too_long_is_named_and_delays_nobody() {
    let site = Site::new();
    site.account("ann", "10M");
    program(&site, "scan", "echo checking; echo 'a virus is in it' >&2; exit 3");
    site.setting("hooks", "upload", "scan").setting("server", "landlock", "off");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("a", b"1", 0).expect(900);
    daemon.wait_for_log("ended with exit code 3: a virus is in it\n");
    site.setting("hooks", "upload", "nothing-of-that-name");
    ann.store("b", b"1", 0).expect(900);
    daemon.wait_for_log("/conf/nothing-of-that-name after upload of ");
    daemon.wait_for_log(" cannot be started: no such file or directory\n");
    // A child of the program holds what it writes to, and does not end it either.
    program(&site, "slow", "sleep 3600 & sleep 3600");
    site.setting("hooks", "secs", "1").setting("hooks", "upload", "slow");
    ann.store("c", b"1", 0).expect(900);
    daemon.wait_for_log("was ended after 1 s, which is [hooks] secs\n");
    assert_eq!(sleepers(&site), "", "its children go with it");
}

/// Processes that stand in the program's place, by what they were given.
fn sleepers(site: &Site) -> String {
    let script = "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | \
                  grep -q \"^MINIFTP_FILE=$1/\" && cat $p/comm; done";
    let home = site.home().canonicalize().unwrap();
    let found = Miniftp::foreign("sh", &site.local());
    found.run(&["-c", script, "sh", home.to_str().unwrap()]).out
}

#[test]
fn so_many_run_at_one_time_and_a_queue_that_is_full_says_so() {
    let site = Site::new();
    site.account("ann", "10M");
    let gate = site.local().join("gate");
    let wait = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
    program(&site, "slow", &wait);
    site.setting("hooks", "upload", "slow").setting("hooks", "running", "2");
    site.setting("metrics", "listen", "127.0.0.1:0");
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    for n in 0..limits::HOOKS_WAITING + 3 {
        ann.store("a", n.to_string().as_bytes(), miniftp::wire::REPLACE).expect(900);
    }
    daemon.wait_for_log("1000 events wait for their hooks: for further ones none is run\n");
    let figures = super::metrics::fetch(&daemon, "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(figures.contains("\nminiftp_hooks{state=\"running\"} 2\n"), "{figures}");
    assert!(figures.contains("\nminiftp_hooks{state=\"waiting\"} 1000\n"), "{figures}");
    assert!(figures.contains("\nminiftp_hooks_total{result=\"dropped\"} 1\n"), "{figures}");
    // A second word ends at once what still runs, and says what was not run.
    daemon.term();
    daemon.wait_for_log("stopping: ");
    daemon.term();
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(daemon.log().contains("because the server stops"), "{}", daemon.log());
    let log = daemon.log();
    assert!(log.contains("for 1000 events no hook was run, because the server stops\n"), "{log}");
}

#[test]
fn a_stopping_server_waits_for_what_it_has_begun() {
    let site = Site::new();
    site.account("ann", "10M");
    let gate = site.local().join("gate");
    let wait = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
    program(&site, "slow", &wait);
    site.setting("hooks", "upload", "slow").setting("hooks", "running", "1");
    site.setting("server", "drain_secs", "60");
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("a", b"1", 0).expect(900);
    ann.store("b", b"1", 0).expect(900);
    drop(ann);
    daemon.term();
    daemon.wait_for_log("everybody has left");
    fs::write(&gate, "").unwrap();
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(daemon.log().matches("has ended\n").count(), 2, "{}", daemon.log());
}
