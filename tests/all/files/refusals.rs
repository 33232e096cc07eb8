//! Each command at each thing of the wrong kind: the code, and that nothing changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use miniftp::wire;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::{Frames, Site, snapshot};

/// A folder with one thing of each kind: file, folder that holds a file, link, pipe.
fn plant(home: &Path) {
    fs::create_dir_all(home.join("d")).unwrap();
    fs::write(home.join("d/x"), "in the folder").unwrap();
    fs::write(home.join("f"), "a file").unwrap();
    symlink("f", home.join("l")).unwrap();
    symlink("d", home.join("ld")).unwrap();
    mknodat(CWD, home.join("p"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
}

fn give(ann: &mut Frames, command: &str) -> u16 {
    let words: Vec<&str> = command.split(' ').collect();
    let path = words.get(1).copied().unwrap_or("");
    let answer = match words[0] {
        "MKDIR" => ann.mkdir(path, false),
        "MKDIR-P" => ann.mkdir(path, true),
        "RM" => ann.rm(path, false),
        "RM-R" => ann.rm(path, true),
        "MV" => ann.mv(path, words[2], false),
        "MV-F" => ann.mv(path, words[2], true),
        "HASH" => ann.request("HASH", &wire::Hash::new(path, "md5")),
        "SUMS" => ann.request("SUMS", &wire::SumsOf::new(path, 0, 1, 0)),
        "GET" => ann.get(path),
        "STORE" => ann.store(path, b"new", 0),
        "STORE-F" => ann.store(path, b"new", 1),
        "PUT" => ann.put(path, 3, 0),
        "PUT-F" => ann.put(path, 3, 3),
        name => ann.on(name, path),
    };
    answer.code
}

#[test]
fn each_command_refuses_what_it_cannot_do_and_nothing_changes() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let home = site.stored("ann", "");
    plant(&home);
    let before = snapshot(&site.home());
    let refused = [
        (255, "MV-F d d/y;MV d d/y"),
        (
            256,
            "CD m;LS m;STAT m;STAT m/x;MKDIR m/x;RMDIR m;RM m;RM-R m;MV m n;MV f m/x;HASH m;SUMS m;\
             GET m;GET m/x;STORE m/x;PUT m/x;FORGET m;FORGET f",
        ),
        (261, "RM-R /;MV / x;MV f /;MV-F f /;RMDIR /"),
        (262, "MKDIR f;MKDIR d;MKDIR l;MKDIR p;MKDIR /;MV f d/x;MV f f;STORE f;PUT f"),
        (262, "MKDIR-P f;MKDIR-P l;MV d/x f"),
        (263, "MV f d;RM d;RM /;HASH d;SUMS d;GET d;GET /;MV-F f d;STORE d;STORE-F d;PUT d"),
        (263, "PUT-F d;PUT /"),
        (264, "CD f;CD f/x;CD l;CD ld;CD p;LS f;LS ld;LS p;STAT f/x;STAT ld/x;MKDIR f/x;RMDIR f"),
        (264, "RMDIR l;RMDIR p;RM f/x;RM ld/x;MV-F d f;MV f d/x/y;GET f/x;GET ld/x;STORE f/x"),
        (264, "MV d f;PUT ld/x;MKDIR-P f/x/y;MKDIR-P ld/y;STORE-F ld/x"),
        (265, "RMDIR d"),
        (266, "HASH l;HASH p;SUMS l;SUMS p;GET l;GET p;GET ld;STORE l;STORE-F l;STORE p;PUT l"),
        (266, "MV f l;PUT-F p;STORE-F ld;MV-F f l;MV-F f p"),
    ];
    for (code, commands) in refused {
        for command in commands.split(';') {
            assert_eq!(give(&mut ann, command), code, "{command}");
        }
    }
    assert_eq!(ann.parts(), []);
    assert_eq!(snapshot(&site.home()), before);
    // A link and a pipe are told as what they are, and can be moved and removed as themselves.
    let kinds: Vec<(char, String)> =
        ann.on("LS", "").entries().into_iter().map(|entry| (entry.kind, entry.name)).collect();
    let told = [('d', "d"), ('f', "f"), ('l', "l"), ('l', "ld"), ('o', "p")];
    assert_eq!(kinds, told.map(|(kind, name)| (kind, name.to_owned())));
    for (command, left) in [("MV l k", "d f k ld p"), ("RM k", "d f ld p"), ("RM p", "d f ld")] {
        assert_eq!(give(&mut ann, command), 200, "{command}");
        assert_eq!(ann.on("LS", "").names().join(" "), left, "{command}");
    }
    assert_eq!(fs::read(home.join("f")).unwrap(), b"a file");
    assert_eq!(give(&mut ann, "RM-R ld"), 200);
    assert_eq!(fs::read(home.join("d/x")).unwrap(), b"in the folder");
}

#[test]
fn fields_out_of_range_are_refused_and_the_line_lives() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("f", &[7; 100_000], 0).expect(900);
    for offset in [1, 65_537, 131_072, 131_073, u64::MAX - 65_535, u64::MAX] {
        let refused = ann.request("GET", &wire::Get::new("f", offset, u64::MAX, 0));
        // What it says would be right is right.
        let text = refused.expect(274).text.clone();
        let right = text.split(' ').find_map(|word| word.parse().ok().filter(|n| *n != offset));
        let right = right.unwrap_or_else(|| panic!("{text}"));
        ann.request("GET", &wire::Get::new("f", right, u64::MAX, 0)).expect(257);
        ann.request("SUMS", &wire::SumsOf::new("f", offset, 1, 0)).expect(274).says(&text);
    }
    ann.request("GET", &wire::Get::new("f", 0, 1, 0)).expect(252);
    ann.request("GET", &wire::Get::new("f", 65_536, 0, 0)).expect(257);
    ann.request("SUMS", &wire::SumsOf::new("f", 0, u32::MAX, 0)).expect(258);
    ann.request("PUT", &wire::Put::new("g", u64::MAX, 0, 0, wire::NO_MODE, 0, &[])).expect(252);
    ann.request("PUT", &wire::Put::new("g", i64::MAX as u64, 0, 0, wire::NO_MODE, 0, &[]))
        .expect(270);
    ann.request("PUT", &wire::Put::new("g", 5, 0, 1_000_000_000, wire::NO_MODE, 0, &[]))
        .expect(252);
    ann.request("PUT", &wire::Put::new("g", 5, 0, 0, wire::NO_MODE, 8, &[])).expect(252);
    ann.request("HELD", &wire::Held::new(0, 1)).expect(269);
    ann.request("USE", &wire::Use::new("crc32", 1, 1)).expect(252);
    ann.request("NOSUCH", &wire::Nothing::new()).expect(251).says("try HELP");
    ann.request("CD", &wire::Nothing::new()).expect(250).says("path");
    ann.request("PWD", &wire::Path::new("x")).expect(250);
    ann.request_with_data("CD", &wire::Path::new("/"), b"data").expect(252);
    assert_eq!(ann.pwd(), "/");
}
