//! Every combination of rights, every command, both doors.

use std::fs;

use miniftp::wire;

use super::ftp::Talk;
use super::{ls, mount, plant, section};
use crate::harness::{Frames, Site};

/// Read, write, modify.
type Had = (bool, bool, bool);

/// All combinations but none at all, each with its mount's name.
fn combinations() -> Vec<(String, Had)> {
    let had = |bits: u8| (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
    (1..8).map(|bits| (format!("m{bits}"), had(bits))).collect()
}

fn words((read, write, modify): Had) -> String {
    let words = [(read, "read"), (write, "write"), (modify, "modify")];
    words.iter().filter(|(had, _)| *had).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

/// A site with a mount for each combination, in each of them a file and a folder.
fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M");
    let mut text = String::new();
    for (name, had) in combinations() {
        text += &section(&name, &format!("real/{name}"), "all", &words(had), "1M");
        for file in ["old", "old2", "sub/inner", "gone/x"] {
            plant(&site, &format!("real/{name}/{file}"), "text");
        }
    }
    mount(&site, &text);
    site
}

/// Whether a command succeeded; refused, it must be for want of a right.
fn framed(frames: &mut Frames, name: &str, command: &str) -> bool {
    let at = |file: &str| format!("/{name}/{file}");
    let answer = match command {
        "list" => frames.on("LS", &format!("/{name}")),
        "list below" => frames.on("LS", &at("sub")),
        "stat" => frames.on("STAT", &at("old")),
        "stat of what is not there" => {
            let answer = frames.on("STAT", &at("none"));
            return answer.code == 256;
        }
        "get" => frames.get(&at("old")),
        "hash" => frames.request("HASH", &wire::Hash::new(&at("old"), "md5")),
        "sums" => frames.request("SUMS", &wire::SumsOf::new(&at("old"), 0, 9, 0)),
        "put new" => frames.store(&at("new"), b"a", 0),
        "put new in parts" => frames.put(&at("large"), 9, 2),
        "replace" => frames.store(&at("old"), b"b", 1),
        "make a folder" => frames.mkdir(&at("made"), false),
        "make folders" => frames.mkdir(&at("a/b/c"), true),
        "rename" => frames.mv(&at("old2"), &at("moved"), false),
        "remove a folder" => frames.rm(&at("gone"), true),
        "remove" => frames.rm(&at("old"), false),
        other => panic!("{other}"),
    };
    if command == "put new in parts" && answer.code == 802 {
        frames.drop_part(false).expect(200);
    }
    let fine = matches!(answer.code, 200 | 257 | 258 | 802 | 900);
    assert!(fine || answer.code == 261, "{name} {command}: {} {}", answer.code, answer.text);
    fine
}

fn by_ftp(talk: &mut Talk, name: &str, command: &str) -> Option<bool> {
    let at = |file: &str| format!("/{name}/{file}");
    let code = match command {
        "list" => talk.fetch(&format!("MLSD /{name}")).0,
        "list below" => talk.fetch(&format!("LIST {}", at("sub"))).0,
        "stat" => talk.say(&format!("MLST {}", at("old"))),
        "stat of what is not there" => {
            let (code, text) = talk.ask(&format!("MDTM {}", at("none")));
            assert_eq!(code, 550);
            return Some(text.contains("no such"));
        }
        "get" => talk.fetch(&format!("RETR {}", at("old"))).0,
        "hash" => talk.say(&format!("XMD5 {}", at("old"))),
        "put new" => talk.store(&format!("STOR {}", at("new")), b"a"),
        "replace" => talk.store(&format!("STOR {}", at("old")), b"b"),
        "make a folder" => talk.say(&format!("MKD {}", at("made"))),
        "remove" => talk.say(&format!("DELE {}", at("old"))),
        // These need another command before, or are the framed door's alone.
        _ => return None,
    };
    let fine = matches!(code, 213 | 226 | 250 | 257);
    assert!(fine || code == 550, "{name} {command}: {code}");
    Some(fine)
}

/// Whether somebody with these rights may do something.
type Expected = fn(Had) -> bool;

/// Command, and whether it succeeds. The order matters: what goes goes last. With `write` alone a
/// file is stored beside what is there, which no answer shows.
const TABLE: [(&str, Expected); 15] = [
    ("list", |(read, _, _)| read),
    ("list below", |(read, _, _)| read),
    ("stat", |(read, _, _)| read),
    ("stat of what is not there", |(read, _, _)| read),
    ("get", |(read, _, _)| read),
    ("hash", |(read, _, _)| read),
    ("sums", |(read, _, _)| read),
    ("put new", |(_, write, _)| write),
    ("put new in parts", |(_, write, _)| write),
    ("make a folder", |(_, _, modify)| modify),
    ("make folders", |(_, _, modify)| modify),
    ("replace", |(read, write, modify)| modify || (write && !read)),
    ("rename", |(_, _, modify)| modify),
    ("remove a folder", |(_, _, modify)| modify),
    ("remove", |(_, _, modify)| modify),
];

#[test]
fn each_right_allows_its_commands_and_no_other_on_the_framed_door() {
    let site = site();
    let daemon = site.start();
    let mut frames = daemon.login("ann");
    for (name, had) in combinations() {
        for (command, expected) in TABLE {
            assert_eq!(framed(&mut frames, &name, command), expected(had), "{name} {command}");
        }
    }
}

#[test]
fn each_right_allows_its_commands_and_no_other_on_the_ftp_door() {
    let site = site();
    let daemon = site.start();
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    for (name, had) in combinations() {
        for (command, expected) in TABLE {
            if let Some(done) = by_ftp(&mut talk, &name, command) {
                assert_eq!(done, expected(had), "{name} {command}");
            }
        }
        let (_, _, modify) = had;
        let renames = talk.say(&format!("RNFR /{name}/old2")) == 350
            && talk.say(&format!("RNTO /{name}/x")) == 250;
        assert_eq!(renames, modify, "{name}: as MV on the other door");
        assert_eq!(talk.say(&format!("MFMT 20200101000000 /{name}/sub/inner")) == 213, modify);
        assert_eq!(talk.say(&format!("CWD /{name}")), 250, "{name} can always be entered");
        let (_, facts) = talk.ask(&format!("MLST /{name}"));
        let perm = facts.split_once("perm=").unwrap().1.split_once(';').unwrap().0;
        assert_eq!(perm.contains('m'), modify, "{name}: {facts}");
    }
    for (name, had) in combinations() {
        assert_eq!(fs::read(site.home().join(format!("real/{name}/old"))).is_ok(), !had.2);
    }
}

#[test]
fn an_account_may_have_fewer_rights_in_its_own_home() {
    let site = site();
    plant(&site, "ann/old", "text");
    let accounts = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    let text = accounts.replacen("role = user", "rights = read\nrole = user", 1);
    fs::write(site.conf().join("accounts.ini"), &text).unwrap();
    let daemon = site.start();
    let mut frames = daemon.login("ann");
    assert!(ls(&mut frames, "/").unwrap().contains(&"old".to_owned()));
    frames.store("/new", b"a", 0).expect(261);
    frames.rm("/old", false).expect(261);
    frames.mkdir("/folder", false).expect(261);
    frames.store("/m7/new", b"a", 0).expect(900);
    // An edit counts at the next command.
    fs::write(site.conf().join("accounts.ini"), &accounts).unwrap();
    frames.store("/new", b"a", 0).expect(900);
}

#[test]
fn a_drop_box_takes_and_tells_nothing() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    mount(&site, &section("upload", "upload", "all", "write", "100M"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    assert_eq!(ls(&mut ann, "/").unwrap(), ["upload"]);
    ann.on("STAT", "/upload").expect(200);
    ann.on("CD", "/upload").expect(200);
    assert_eq!(ls(&mut ann, "/upload"), Err(261));
    ann.store("work", b"ann's", 0).expect(900);
    ann.on("STAT", "work").expect(261);
    ann.get("work").expect(261);
    // A name that is there is as good as any other.
    let mut bob = daemon.login("bob");
    bob.store("/upload/work", b"bob's", 0).expect(900);
    bob.store("/upload/work", b"ann's", 0).expect(900);
    bob.store("/upload/work", b"again", 1).expect(900);
    bob.put("/upload/work", 5, 1).expect(802);
    bob.drop_part(false).expect(200);
    bob.on("STAT", "/upload/none").expect(261);
    bob.mv("/upload/work", "/mine", false).expect(261);
    assert_eq!(fs::read(site.home().join("upload/work")).unwrap(), b"ann's");
    // What was begun goes on, for who began it and nobody else.
    let content = crate::harness::bytes(3, 300_000);
    ann.put("/upload/large", content.len(), 2).expect(802);
    ann.chunk(0, &content[..65_536]).expect(900);
    ann.drop_part(true).expect(200);
    assert_eq!(ann.parts(), [("/upload/large".to_owned(), 65_536)]);
    assert_eq!(bob.parts(), []);
    bob.put("/upload/large", content.len(), 0).expect(802);
    bob.drop_part(false).expect(200);
    ann.put("/upload/large", content.len(), 0).expect(800);
    ann.go_on(&content, 8);
    ann.done(&content).expect(900);
    assert_eq!(fs::read(site.home().join("upload/large")).unwrap(), content);
    // The FTP door tells the size of one's own part, so that a client can go on.
    ann.put("/upload/other", 99_999, 2).expect(802);
    ann.chunk(0, &content[..65_536]).expect(900);
    ann.drop_part(true).expect(200);
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    assert_eq!(talk.ask("SIZE /upload/other"), (213, "213 65536\r\n".to_owned()));
    assert_eq!(talk.say("SIZE /upload/work"), 550);
    assert_eq!(talk.store("APPE /upload/other", &content[65_536..]), 226);
    assert_eq!(fs::read(site.home().join("upload/other")).unwrap(), content);
    // What is in its place is not gone on with: this is another file.
    assert_eq!(talk.store("APPE /upload/other", b"more"), 226);
    assert_eq!(fs::read(site.home().join("upload/other")).unwrap(), content);
    assert_eq!(fs::read(site.home().join("upload/other.1")).unwrap(), b"more");
    assert_eq!(fs::read(site.home().join("upload/work.3")).unwrap(), b"again");
}
