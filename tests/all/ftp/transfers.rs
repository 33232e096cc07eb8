//! Content both ways: every byte, in every size, as it is and as text, whole and from the middle.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use miniftp::limits;

use super::Scene;
use crate::harness::bytes;

#[test]
fn every_size_arrives_byte_for_byte_both_ways() {
    let scene = Scene::with(&[("ftp", "grace_millis", "0")]);
    scene.site.account("bob", "unlimited");
    let mut bob = scene.daemon.ftp("bob");
    let (small, block) = (limits::STREAMING_SMALL, limits::FRAME_DATA);
    let sizes = [0, 1, small - 1, small, small + 1, block - 1, block, block + 1, 5 * block];
    for (seed, size) in sizes.into_iter().enumerate() {
        let content = bytes(seed as u64, size);
        // Once as a new file and once over an old one.
        for name in [format!("new-{size}"), "same".to_owned()] {
            bob.store(&name, &content).expect(226).says(&format!("{size} bytes"));
            let stored = std::fs::read(scene.site.stored("bob", &name)).unwrap();
            assert!(stored == content, "{name}: {size}");
            assert!(bob.fetch(&name) == content, "{name}: {size}");
            bob.ask(&format!("SIZE {name}")).expect(213).says(&size.to_string());
        }
    }
    let expected = sizes.iter().sum::<usize>() + sizes[sizes.len() - 1];
    assert_eq!(bob.used_bytes(), expected as u64);
}

#[test]
fn text_has_its_own_line_ends_on_the_way() {
    let scene = Scene::with(&[("ftp", "grace_millis", "0")]);
    let mut ann = scene.ann();
    ann.ask("TYPE A").expect(200);
    // On the wire, and in the file.
    let up: [(&[u8], &[u8]); 8] = [
        (b"", b""),
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\rb\r", b"a\rb\r"),
        (b"\r\r\n", b"\r\n"),
        (b"\r\n\r\n", b"\n\n"),
        (b"no end\r", b"no end\r"),
        (b"\xff\0\r\n\x80", b"\xff\0\n\x80"),
    ];
    for (wire, file) in up {
        ann.store("up", wire).expect(226).says(&format!("{} bytes", file.len()));
        assert_eq!(scene.stored("up").unwrap(), file, "{}", wire.escape_ascii());
    }
    let down: [(&[u8], &[u8]); 6] = [
        (b"", b""),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\rb\r", b"a\rb\r"),
        (b"\n\n", b"\r\n\r\n"),
        (b"\xff\0\n\x80", b"\xff\0\r\n\x80"),
    ];
    for (file, wire) in down {
        scene.put("down", file);
        assert_eq!(ann.fetch("down"), wire, "{}", file.escape_ascii());
    }
}

#[test]
fn text_does_not_depend_on_where_the_blocks_end() {
    let scene = Scene::with(&[("ftp", "grace_millis", "0")]);
    let mut ann = scene.ann();
    ann.ask("TYPE A").expect(200);
    // A line's end across the border of every buffer on the way, and packets between CR and LF.
    for border in [limits::BUSY_BUFFER, limits::FRAME_DATA, 2 * limits::FRAME_DATA] {
        for before in [border - 2, border - 1, border] {
            let head = vec![b'x'; before];
            let wire = [&head[..], b"\r\n", &head, b"\r\n\rend\r"].concat();
            let file = [&head[..], b"\n", &head, b"\n\rend\r"].concat();
            ann.store("f", &wire).expect(226);
            assert!(scene.stored("f").unwrap() == file, "up, {before}");
            scene.put("g", &file);
            assert!(ann.fetch("g") == wire, "down, {before}");
        }
    }
    let mut data = ann.begin("STOR f");
    for byte in b"a\r\nb\rc\r\r\n\n\r" {
        data.set_nodelay(true).unwrap();
        data.write_all(&[*byte]).unwrap();
    }
    drop(data);
    ann.reply().expect(226);
    assert_eq!(scene.stored("f").unwrap(), b"a\nb\rc\r\n\n\r");
}

/// A command in between threw the offset away without a word: the whole file came, or the second
/// half of an upload replaced the first. All other servers keep it until a transfer takes it.
#[test]
fn what_rest_has_said_is_good_until_a_transfer_takes_it() {
    let scene = Scene::new();
    scene.put("f", b"hello world");
    let mut ann = scene.ann();
    let between = [
        "SIZE f",
        "PWD",
        "CWD .",
        "ABOR",
        "STAT",
        "STAT f",
        "MDTM f",
        "NOOP",
        "PASV",
        "EPSV",
        "ALLO 3",
        "FEAT",
        "MLST f",
        "RNFR f",
        "TYPE I",
        "SITE HELP",
        "nonsense",
        "DELE missing",
    ];
    for command in between {
        ann.ask("REST 3").expect(350);
        ann.ask(command);
        assert_eq!(ann.receive("RETR f").0, b"lo world", "{command}");
        assert_eq!(ann.receive("RETR f").0, b"hello world", "{command}: it was taken");
    }
    ann.ask("REST 3").expect(350);
    ann.receive("LIST").1.expect(226);
    assert_eq!(ann.receive("RETR f").0, b"lo world");
    // One that fails has taken it, and so has one that begins a new file.
    for (command, code) in [("RETR missing", 550), ("STOU", 550)] {
        ann.ask("REST 3").expect(350);
        ann.ask(command).expect(code);
        assert_eq!(ann.receive("RETR f").0, b"hello world", "{command}");
    }
    ann.ask("REST 3").expect(350);
    ann.log_in("ann", "ann-secret").expect(230);
    ann.ask("TYPE I").expect(200);
    assert_eq!(ann.receive("RETR f").0, b"hello world", "another login");

    let data = ann.begin("STOR up");
    (&data).write_all(&bytes(1, 200_001)).unwrap();
    ann.until_moved(200_001);
    ann.ask("ABOR");
    drop(data);
    ann.reply();
    ann.ask("SIZE up").expect(213).says("200001");
    ann.ask("REST 200001").expect(350);
    ann.ask("SIZE up").expect(213);
    ann.transmit("STOR up", b"the rest").expect(226);
    let whole = [&bytes(1, 200_001)[..], b"the rest"].concat();
    assert!(ann.fetch("up") == whole);
}

#[test]
fn a_download_goes_on_from_any_byte() {
    let scene = Scene::new();
    let content = bytes(3, limits::FRAME_DATA + 4321);
    scene.put("f", &content);
    let mut ann = scene.ann();
    let end = content.len();
    for offset in [0, 1, 4321, limits::FRAME_DATA - 1, limits::FRAME_DATA, end - 1, end] {
        ann.ask(&format!("REST {offset}")).expect(350).says(&offset.to_string());
        let (rest, last) = ann.receive("RETR f");
        last.expect(226);
        assert!(rest == content[offset..], "{offset}");
    }
    for offset in [end as u64 + 1, u64::MAX] {
        ann.ask(&format!("REST {offset}")).expect(350);
        ann.ask("RETR f").expect(554).says(&format!("{end} would be right"));
        // It was good for one command.
        assert!(ann.fetch("f") == content);
    }
    ann.ask("TYPE A").expect(200);
    ann.ask("REST 5").expect(350);
    ann.ask("RETR f").expect(554).says("TYPE I");
    ann.ask("REST 5").expect(350);
    ann.ask("STOR f").expect(554).says("TYPE I");
    ann.ask("TYPE I").expect(200);
    assert!(ann.fetch("f") == content);
}

#[test]
fn stou_finds_a_name_that_is_free_and_tells_it() {
    let scene = Scene::new();
    scene.put("notes", b"old");
    let mut ann = scene.ann();
    let mut told = BTreeSet::new();
    for number in 0..5 {
        let mut data = ann.data();
        let opening = ann.ask("STOU notes").expect(150).text();
        let name = opening.strip_prefix("FILE: ").expect("as RFC 1123 has it").to_owned();
        data.write_all(name.as_bytes()).unwrap();
        drop(data);
        ann.reply().expect(226);
        assert_eq!(scene.stored(&name).unwrap(), name.as_bytes());
        assert!(told.insert(name), "{number}");
    }
    assert_eq!(scene.stored("notes").unwrap(), b"old");
    // Two at the same time, before either is whole.
    let mut other = scene.ann();
    let (mut first, mut second) = (ann.data(), other.data());
    let one = ann.ask("STOU twin").expect(150).text();
    let two = other.ask("STOU twin").expect(150).text();
    assert_ne!(one, two);
    first.write_all(b"first").unwrap();
    second.write_all(b"second").unwrap();
    drop((first, second));
    ann.reply().expect(226);
    other.reply().expect(226);
    assert_eq!(scene.stored("twin").unwrap(), b"first");
    assert_eq!(scene.stored("twin.1").unwrap(), b"second");
}

#[test]
fn a_file_that_becomes_shorter_on_its_way_is_named() {
    let scene = Scene::new();
    scene.put_large("d/big");
    let mut ann = scene.ann();
    ann.ask("CWD d").expect(250);
    let mut data = ann.begin("RETR big");
    data.read_exact(&mut [0; 1000]).unwrap();
    let file = scene.site.stored("ann", "d/big");
    std::fs::File::options().write(true).open(file).unwrap().set_len(10).unwrap();
    data.read_to_end(&mut Vec::new()).unwrap();
    drop(data);
    ann.reply().expect(450).says("`/d/big` changed while it was in use");
}
