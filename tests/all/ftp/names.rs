//! Names as people and other systems make them: through every verb and back, byte for byte.

use std::os::unix::ffi::OsStrExt;

use super::Scene;

/// Names that must work everywhere.
fn good_names() -> Vec<String> {
    let names = [
        " leading",
        "trailing ",
        "two  blanks",
        " ",
        "-la",
        "--",
        "-",
        "say \"hi\"",
        "\"",
        "\"\"",
        "ümläut",
        "名前",
        "🦀",
        "e\u{301}",
        "a;b",
        "a=b; c",
        "*",
        "[a]",
        "?",
        "{a,b}",
        "~",
        "$HOME",
        "`id`",
        "a\\b",
        "%00",
        "%2e%2e",
        "...",
        "..a",
        "#",
        "'",
        "|",
        "<",
        "&",
        "type=dir; x",
        "226 done",
        "\u{a0}",
    ];
    let mut all: Vec<String> = names.map(String::from).into();
    all.push("n".repeat(255));
    all.push("ü".repeat(127) + "x");
    all
}

/// A word with a dash was a flag whatever was there, so that the current folder was listed: a
/// script that removes what `NLST -dash` names emptied it.
#[test]
fn a_name_with_a_dash_is_listed_as_what_it_is() {
    let scene = Scene::new();
    scene.put("-dash", b"x");
    scene.put("other", b"x");
    let mut ann = scene.ann();
    ann.ask("MKD -folder").expect(257);
    ann.store("-folder/inner", b"x").expect(226);
    for (arg, names) in [
        ("-dash", &["-dash"][..]),
        ("-la -dash", &["-dash"]),
        ("-folder", &["-folder/inner"]),
        ("-missing", &["-dash", "-folder", "other"]),
        ("-la", &["-dash", "-folder", "other"]),
        ("-- -dash", &["-dash"]),
    ] {
        let listed = ann.listed(&format!("NLST {arg}"));
        assert_eq!(listed.lines().collect::<Vec<_>>(), names, "{arg}");
        let long = ann.listed(&format!("LIST {arg}"));
        assert_eq!(long.lines().count(), names.len(), "{arg}: {long}");
    }
    assert!(!ann.ask("STAT -dash").expect(213).text().contains("other"));
    // What clients send to see a folder shows it, whatever somebody has stored there.
    scene.put("-la", b"x");
    assert_eq!(ann.listed("NLST -la").lines().count(), 4);
    assert_eq!(ann.listed("NLST ./-la").lines().count(), 1);
}

#[test]
fn any_name_goes_through_every_verb_and_comes_back_as_it_was() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    for name in good_names() {
        let quoted = name.replace('"', "\"\"");
        ann.ask(&format!("MKD {name}")).expect(257).says(&format!("\"/{quoted}\" "));
        ann.ask(&format!("CWD {name}")).expect(250).says(&format!("\"/{quoted}\" "));
        ann.store(&name, name.as_bytes()).expect(226);
        assert_eq!(scene.stored(&format!("{name}/{name}")).as_deref(), Some(name.as_bytes()));
        assert_eq!(ann.fetch(&name), name.as_bytes(), "{name}");
        ann.ask(&format!("SIZE {name}")).expect(213).says(&name.len().to_string());
        // What a listing says can be said back.
        assert_eq!(ann.listed("NLST"), format!("{name}\r\n"));
        assert!(ann.listed("LIST").ends_with(&format!(" {name}\r\n")), "{name}");
        let facts = ann.listed("MLSD");
        assert_eq!(facts.split_once(' ').unwrap().1, format!("{name}\r\n"));
        let one = ann.ask(&format!("MLST {name}"));
        assert!(one.expect(250).lines[1].ends_with(&format!("; /{name}/{name}")), "{one:?}");
        ann.ask(&format!("RNFR {name}")).expect(350);
        ann.ask("RNTO passing").expect(250);
        ann.ask("RNFR passing").expect(350);
        ann.ask(&format!("RNTO {name}")).expect(250);
        ann.ask(&format!("MFMT 20200101000000 {name}")).expect(213);
        ann.ask(&format!("DELE {name}")).expect(250);
        ann.ask("CDUP").expect(250);
        ann.ask(&format!("RMD {name}")).expect(250);
    }
    assert_eq!(ann.listed("NLST"), "");
}

#[test]
fn names_that_cannot_be_are_refused_once_and_make_nothing() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let long = "n".repeat(256);
    let deep = vec!["d"; 65].join("/");
    for name in [long.as_str(), &deep, "a\u{202e}b", "a\u{2066}b"] {
        for verb in ["MKD", "CWD", "DELE", "RMD", "RNFR", "SIZE", "MLST", "RETR", "STOR"] {
            ann.ask(&format!("{verb} {name}")).expect(553);
        }
    }
    // What is no text at all is no argument.
    for name in [&b"a\0b"[..], b"a\x1b[31mb", b"a\tb", b"a\rb", b"a\x7fb", b"\xc2\x9bb", b"\xff"] {
        for verb in ["MKD", "STOR", "CWD"] {
            ann.send_bytes(&[verb.as_bytes(), b" ", name, b"\r\n"].concat());
            ann.reply().expect(501);
        }
    }
    ann.ask("PWD").expect(257).says("\"/\"");
    assert_eq!(ann.listed("NLST"), "");
}

#[test]
fn a_name_on_the_disk_cannot_forge_a_line() {
    let scene = Scene::new();
    scene.put("plain", b"x");
    for name in [&b"a\r\n-rw-r--r-- forged"[..], b"b\n226 done", b"c\x1b[2J", b"d\xffe"] {
        let folder = scene.site.stored("ann", "");
        std::fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), b"").unwrap();
    }
    let mut ann = scene.ann();
    for command in ["LIST", "NLST", "MLSD"] {
        let listing = ann.listed(command);
        assert_eq!(listing.lines().count(), 5, "{listing:?}");
        assert!(!listing.replace("\r\n", "").chars().any(char::is_control), "{listing:?}");
    }
    let told = ann.ask("STAT /").expect(212).clone();
    assert_eq!(told.lines.len(), 7, "{told:?}");
    // A name that cannot be said does not promise that anything can be done with it.
    let odd = ann.listed("MLSD");
    assert_eq!(odd.lines().filter(|line| line.contains("perm=;")).count(), 4, "{odd}");
}
