//! Names and paths that are too long, too deep, or no names at all.

use miniftp::limits;
use miniftp::wire::{Here, Mkdir, Move, Nothing, Path, Switched};

use super::Scene;

#[test]
fn names_and_paths_are_bounded_to_the_byte() {
    let mut scene = Scene::new();
    let mut guest = scene.guest();
    let name = "n".repeat(limits::NAME);
    guest.request("MKDIR", &Mkdir::new(&name, 0, miniftp::wire::NO_MODE)).expect(200);
    guest
        .request("MKDIR", &Mkdir::new(&format!("{name}n"), 0, miniftp::wire::NO_MODE))
        .expect(255)
        .says("255 bytes");
    let wide = "ü".repeat(limits::NAME / 2 + 1);
    guest.request("MKDIR", &Mkdir::new(&wide, 0, miniftp::wire::NO_MODE)).expect(255);
    guest.request("STAT", &Path::new(&name)).expect(200);

    let deep = "d/".repeat(limits::DEPTH);
    guest.request("MKDIR", &Mkdir::new(&deep, 1, miniftp::wire::NO_MODE)).expect(200);
    guest
        .request("MKDIR", &Mkdir::new(&format!("{deep}d"), 1, miniftp::wire::NO_MODE))
        .expect(255)
        .says("64 folders");
    guest.request("CD", &Path::new(&deep)).expect(200);
    guest
        .request("MKDIR", &Mkdir::new("d", 0, miniftp::wire::NO_MODE))
        .expect(255)
        .says("64 folders");
    guest.request("CD", &Path::new("..")).expect(200);
    guest.request("CD", &Path::new("d")).expect(200);

    // Sixteen names of 255 bytes and a slash before each are exactly as long as a path may be.
    let longest = format!("/{name}").repeat(16);
    assert_eq!(longest.len(), limits::PATH);
    guest.request("STAT", &Path::new(&longest)).expect(256);
    let longer = format!("{longest}/x");
    guest.request("STAT", &Path::new(&longer)).expect(255).says("4096 bytes");
    let longest_text = "x".repeat(usize::from(u16::MAX) - 500);
    let answer = guest.request("STAT", &Path::new(&longest_text));
    answer.expect(255);
    assert!(answer.text.len() <= limits::TEXT, "{}", answer.text.len());
    scene.others_are_served();
}

#[test]
fn characters_that_act_on_a_terminal_are_no_part_of_a_name() {
    let mut scene = Scene::new();
    let mut guest = scene.guest();
    for path in ["a\nb", "a\0b", "\u{1b}[2J", "a\u{7f}", "\u{85}", "a\u{202e}b"] {
        let answer = guest.request("MKDIR", &Mkdir::new(path, 0, miniftp::wire::NO_MODE));
        answer.expect(255).says("control characters");
        assert!(!answer.text.chars().any(char::is_control), "{:?}", answer.text);
        guest.request("STAT", &Path::new(path)).expect(255);
        guest.request("MV", &Move::new("honest", path, 0)).expect(255);
        guest.store(path, b"", 0).expect(255);
    }
    assert!(guest.request("LS", &Path::new("/")).names().is_empty());
    scene.others_are_served();
}

#[test]
fn the_root_is_where_every_way_up_ends() {
    let scene = Scene::new();
    let mut guest = scene.guest();
    guest.request("MKDIR", &Mkdir::new("in/side", 1, miniftp::wire::NO_MODE)).expect(200);
    for (to, code, then) in [
        ("..", 261, "/"),
        ("/..", 261, "/"),
        ("in/../..", 261, "/"),
        ("in", 200, "/in"),
        ("side", 200, "/in/side"),
        ("../../..", 261, "/in/side"),
        ("../..", 200, "/"),
        ("./in//side/../", 200, "/in"),
        ("", 200, "/in"),
        ("/", 200, "/"),
    ] {
        guest.request("CD", &Path::new(to)).expect(code);
        let answer = guest.request("PWD", &Nothing::new());
        let here: Here<'_> = answer.expect(200).message();
        assert_eq!(here.path, then, "after CD {to:?}");
    }
    guest.store("../../upstairs", b"here", 0).expect(900);
    guest.request("STAT", &Path::new("/upstairs")).expect(200);
    for outside in ["../conf/server.ini", "/../conf/server.ini", "/etc/passwd", ".miniftp"] {
        guest.request("STAT", &Path::new(outside)).expect(256);
    }
    guest.request("RMDIR", &Path::new("/")).expect(261);
    guest.request("RM", &Switched::new("/", 1)).expect(261);
}
