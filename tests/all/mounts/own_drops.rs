//! What somebody has just put into a drop box is still theirs to name and to date, and nobody's
//! else; what others have there shows in nothing of it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use super::{mount, plant, section};
use crate::ftp_clients::{Ground, USER, installed};
use crate::harness::{Daemon, FtpTalk, Site, bytes, password};

/// A drop box in which somebody else has `taken`, and a teacher who sees what is in it.
fn boxed(site: &Site) {
    plant(site, "real/taken", "what is there");
    let all = section("all", "real", "teacher", "read, write, modify", "100M");
    mount(site, &(all + &section("box", "real", "everybody", "write", "100M")));
}

struct Scene {
    daemon: Daemon,
    site: Site,
}

impl Scene {
    fn new() -> Scene {
        let site = Site::new();
        site.account("ann", "1M").account("bob", "1M").account("teacher", "1M");
        site.setting("guests", "anonymous", "yes");
        boxed(&site);
        Scene { daemon: site.start(), site }
    }

    fn real(&self, name: &str) -> PathBuf {
        self.site.home().join("real").join(name)
    }

    fn guest(&self) -> FtpTalk {
        let mut talk = FtpTalk::connect(self.daemon.ftp_addr());
        talk.log_in("anonymous", "me@").expect(230);
        talk.ask("TYPE I").expect(200);
        talk
    }

    fn secs(&self, name: &str) -> u64 {
        let time = fs::metadata(self.real(name)).unwrap().modified().unwrap();
        time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
    }
}

#[test]
fn the_time_of_what_was_just_stored_can_be_set() {
    let scene = Scene::new();
    for mut talk in [scene.daemon.ftp("ann"), scene.guest()] {
        for (name, at) in [("new", "new"), ("taken", "taken.1")] {
            let path = format!("/box/{name}");
            // Not before it is theirs.
            let refused = talk.ask(&format!("MFMT 20200102030405 {path}"));
            refused.expect(550).says("permission denied");
            let before = scene.secs("taken");
            talk.store(&path, b"mine").expect(226);
            for (line, secs) in [
                ("MFMT 20200102030405 PATH", 1_577_934_245),
                ("MDTM 20200102030406 PATH", 1_577_934_246),
                ("SITE UTIME 20200102030407 PATH", 1_577_934_247),
            ] {
                talk.ask(&line.replace("PATH", &path)).expect(213);
                assert_eq!(scene.secs(at), secs, "{line}");
            }
            assert_eq!(scene.secs("taken"), before);
            // What they have sent themselves they may look at, under the name that they gave it.
            talk.ask(&format!("SIZE {path}")).expect(213).says("4");
            talk.ask(&format!("MDTM {path}")).expect(213).says("20200102030407");
            talk.ask(&format!("MLST {path}")).expect(250).says("size=4;");
            assert_eq!(talk.listed("NLST /box").lines().last().unwrap(), path);
            talk.ask(&format!("RETR {path}")).expect(550).says("permission denied");
            talk.ask(&format!("DELE {path}")).expect(550).says("permission denied");
        }
        // The next one finds the names taken, and learns nothing of that.
        fs::remove_file(scene.real("new")).unwrap();
        fs::remove_file(scene.real("taken.1")).unwrap();
    }
}

#[test]
fn an_upload_under_another_name_gets_its_final_one() {
    let scene = Scene::new();
    let mut ann = scene.daemon.ftp("ann");
    for (number, name) in ["free", "taken", "taken", "same.tmp"].into_iter().enumerate() {
        let content = bytes(number as u64, 100_000 * number);
        let temporary = if name == "same.tmp" { name.to_owned() } else { format!("{name}.tmp") };
        ann.store(&format!("/box/{temporary}"), &content).expect(226);
        ann.ask(&format!("RNFR /box/{temporary}")).expect(350);
        ann.ask(&format!("RNTO /box/{name}")).expect(250).says("renamed");
        ann.ask(&format!("SIZE /box/{name}")).expect(213).says(&content.len().to_string());
        if name != temporary {
            ann.ask(&format!("SIZE /box/{temporary}")).expect(550);
        }
        // It may have its time after that as well.
        ann.ask(&format!("MFMT 20200102030405 /box/{name}")).expect(213);
        let at = ["free", "taken.1", "taken.2", "same.tmp"][number];
        assert!(fs::read(scene.real(at)).unwrap() == content, "{at}");
        assert_eq!(scene.secs(at), 1_577_934_245);
        assert!(!scene.real("taken.tmp").exists());
        scene.daemon.wait_for_log(&format!("mv /box/{temporary} -> /box/{at}"));
    }
    assert_eq!(fs::read(scene.real("taken")).unwrap(), b"what is there");
    // It stays in the box.
    for to in ["/mine", "/box/below/it", "/box"] {
        ann.ask("RNFR /box/free").expect(350);
        assert!(ann.ask(&format!("RNTO {to}")).code >= 500, "{to}");
    }
    assert!(scene.real("free").exists());
    assert_eq!(ann.used_bytes(), 0, "the mount pays");
}

#[test]
fn nobody_else_and_nothing_else() {
    let scene = Scene::new();
    let mut ann = scene.daemon.ftp("ann");
    ann.store("/box/mine", b"mine").expect(226);
    let (mut guest, mut other) = (scene.guest(), scene.guest());
    guest.store("/box/of-a-guest", b"theirs").expect(226);
    let lines = ["MFMT 20200102030405", "RNFR", "SIZE", "MDTM", "MLST", "STAT"];
    for name in ["mine", "of-a-guest", "nothing", "taken"] {
        for mut talk in [scene.daemon.ftp("bob"), scene.guest()] {
            for line in lines {
                let reply = talk.ask(&format!("{line} /box/{name}"));
                reply.expect(550).says(&format!("permission denied: `/box/{name}`"));
            }
            talk.ask("NLST /box").expect(550);
        }
    }
    other.ask("NLST /box").expect(550);
    // Another connection of the account is the account: clients have several.
    scene.daemon.ftp("ann").ask("MFMT 20200102030405 /box/mine").expect(213);
    assert_eq!(scene.secs("mine"), 1_577_934_245);
    // What somebody who may has changed is no longer what was stored.
    let mut teacher = scene.daemon.ftp("teacher");
    teacher.ask("RNFR /all/mine").expect(350);
    teacher.ask("RNTO /all/marked").expect(250);
    teacher.store("/all/mine", b"another").expect(226);
    for line in lines {
        ann.ask(&format!("{line} /box/mine")).expect(550).says("permission denied");
    }
    ann.ask("NLST /box").expect(550);
    assert_eq!(fs::read(scene.real("mine")).unwrap(), b"another");
}

/// Where nothing can be stored there is no room, and of what a guest began nothing is kept.
#[test]
fn guests_are_promised_no_room_and_no_parts() {
    let scene = Scene::new();
    let mut guest = scene.guest();
    guest.ask("AVBL").expect(213).says("0");
    guest.ask("SITE QUOTA").expect(200).says("free 0 bytes");
    let mut data = guest.begin("STOR /box/half");
    std::io::Write::write_all(&mut data, &[7; 100_000]).unwrap();
    guest.until_moved(100_000);
    guest.ask("ABOR").expect(426);
    guest.reply().expect(226);
    scene.daemon.wait_for_log("@127.0.0.1 put /box/half broke off after ");
    let log = scene.daemon.log();
    let line = log.lines().find(|line| line.contains("put /box/half")).unwrap();
    assert!(!line.contains("kept"), "{line}");
}

/// Places that are no drop boxes and show nothing all the same: a home that is only written to, and
/// a mount where things can be changed and not read.
#[test]
fn what_was_just_stored_where_nothing_may_be_read() {
    let site = hidden();
    let daemon = site.start();
    for (home, account, may_replace) in [("", "ann", false), ("/m", "bob", true)] {
        let mut talk = daemon.ftp(account);
        let at = |name: &str| format!("{home}/{name}");
        talk.store(&at("f.tmp"), b"mine").expect(226);
        talk.ask(&format!("SIZE {}", at("f.tmp"))).expect(213).says("4");
        talk.ask(&format!("MFMT 20200102030405 {}", at("f.tmp"))).expect(213);
        talk.ask(&format!("RNFR {}", at("f.tmp"))).expect(350);
        talk.ask(&format!("RNTO {}", at("f"))).expect(250);
        talk.ask(&format!("SIZE {}", at("f"))).expect(213).says("4");
        talk.ask(&format!("SIZE {}", at("f.tmp"))).expect(550);
        talk.ask(&format!("MDTM {}", at("f"))).expect(213).says("20200102030405");
        talk.ask(&format!("MFMT 20200102030406 {}", at("f"))).expect(213);
        talk.ask(&format!("MLST {}", at("f"))).expect(250).says("size=4;");
        assert!(talk.listed(&format!("NLST {home}/")).contains("f\r\n"));
        // What is not theirs stays hidden, and where it may not be changed it is not replaced.
        for line in ["SIZE", "MDTM", "MLST", "RETR"] {
            let name = at("there");
            talk.ask(&format!("{line} {name}")).expect(550).says("permission denied");
        }
        assert!(!talk.listed(&format!("NLST {home}/")).contains("there"));
        talk.ask(&format!("RNFR {}", at("f"))).expect(350);
        let replaced = talk.ask(&format!("RNTO {}", at("there"))).code == 250;
        assert_eq!(replaced, may_replace);
        let there = if home.is_empty() { "ann/there" } else { "real/there" };
        let expected = if may_replace { "mine" } else { "what is there" };
        assert_eq!(fs::read_to_string(site.home().join(there)).unwrap(), expected);
    }
}

/// Ann may only write in her home; everybody may write and change in a mount, and not read.
fn hidden() -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    plant(&site, "ann/there", "what is there");
    plant(&site, "real/there", "what is there");
    let accounts = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    let text = accounts.replacen("role = user", "rights = write\nrole = user", 1);
    fs::write(site.conf().join("accounts.ini"), text).unwrap();
    mount(&site, &section("m", "real", "everybody", "write, modify", "100M"));
    site
}

#[test]
fn clients_that_date_and_rename_are_content_where_nothing_may_be_read() {
    if !installed(&["rclone", "ncftpput"]) {
        return;
    }
    assert_eq!(USER, "ann", "whose home is only written to");
    let site = hidden();
    let daemon = site.start();
    let ground = Ground { daemon, site };
    for n in 0..3 {
        ground.write(&format!("tree/f{n}"), &bytes(n, 5000));
    }
    ground.write("other", b"ours");
    let (port, password) = (ground.port(), password(USER));
    for (to, real) in [("", "ann"), ("m", "real")] {
        ground.rclone(&["copy", "tree", &format!("box:{to}")]).ok();
        let real = ground.site.home().join(real);
        for n in 0..3 {
            assert!(fs::read(real.join(format!("f{n}"))).unwrap() == bytes(n, 5000), "{to}");
        }
        let login = ["-V", "-T", ".tmp.", "-u", USER, "-p", &password, "-P", &port];
        let words = ["127.0.0.1", &format!("/{to}"), "other"];
        ground.run("ncftpput", &[&login[..], &words].concat()).ok();
        assert_eq!(fs::read(real.join("other")).unwrap(), b"ours");
        // Nothing is left under a name that was not the last.
        let names = fs::read_dir(&real).unwrap().map(|entry| entry.unwrap().file_name());
        let left = names.filter(|name| name.to_string_lossy().contains("tmp")).count();
        assert_eq!(left, 0, "{to}");
    }
}

#[test]
fn clients_that_date_and_rename_are_content() {
    if !installed(&["rclone", "ncftpput"]) {
        return;
    }
    let site = Site::new();
    site.account(USER, "1M").account("teacher", "1M");
    boxed(&site);
    let daemon = site.start();
    let ground = Ground { daemon, site };
    for n in 0..20 {
        ground.write(&format!("tree/f{n}"), &bytes(n, 5000));
    }
    ground.write("taken", b"ours");
    let real = ground.site.home().join("real");
    // Four at a time, over as many connections.
    ground.rclone(&["copy", "tree", "box:box"]).ok();
    // And again, as somebody who is not sure.
    ground.rclone(&["copy", "tree", "box:box"]).ok();
    ground.rclone(&["copy", "taken", "box:box"]).ok();
    for n in 0..20 {
        let name = format!("f{n}");
        assert!(fs::read(real.join(&name)).unwrap() == bytes(n, 5000));
        let [here, there] = [ground.local(&format!("tree/{name}")), real.join(&name)]
            .map(|path| fs::metadata(path).unwrap().modified().unwrap());
        let apart = here.duration_since(there).unwrap_or_else(|e| e.duration());
        assert!(apart < Duration::from_secs(1), "{name}: {apart:?}");
    }
    assert_eq!(fs::read(real.join("taken.1")).unwrap(), b"ours");
    let (port, password) = (ground.port(), password(USER));
    let login = ["-V", "-u", USER, "-p", &password, "-P", &port];
    for (number, way) in [&[][..], &["-T", "tmp-"], &["-S", ".tmp"]].into_iter().enumerate() {
        let words = [&login[..], way, &["127.0.0.1", "/box", "taken"]].concat();
        ground.run("ncftpput", &words).ok();
        assert_eq!(fs::read(real.join(format!("taken.{}", number + 2))).unwrap(), b"ours");
    }
    assert_eq!(fs::read(real.join("taken")).unwrap(), b"what is there");
    assert_eq!(fs::read_dir(&real).unwrap().count(), 25);
}
