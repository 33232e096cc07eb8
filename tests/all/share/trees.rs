//! Trees as they are: links, other owners, other disks, other servers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{LAST, Share, lines_of, nothing_is_left, program, same_tree, shell, temporary, tree};
use crate::harness::{Daemon, Miniftp, Site, snapshot};

#[test]
fn links_are_not_followed_and_lead_nowhere() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    write(&site.local().join("secret"), "secret");
    symlink("../secret", dir.join("link")).unwrap();
    symlink("..", dir.join("up")).unwrap();
    let share = Share::here(&site, &["photos"]);
    for path in ["/photos/link", "/photos/up/secret", "/photos/../secret"] {
        share.client(&site.local()).run(&["get", path, "got"]).fails(1);
    }
    assert!(!site.local().join("got").exists());
    // The directory itself may be named by a link.
    symlink("photos", site.local().join("by-link")).unwrap();
    let linked = Share::here(&site, &["by-link"]);
    linked.client(&site.local()).run(&["get", "/photos/a b.txt", "got"]).ok();
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// A file that the one who shares cannot read is named, and all others arrive.
#[test]
fn what_cannot_be_read_is_left_out() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    write(&dir.join("theirs"), "");
    fs::set_permissions(dir.join("theirs"), fs::Permissions::from_mode(0o000)).unwrap();
    let server = env!("CARGO_BIN_EXE_miniftpd");
    let words = ["share", "--bind", "127.0.0.1", "photos"];
    let tmp = temporary(&site);
    let running = if rustix::process::geteuid().is_root() {
        let none = ["--inh-caps=-all", "--bounding-set=-all", server];
        let program = Miniftp::foreign("setpriv", &site.local());
        program.env("TMPDIR", tmp.to_str().unwrap()).spawn(&[&none[..], &words].concat())
    } else {
        program(&site).spawn(&words)
    };
    let text = running.out().wait_for(|text| text.contains(LAST).then(|| text.to_owned()));
    let lines = lines_of(&text.unwrap_or_else(|| panic!("{}", running.err().text())));
    let there = site.root().join("there");
    fs::create_dir(&there).unwrap();
    shell(&there, &lines[0]).fails(1).stderr_has("theirs");
    assert_eq!(fs::read(there.join("photos/a b.txt")).unwrap(), b"content");
    assert!(there.join("photos/sub/deeper/c").exists() && !there.join("photos/theirs").exists());
}

/// Many may read one tree at a time, a server that has it mounted among them; nobody is in the way.
#[test]
fn several_shares_and_a_server_have_one_tree() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    site.account("ann", "1M");
    let mount = format!(
        "[photos]\nat = /photos\ndir = {}\nfor = all\nrights = read, write, modify\nsize = 1G\n",
        dir.display()
    );
    write(&site.conf().join("mounts.ini"), &mount);
    let daemon: Daemon = site.start();
    let before = snapshot(&dir);
    let (one, two) = (Share::here(&site, &["photos"]), Share::here(&site, &["photos"]));
    for share in [&one, &two] {
        share.client(&site.root().join("home")).run(&["get", "/photos/a b.txt", "-"]).ok();
    }
    // Only one can look after what is stored in it.
    let said = program(&site).run(&["share", "--bind", "127.0.0.1", "--write", "photos"]);
    said.fails(1).stdout("").stderr_has("photos: is in use by ");
    one.end();
    two.end();
    drop(daemon);
    assert!(snapshot(&dir) == before);
    nothing_is_left(&site);
}

/// A medium that cannot be written is shared as well as any other.
#[test]
fn a_disk_that_cannot_be_written_is_shared() {
    let site = Site::new();
    let dir = site.local().join("disc");
    fs::create_dir(&dir).unwrap();
    let script = "mount -t tmpfs none disc && echo content > disc/f && mkdir disc/d && \
                  mount -o remount,ro disc && exec \"$0\" share --bind 127.0.0.1 disc";
    let server = env!("CARGO_BIN_EXE_miniftpd");
    let words = ["-rm", "--propagation", "private", "/bin/sh", "-c", script, server];
    let tried = Miniftp::foreign("unshare", &site.local()).run(&["-rm", "true"]);
    if !tried.status.success() {
        eprintln!("skipped: nothing can be mounted here");
        return;
    }
    let tmp = temporary(&site);
    let program = Miniftp::foreign("unshare", &site.local()).env("TMPDIR", tmp.to_str().unwrap());
    let running = program.spawn(&words);
    let text = running.out().wait_for(|text| text.contains(LAST).then(|| text.to_owned()));
    let lines = lines_of(&text.unwrap_or_else(|| panic!("{}", running.err().text())));
    let there = site.root().join("there");
    fs::create_dir(&there).unwrap();
    shell(&there, &lines[0]).ok();
    assert_eq!(fs::read(there.join("disc/f")).unwrap(), b"content\n");
    assert!(there.join("disc/d").is_dir());
    running.signal(rustix::process::Signal::INT);
    running.wait().ok();
    nothing_is_left(&site);
}

/// A path that is no text is shared under a name that is one.
#[test]
fn a_directory_whose_name_is_no_text_has_another_one() {
    use std::os::unix::ffi::OsStrExt;
    let site = Site::new();
    let odd = site.local().join(std::ffi::OsStr::from_bytes(b"\xff\n"));
    let dir = tree(&site, "photos");
    fs::rename(&dir, &odd).unwrap();
    let share = Share::begin(program(&site).dir(&odd), &["--bind", "127.0.0.1"]);
    let there = site.root().join("there");
    fs::create_dir(&there).unwrap();
    shell(&there, &share.lines[0]).ok();
    same_tree(&there.join("share"), &odd);
    share.end();
    // The directory that is for temporary files is shared beside another one.
    let tmp = temporary(&site);
    write(&tmp.join("f"), "content");
    let share = Share::here(&site, &[tmp.to_str().unwrap()]);
    share.client(&there).run(&["get", "-r", "/tmp"]).ok();
    same_tree(&there.join("tmp"), &tmp);
}
