//! Listings: of large folders, broken off, and in every form at once.

use std::fs::{self, File};
use std::io::Read;

use super::Scene;

/// More than every buffer on the way, for each form.
const MANY: usize = 20_000;

#[test]
fn a_large_folder_passes_through_one_buffer() {
    let scene = Scene::new();
    let folder = scene.site.stored("ann", "many");
    fs::create_dir_all(&folder).unwrap();
    for number in 0..MANY {
        File::create(folder.join(format!("{number:060}"))).unwrap();
    }
    let mut ann = scene.ann();
    // The first listing settles what a thread and a transfer need in any case.
    assert_eq!(ann.listed("NLST /"), "/many\r\n");
    let begun = scene.daemon.rss_bytes();
    for command in ["LIST many", "NLST many", "MLSD many", "LIST many/*"] {
        let listing = ann.listed(command);
        assert_eq!(listing.lines().count(), MANY, "{command}");
        let names: Vec<&str> =
            listing.lines().map(|line| line.rsplit([' ', '/']).next().unwrap()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{command}");
    }
    assert_eq!(ann.ask("STAT many").expect(212).lines.len(), MANY + 2);
    let grown = scene.daemon.rss_bytes().saturating_sub(begun);
    assert!(grown < 4 << 20, "{grown} bytes more");
    broken_off(&scene);
}

/// A listing that is not read to its end never ends well.
fn broken_off(scene: &Scene) {
    let mut ann = scene.ann();
    // The buffers on the way hold one listing of 1.5 MB, perhaps; not the names on their way in.
    for command in ["LIST many", "MLSD many"] {
        let mut data = ann.begin(command);
        data.read_exact(&mut [0; 1000]).unwrap();
        ann.send("ABOR");
        let first = ann.reply();
        if first.code == 426 {
            ann.reply().expect(226);
        } else {
            // It had left already.
            first.expect(226);
            ann.reply().expect(226).says("no transfer");
        }
        ann.ask("PWD").expect(257);
    }
}

#[test]
fn links_and_pipes_are_told_and_never_followed() {
    let scene = Scene::new();
    scene.put("f", b"x");
    let folder = scene.site.stored("ann", "");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("dangling")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.join("pipe"),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    );
    made.unwrap();
    let mut ann = scene.ann();
    let listing = ann.listed("LIST");
    assert!(!listing.contains("passwd") && !listing.contains("nowhere"), "{listing}");
    assert_eq!(listing.lines().filter(|line| line.starts_with('l')).count(), 2, "{listing}");
    assert_eq!(listing.lines().filter(|line| line.starts_with('p')).count(), 1, "{listing}");
    let facts = ann.listed("MLSD");
    assert_eq!(facts.matches("type=OS.unix=symlink;").count(), 2, "{facts}");
    for name in ["link", "dangling", "pipe"] {
        for verb in ["RETR", "SIZE", "MDTM", "CWD", "HASH"] {
            ann.ask(&format!("{verb} {name}")).expect(550);
        }
        ann.ask(&format!("STOR {name}")).expect(550);
        ann.ask(&format!("DELE {name}")).expect(250);
    }
    assert!(fs::metadata("/etc/passwd").is_ok());
    assert_eq!(ann.listed("NLST"), "f\r\n");
}

#[test]
fn paths_stay_inside_however_they_are_written() {
    let scene = Scene::new();
    scene.site.account("bob", "1M");
    drop(scene.daemon.ftp("bob"));
    fs::write(scene.site.stored("bob", "secret"), b"bob's").unwrap();
    scene.put("d/f", b"x");
    let mut ann = scene.ann();
    let paths = [
        "../bob/secret",
        "/../bob/secret",
        "d/../../bob/secret",
        "..\\bob\\secret",
        "/bob/secret",
        "..%2fbob%2fsecret",
        ".miniftp/secret",
        "/../.miniftp/secret",
    ];
    for path in paths {
        for verb in ["RETR", "SIZE", "MLST", "DELE", "MDTM", "XMD5", "RNFR", "LIST", "STAT"] {
            let code = ann.ask(&format!("{verb} {path}")).code;
            assert!([550, 553].contains(&code), "{verb} {path}: {code}");
        }
    }
    assert_eq!(ann.listed("NLST /.."), ann.listed("NLST /").replace("/d", "/../d"));
    ann.ask("RNFR d/f").expect(350);
    ann.ask("RNTO ../bob/f").expect(550);
    assert_eq!(fs::read(scene.site.stored("bob", "secret")).unwrap(), b"bob's");
}
