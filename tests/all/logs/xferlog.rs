//! The xferlog, as the tools that read one expect it.

use std::io::Write;

use super::Scene;
use crate::harness::{CHUNK, bytes, eventually};

#[test]
fn transfers_of_both_doors_have_their_line_and_no_field_shifts() {
    let scene = Scene::new();
    let content = bytes(1, 2 * CHUNK);
    let mut ann = scene.daemon.login("ann");
    ann.store("/a b\u{a0}c", b"seven b", 0).expect(900);
    ann.upload("/up", &content, 0).expect(900);
    assert!(ann.fetch("/up") == content);
    ann.put("/cut", content.len(), 0).expect(802);
    ann.chunk(0, &content[..CHUNK]).expect(900);
    ann.drop_part(true).expect(200);
    ann.put("/big", 2 << 20, 0).expect(270);
    ann.rm("/up", false).expect(200);
    let mut ftp = scene.daemon.ftp("ann");
    ftp.ask("STOR x\ty").expect(501);
    ftp.store("g", b"lines\r\n").expect(226);
    assert_eq!(ftp.fetch("g"), b"lines\r\n");
    ftp.ask("TYPE A").expect(200);
    ftp.store("t", b"lines\r\n").expect(226);
    ftp.ask("TYPE I").expect(200);
    let mut data = ftp.begin("STOR half");
    data.write_all(&content).unwrap();
    ftp.until_moved(content.len());
    ftp.ask("ABOR").expect(426);
    ftp.reply().expect(226);
    let expected = [
        "7 /a_b_c b _ i r ann miniftp 0 * c",
        "131072 /up b _ i r ann miniftp 0 * c",
        "131072 /up b _ o r ann miniftp 0 * c",
        "65536 /cut b _ i r ann miniftp 0 * i",
        "7 /g b _ i r ann ftp 0 * c",
        "7 /g b _ o r ann ftp 0 * c",
        "6 /t a _ i r ann ftp 0 * c",
        "131072 /half b _ i r ann ftp 0 * i",
    ];
    let lines = || scene.read("xferlog").lines().map(str::to_owned).collect::<Vec<_>>();
    eventually("all lines are there", || lines().len() >= expected.len());
    let lines = lines();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [weekday, month, day, clock, year, secs, host, ref rest @ ..] = words[..] else {
            panic!("{line}")
        };
        assert!(weekday.len() == 3 && month.len() == 3 && clock.len() == 8, "{line}");
        assert!(day.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day)), "{line}");
        assert!(year.parse::<u32>().is_ok_and(|year| year >= 2024), "{line}");
        assert!(secs.parse::<u64>().is_ok_and(|secs| secs >= 1), "{line}");
        // The day of the month stands in two places, so that the clock is always in the same one.
        assert_eq!(&line[11..19], clock, "{line}");
        assert_eq!((host, rest.join(" ").as_str()), ("127.0.0.1", expected), "{line}");
    }
}

#[test]
fn guests_are_anonymous() {
    let scene = Scene::new();
    scene.site.setting("guests", "anonymous", "yes");
    let guests = scene.site.home().join("anonymous");
    std::fs::create_dir_all(&guests).unwrap();
    std::fs::write(guests.join("f"), "for all").unwrap();
    let mut guest = crate::harness::FtpTalk::connect(scene.daemon.ftp_addr());
    guest.ask("USER anonymous").expect(331);
    guest.ask("PASS me@example.org").expect(230);
    guest.ask("TYPE I").expect(200);
    assert_eq!(guest.fetch("f"), b"for all");
    let end = " 127.0.0.1 7 /f b _ o a anonymous ftp 0 * c\n";
    eventually("the line is there", || scene.read("xferlog").ends_with(end));
}
