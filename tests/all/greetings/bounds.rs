//! Whatever is in a text, it is a few lines that can do no harm, and it never stands in the way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use miniftp::limits;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{goodbye, paper, site, welcome};
use crate::harness::{FtpTalk, password};

#[test]
fn nothing_in_a_text_acts_on_a_terminal_or_ends_a_reply() {
    let site = site();
    paper(
        &site,
        "welcome.txt",
        b"\xef\xbb\xbf230 fake\r\n230-fake\n550 no\x1b[2J\rx\x00\xff\xc3\n\
          \x20\xe2\x80\xae \\o/ \xc3\xa4\n",
    );
    let daemon = site.start();
    let shown = "230 fake\n230-fake\n550 no\\u{1b}[2J\\u{d}x\\u{0}\\xff\\xc3\n \\u{202e} \\o/ ä";
    assert_eq!(welcome(&daemon, "ann").1, shown);
    let mut ftp = FtpTalk::connect(daemon.ftp_addr());
    let reply = ftp.log_in("ann", &password("ann"));
    assert_eq!((reply.code, reply.lines.len()), (230, 5), "{reply:?}");
    assert_eq!(reply.lines[0], "230 fake");
    assert_eq!(reply.lines[2], " 550 no\\u{1b}[2J\\u{d}x\\u{0}\\xff\\xc3");
    // The next reply is that of the next command.
    ftp.ask("PWD").expect(257).says("\"/\"");
}

#[test]
fn too_long_a_text_is_cut_and_the_log_says_so() {
    let site = site();
    let daemon = site.start();
    let long = "ä".repeat(limits::GREETING_LINE);
    let table = [
        ("x\n".repeat(limits::GREETING_LINES + 1), limits::GREETING_LINES),
        (format!("{long}\nmore"), 2),
        ("y".repeat(limits::GREETING_FILE + 1), 1),
        ("\u{1b}".repeat(limits::GREETING_FILE + 1), 1),
    ];
    for (text, lines) in table {
        paper(&site, "welcome.txt", &text);
        let cuts = daemon.whole_log().matches("welcome.txt is cut: ").count();
        let (_, said) = welcome(&daemon, "ann");
        assert_eq!(said.lines().count(), lines);
        assert!(said.lines().all(|line| line.len() <= limits::GREETING_LINE), "{said}");
        let reply = FtpTalk::connect(daemon.ftp_addr()).log_in("ann", &password("ann"));
        assert_eq!((reply.code, reply.lines.len()), (230, lines + 1));
        assert!(daemon.whole_log().matches("welcome.txt is cut: ").count() > cuts);
    }
    // What fits is said whole.
    let whole = "x\n".repeat(limits::GREETING_LINES);
    paper(&site, "welcome.txt", &whole);
    assert_eq!(welcome(&daemon, "ann").1, whole.trim_end());
}

#[test]
fn a_text_that_cannot_be_read_costs_nobody_a_login() {
    let site = site();
    paper(&site, "goodbye.txt", "bye");
    let daemon = site.start();
    let path = site.conf().join("welcome.txt");
    let faults: [&dyn Fn(); 3] = [
        &|| mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
        &|| symlink("welcome.txt", &path).unwrap(),
    ];
    for (i, make) in faults.iter().enumerate() {
        make();
        let (frames, said) = welcome(&daemon, "ann");
        assert_eq!((said.as_str(), goodbye(frames).as_str()), ("", "bye"), "{i}");
        FtpTalk::login(daemon.ftp_addr(), "ann").ask("QUIT").expect(221);
        daemon.wait_for_log("nothing is said");
        if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) }.unwrap();
    }
    // Root reads what nobody may read.
    paper(&site, "welcome.txt", "hello");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read(&path).is_ok();
    assert_eq!(welcome(&daemon, "ann").1, if readable { "hello" } else { "" });
}
