//! What a folder says to who enters it, and to nobody else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{cd, site};
use crate::harness::{FtpTalk, Site, eventually};

fn put(site: &Site, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = site.home().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_folder_speaks_when_it_is_entered_on_both_doors() {
    let site = site();
    put(&site, "ann/.message", "This is home.\n");
    put(&site, "ann/a/.message", "Hello {user}, this is a.\n230 Logged in.\n");
    fs::create_dir_all(site.home().join("ann/a/b")).unwrap();
    let daemon = site.start();
    let mut frames = daemon.login("ann");
    let said = "Hello ann, this is a.\n230 Logged in.";
    assert_eq!(cd(&mut frames, "a"), said);
    assert_eq!(frames.pwd(), "/a");
    // Who is there already enters nothing; who comes back does.
    for (path, words) in [(".", ""), ("/a", ""), ("b", ""), ("..", said), ("/", "This is home.")] {
        assert_eq!(cd(&mut frames, path), words, "{path}");
    }
    let mut ftp = FtpTalk::login(daemon.ftp_addr(), "ann");
    for verb in ["CWD a", "XCWD /a", "CWD a"] {
        let reply = ftp.ask(verb);
        let lines = ["Hello ann, this is a.", " 230 Logged in.", "\"/a\" is the current folder"];
        assert_eq!((reply.code, reply.lines), (250, lines.map(str::to_owned).to_vec()), "{verb}");
        let reply = ftp.ask(if verb == "XCWD /a" { "XCUP" } else { "CDUP" });
        let text = "This is home.\n\"/\" is the current folder";
        assert_eq!((reply.code, reply.text()), (250, text.to_owned()));
    }
    // An edit counts at once, and the settings can give the file another name or none.
    put(&site, "ann/a/.message", "new");
    assert_eq!(cd(&mut frames, "a"), "new");
    put(&site, "ann/.hello", "hello");
    site.setting("words", "folder", ".hello");
    assert_eq!(cd(&mut frames, "/"), "hello");
    site.setting("words", "folder", "none");
    assert_eq!(cd(&mut frames, "a"), "");
    assert_eq!(ftp.ask("CWD a").text(), "\"/a\" is the current folder");
}

#[test]
fn a_folder_says_nothing_to_who_may_not_read_there() {
    let site = site();
    put(&site, "box/.message", "for those who read");
    put(&site, "share/.message", "take what you like");
    let mounts = "[box]\nat = /box\ndir = box\nfor = all\nrights = write\nsize = 1M\n\n\
        [share]\nat = /share\ndir = share\nfor = all\nrights = read\n";
    fs::write(site.conf().join("mounts.ini"), mounts).unwrap();
    let daemon = site.start();
    let mut frames = daemon.login("ann");
    assert_eq!(cd(&mut frames, "/box"), "");
    assert_eq!(cd(&mut frames, "/share"), "take what you like");
    frames.on("CD", "/nowhere").expect(256);
    assert_eq!(frames.pwd(), "/share");
    assert!(!daemon.log().contains("nothing is said"), "{}", daemon.log());
}

#[test]
fn what_is_no_file_of_the_folder_neither_speaks_nor_holds_anybody_up() {
    let site = site();
    let secret = put(&site, "bob/secret", "bob's secret");
    for name in ["link", "pipe", "folder", "loop", "huge", "inside"] {
        fs::create_dir_all(site.stored("ann", name)).unwrap();
    }
    let message = |name: &str| site.stored("ann", name).join(".message");
    put(&site, "ann/text", "a file of ann's own");
    symlink(&secret, message("link")).unwrap();
    symlink("../text", message("inside")).unwrap();
    symlink(".message", message("loop")).unwrap();
    mknodat(CWD, message("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    fs::create_dir(message("folder")).unwrap();
    let huge = fs::File::create(message("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let daemon = site.start();
    let (mut frames, mut ftp) = (daemon.login("ann"), FtpTalk::login(daemon.ftp_addr(), "ann"));
    for name in ["link", "pipe", "folder", "loop", "inside"] {
        let path = format!("/{name}");
        assert_eq!(cd(&mut frames, &path), "", "{name}");
        assert_eq!(frames.pwd(), path);
        let text = format!("\"{path}\" is the current folder");
        assert_eq!(ftp.ask(&format!("CWD {path}")).expect(250).text(), text);
        daemon.wait_for_log(&format!("what {path} says: "));
    }
    let said = cd(&mut frames, "/huge");
    assert!(said.len() <= 50 * 501, "{} bytes", said.len());
    assert_eq!(ftp.ask("CWD /huge").expect(250).lines.len(), said.lines().count() + 1);
    assert!(!daemon.log().contains("bob's"), "{}", daemon.log());
    eventually("the others are served", || daemon.login("bob").pwd() == "/");
}
