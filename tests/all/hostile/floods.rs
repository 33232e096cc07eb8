//! Answers that never end.

use std::fs;

use miniftp::wire::{self, Code, FrameKind, Message, Opened, Piece, Sink, Usage};

use super::{alive, endless, entry, guest, interrupted};
use crate::harness::{
    Attack, Hostile, Output, Running, Site, bytes, digests, frame, heavy, write_file,
};

const MIB: u64 = 1 << 20;

/// Commands, and what the server answers them with for ever.
const ATTACKS: &[(&str, &[&str], Attack)] = &[
    ("a listing", &["ls"], |name, victim| match name {
        "LS" => endless(victim, b'f'),
        _ => None,
    }),
    ("a listing of nothing", &["ls"], |name, victim| match name {
        "LS" => victim.flood(|_| frame(FrameKind::More, &[], &[])),
        _ => None,
    }),
    ("signs of life", &["quota"], |name, victim| match name {
        "QUOTA" => victim.flood(alive),
        _ => None,
    }),
    ("signs of life of a hash", &["hash", "f"], |name, victim| match name {
        "HASH" => victim.flood(alive),
        _ => None,
    }),
    ("signs of life of a removal", &["rm", "f"], |name, victim| match name {
        "RM" => victim.flood(alive),
        _ => None,
    }),
    ("signs of life before the login", &["ls"], |name, victim| match name {
        "GUEST" => victim.flood(alive),
        _ => None,
    }),
    ("signs of life at the farewell", &["pwd"], |name, victim| match name {
        "BYE" => victim.flood(alive),
        _ => None,
    }),
    ("signs of life of an upload", &["put", "f"], |name, victim| match name {
        "STAT" => victim.refuse(Code::NotFound),
        "STORE" => victim.flood(alive),
        _ => None,
    }),
    ("signs of life of a tree", &["put", "-r", "tree"], |name, victim| match name {
        "STAT" | "LS" => victim.refuse(Code::NotFound),
        "STORE" | "MKDIR" => victim.flood(alive),
        _ => None,
    }),
    ("a file", &["get", "g"], |name, victim| match name {
        "STAT" => {
            let entry = wire::Entry::new(b'f', 0, u64::MAX, 0, 0, 0o644, 7, "f");
            victim.answer(Code::Done, &entry);
            Some(())
        }
        "GET" => {
            let (row, _) = digests(miniftp::digest::Algorithm::Md5, &[0; 65_536]);
            victim.flood(|number| {
                let piece = Piece::new(number * 65_536, &row);
                frame(FrameKind::More, piece.fields().as_bytes(), &[0; 65_536])
            })
        }
        _ => None,
    }),
    ("a tree of folders in folders", &["get", "-r", "tree", "new"], |name, victim| match name {
        "STAT" => {
            victim.answer(Code::Done, &wire::Entry::new(b'd', 0, 0, 0, 0, 0o755, 0, "."));
            Some(())
        }
        "LS" => {
            for number in 0..400 {
                victim.send(&entry(b'd', &format!("{number:0>200}")));
            }
            victim.answer(Code::Done, &wire::Counted::new(400));
            Some(())
        }
        _ => None,
    }),
];

/// Whatever comes without an end: the first Ctrl-C ends it.
#[test]
fn ctrl_c_ends_whatever_a_server_sends() {
    for (what, words, attack) in ATTACKS {
        let site = Site::new();
        write_file(site.local().join("f"), &bytes(1, 1000));
        write_file(site.local().join("tree/f"), &bytes(1, 1000));
        let server = Hostile::start(*attack);
        let running = guest(&site, &server).spawn(words);
        eprintln!("{what}");
        server.wait_for_bytes(4 * MIB);
        if *what == "signs of life at the farewell" {
            running.signal(rustix::process::Signal::INT);
            running.wait().ok().stdout("/\n");
            continue;
        }
        interrupted(running);
    }
}

/// What a batch lets fail is not what its user stopped.
#[test]
fn ctrl_c_ends_a_batch_whose_line_may_fail() {
    let site = Site::new();
    let server = Hostile::start(|name, victim| match name {
        "LS" => endless(victim, b'f'),
        _ => None,
    });
    let running = guest(&site, &server).input("-ls\nmkdir never\n").spawn(&[]);
    server.wait_for_bytes(4 * MIB);
    interrupted(running);
    assert!(!server.requests().contains(&"MKDIR".to_owned()), "{:?}", server.requests());
}

/// The most memory that the program ever had, in bytes.
fn memory(running: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// Names as long as the wire allows, a hundred thousand of which were kept. In order only so many
/// bytes of them are shown.
#[test]
fn a_listing_of_long_names_is_shown_as_it_comes() {
    let _turn = heavy();
    let site = Site::new();
    let server = Hostile::start(|name, victim| match name {
        "LS" => {
            let name = "x".repeat(60_000);
            victim.flood(|_| entry(b'f', &name))
        }
        _ => None,
    });
    let running = guest(&site, &server).spawn(&["ls"]);
    server.wait_for_bytes(90 * MIB);
    let most = memory(&running);
    assert!(most < 60 * MIB, "{most}");
    interrupted(running);
}

/// What has to be kept whole is kept up to a limit, and the refusal says so.
#[test]
fn what_a_client_keeps_of_a_listing_has_a_limit() {
    let _turn = heavy();
    const FOLDERS: Attack = |name, victim| match name {
        "STAT" => {
            victim.answer(Code::Done, &wire::Entry::new(b'd', 0, 0, 0, 0, 0o755, 0, "."));
            Some(())
        }
        "LS" => {
            let long = entry(b'f', &"x".repeat(4000));
            victim.flood(|_| long.clone())
        }
        _ => None,
    };
    let parts: Attack = |name, victim| match name {
        "PARTS" => {
            let path = "x".repeat(4000);
            let part = wire::Part::new(&path, 1, 2, 0).fields();
            let part = frame(FrameKind::More, part.as_bytes(), &[]);
            victim.flood(|_| part.clone())
        }
        "WHY" => {
            let reason = wire::Reason::new("x", 1, "y".repeat(4000)).fields();
            let reason = frame(FrameKind::More, reason.as_bytes(), &[]);
            victim.flood(|_| reason.clone())
        }
        "ADMIN" => {
            // A row of one cell, a name.
            let mut row = Sink::new();
            row.u16(1);
            row.u8(2);
            row.text(&"x".repeat(4000));
            let line = frame(FrameKind::More, row.as_bytes(), &[]);
            victim.flood(|_| line.clone())
        }
        _ => None,
    };
    let commands: &[(&[&str], Attack)] = &[
        (&["get", "-r", "tree", "new"], FOLDERS),
        (&["put", "-r", "tree"], FOLDERS),
        (&["parts"], parts),
        (&["why"], parts),
        (&["admin", "list"], parts),
    ];
    for (words, attack) in commands {
        let site = Site::new();
        write_file(site.local().join("tree/f"), b"x");
        let server = Hostile::start(*attack);
        let said = guest(&site, &server).run(words);
        refused_as_too_long(&said);
    }
    let site = Site::new();
    let server = Hostile::start(|name, victim| match name {
        "LS" => endless(victim, b'f'),
        _ => None,
    });
    let said = guest(&site, &server).input("rm *\n").run(&[]);
    said.fails(1).stderr_has("miniftp: the pattern matches more than ");
}

#[track_caller]
fn refused_as_too_long(said: &Output) {
    said.fails(1).stderr_has("miniftp: the server lists more than ");
}

/// Folders of folders, each of which is only a name that waits: those have a limit too.
#[test]
fn a_tree_that_only_widens_is_refused() {
    let _turn = heavy();
    let site = Site::new();
    let server = Hostile::start(|name, victim| match name {
        "STAT" => {
            victim.answer(Code::Done, &wire::Entry::new(b'd', 0, 0, 0, 0, 0o755, 0, "."));
            Some(())
        }
        "LS" => {
            let mut block = Vec::new();
            for number in 0..50_000 {
                block.append(&mut entry(b'd', &format!("{number:0>200}")));
            }
            victim.send(&block);
            victim.answer(Code::Done, &wire::Counted::new(50_000));
            Some(())
        }
        _ => None,
    });
    let said = guest(&site, &server).run(&["get", "-r", "tree", "new"]);
    said.fails(1).stderr_has(
        "miniftp: the folders of this tree that wait need more than 64.0 MiB at once, ",
    );
}

/// Numbers at their ends do no harm.
#[test]
fn figures_without_sense_are_only_figures() {
    let site = Site::new();
    let server = Hostile::start(|name, victim| match name {
        "QUOTA" => {
            let most = u64::MAX;
            let usage = Usage::new(most, most, 1, most, most, most, 1, most);
            victim.answer(Code::Done, &usage);
            Some(())
        }
        "LS" => {
            let odd = wire::Entry::new(b'?', 9, u64::MAX, i64::MIN, u32::MAX, u16::MAX, 1, "x");
            victim.send(&frame(FrameKind::More, odd.fields().as_bytes(), &[]));
            victim.answer(Code::Done, &wire::Counted::new(u64::MAX));
            Some(())
        }
        "HASH" => {
            victim.send(&frame(FrameKind::Alive, wire::Alive::new(9, 3).fields().as_bytes(), &[]));
            victim.send(&alive(u64::MAX));
            victim.answer(Code::Sums, &wire::Hashed::new("00", u64::MAX));
            Some(())
        }
        "PUT" => {
            victim.answer(Code::PartThere, &Opened::new(u64::MAX));
            Some(())
        }
        _ => None,
    });
    let said = guest(&site, &server).input("quota\nls -l\nhash f\n-put big\n").run(&[]);
    assert!(!said.err.contains("panicked"), "{}", said.tell());
    said.stdout_has("x\n").stdout_has("00  f\n");
}

/// Folders in folders without an end, which it made here for as long as nobody stopped it.
#[test]
fn folders_that_never_end_are_followed_as_deep_as_there_can_be_any() {
    let attack: Attack = |name, victim| match name {
        "STAT" => {
            victim.answer(Code::Done, &wire::Entry::new(b'd', 0, 0, 0, 0, 0o755, 0, "."));
            Some(())
        }
        "LS" => {
            victim.send(&entry(b'd', "d"));
            victim.answer(Code::Done, &wire::Counted::new(1));
            Some(())
        }
        "RMDIR" => victim.refuse(Code::NotEmpty),
        _ => None,
    };
    let commands: &[&[&str]] = &[
        &["get", "-r", "dir", "new"],
        &["--json", "get", "-r", "dir", "json"],
        &["mirror", "-R", "dir", "here"],
        &["mirror", "--delete", "empty", "dir"],
        &["tree", "dir"],
        &["find", "x", "dir"],
        &["du", "dir"],
        &["ls", "-R", "dir"],
        &["cp", "-r", "dir", "copy"],
    ];
    for words in commands {
        let site = Site::new();
        fs::create_dir_all(site.local().join("empty")).unwrap();
        let server = Hostile::start(attack);
        let said = guest(&site, &server).run(words);
        said.fails(1);
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains("it is more than 64 folders deep"), "{words:?}: {}", said.tell());
        let listed = server.requests().iter().filter(|request| *request == "LS").count();
        // Where files are counted first, all is listed once more.
        assert!((64..=130).contains(&listed), "{words:?}: {listed}");
        let mut deepest = site.local().join(words.last().unwrap());
        let mut levels = 0;
        while deepest.is_dir() {
            (deepest, levels) = (deepest.join("d"), levels + 1);
        }
        assert!(levels <= 64, "{words:?}: {levels}");
    }
}
