//! Accounts come into being in one way, whichever interface asks: none of them gives a name a home
//! that touches a mount's directory, or the files of an account that was removed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use super::{ask, number, record, stranger};
use crate::harness::{Daemon, FtpTalk, Site, eventually, password, write_file};

/// A server with an operator at its terminal, and an admin who is logged in by both protocols.
struct World {
    site: Site,
    daemon: Daemon,
    ftp: FtpTalk,
    /// The numbers of the registrations that wait.
    numbers: BTreeMap<&'static str, u64>,
}

/// A way to ask for an account.
struct Way {
    /// The account's name says it.
    name: &'static str,
    /// Whether an operator can say that what is there is taken over.
    adopts: bool,
    /// What comes before: a registration that waits.
    waits: bool,
    /// Asks, and gives what was answered.
    ask: fn(&mut World, &str, bool) -> String,
}

const WAYS: [Way; 12] = [
    Way { name: "add", adopts: true, waits: false, ask: add },
    Way { name: "client", adopts: true, waits: false, ask: client },
    Way { name: "site", adopts: true, waits: false, ask: site_create },
    Way { name: "import", adopts: true, waits: false, ask: import },
    Way { name: "open", adopts: false, waits: false, ask: open },
    Way { name: "invited", adopts: false, waits: false, ask: invited },
    Way { name: "listed", adopts: false, waits: false, ask: listed },
    Way { name: "approved", adopts: false, waits: true, ask: approved },
    Way { name: "typed", adopts: false, waits: true, ask: typed },
    Way { name: "afar", adopts: false, waits: true, ask: afar },
    Way { name: "behind.site", adopts: false, waits: true, ask: behind_site },
    Way { name: "class", adopts: false, waits: true, ask: class },
];

impl World {
    fn new() -> World {
        let site = Site::new();
        site.admin("root");
        site.setting("registration", "waiting", "1000");
        fs::write(site.conf().join("invites.ini"), "[CODE-123]\nuses = 100\n").unwrap();
        fs::write(site.conf().join("class.csv"), "listed\n").unwrap();
        let daemon = site.start_with_console();
        let ftp = FtpTalk::login(daemon.ftp_addr(), "root");
        World { site, daemon, ftp, numbers: BTreeMap::new() }
    }

    /// Registers those who wait for somebody's word.
    fn register(&mut self) {
        for way in WAYS.iter().filter(|way| way.waits) {
            let answer = ask(&mut stranger(&self.site), way.name, "");
            self.numbers.insert(way.name, number(answer.expect(281)));
        }
    }

    /// The number of a registration.
    fn number(&self, name: &str) -> String {
        self.numbers[name].to_string()
    }

    /// Empties mounts.ini, and waits until the command line can know that nothing is mounted.
    fn unmount(&self) {
        fs::write(self.site.conf().join("mounts.ini"), "").unwrap();
        eventually("nothing is mounted any more", || {
            let note = fs::read_to_string(self.site.home().join(".miniftp/in_force"));
            !note.unwrap().contains("mounts.ini")
        });
    }

    fn has(&self, name: &str) -> bool {
        self.site.accounts().current().account(name).is_some()
    }

    /// Asks for every account, and tells which were refused, in one text.
    #[track_caller]
    fn all_are_refused(&mut self, adopt: bool, says: &str) {
        for way in WAYS.iter().filter(|way| !adopt || way.adopts) {
            let said = (way.ask)(self, way.name, adopt);
            assert!(!self.has(way.name), "{}: {said}", way.name);
            // Strangers are told no more than that the name is taken.
            let stranger = ["open", "invited", "listed"].contains(&way.name);
            let says = if stranger { "is taken" } else { says };
            assert!(said.contains(says), "{}: {said}", way.name);
        }
    }
}

fn run(world: &World, words: &[&str], adopt: bool) -> String {
    let mut words = words.to_vec();
    words.extend(adopt.then_some("--adopt"));
    world.site.miniftpd(&words, "a-secret\n").tell()
}

fn add(world: &mut World, name: &str, adopt: bool) -> String {
    run(world, &["account", "add", name], adopt)
}

fn client(world: &mut World, name: &str, adopt: bool) -> String {
    let mut words = vec!["admin", "create", name];
    words.extend(adopt.then_some("--adopt"));
    let client = world.site.client("root").env("MINIFTP_NEW_PASSWORD", "a-secret");
    client.run(&words).tell()
}

fn site_create(world: &mut World, name: &str, adopt: bool) -> String {
    let adopt = if adopt { " ADOPT" } else { "" };
    world.ftp.ask(&format!("SITE CREATE {name} a-secret quota=1M{adopt}")).text()
}

fn import(world: &mut World, name: &str, adopt: bool) -> String {
    let text = format!(r#"{{"name": "{name}", "password": "a-secret"}}"#);
    fs::write(world.site.local().join("one.json"), text).unwrap();
    run(world, &["account", "import", "one.json"], adopt)
}

fn open(world: &mut World, name: &str, _: bool) -> String {
    world.site.setting("registration", "mode", "open");
    let said = world.site.client(name).run(&["register"]).tell();
    world.site.setting("registration", "mode", "ask");
    said
}

fn invited(world: &mut World, name: &str, _: bool) -> String {
    let mut talk = FtpTalk::connect(world.daemon.ftp_addr());
    talk.ask(&format!("SITE REGISTER {name} a-secret CODE-123")).text()
}

fn listed(world: &mut World, name: &str, _: bool) -> String {
    let answer = stranger(&world.site)
        .request("REGISTER", &miniftp::wire::Register::new(name, &record(name), ""));
    format!("{answer:?}")
}

fn approved(world: &mut World, name: &str, _: bool) -> String {
    let number = world.number(name);
    run(world, &["account", "approve", &number], false)
}

fn typed(world: &mut World, name: &str, _: bool) -> String {
    let (number, before) = (world.number(name), world.daemon.printed().len());
    world.daemon.type_line(&format!("approve {number}"));
    eventually("the terminal's answer", || world.daemon.printed().len() > before);
    world.daemon.printed()[before..].to_owned()
}

fn afar(world: &mut World, name: &str, _: bool) -> String {
    let number = world.number(name);
    world.site.miniftp("root", &["admin", "approve", &number]).tell()
}

fn behind_site(world: &mut World, name: &str, _: bool) -> String {
    let number = world.number(name);
    world.ftp.ask(&format!("SITE APPROVE {number}")).text()
}

fn class(world: &mut World, name: &str, _: bool) -> String {
    let path = world.site.local().join("new-class.csv");
    write_file(&path, format!("listed\n{name}\n").as_bytes());
    run(world, &["account", "import", path.to_str().unwrap()], false)
}

/// Sections of mounts.ini, in each of which `dir` is what a name becomes.
fn mounts(dir: impl Fn(&str) -> String) -> String {
    let section = |(at, way): (usize, &Way)| {
        let dir = dir(way.name);
        format!("[m{at}]\nat = /m{at}\ndir = {dir}\nfor = all\nrights = read\n")
    };
    WAYS.iter().enumerate().map(section).collect()
}

#[test]
fn no_interface_gives_a_name_a_home_that_touches_a_mount() {
    let mut world = World::new();
    world.register();
    let (home, link) = (world.site.home(), world.site.root().join("link"));
    symlink(&home, &link).unwrap();
    let (home, link) = (home.display().to_string(), link.display().to_string());
    let file = world.site.conf().join("mounts.ini");
    // While an edit is taken over, the mount of before has no section any more.
    let in_the_way = "directory of the mount `";
    let forms: [&dyn Fn(&str) -> String; 4] = [
        &|name| name.to_owned(),
        &|name| format!("{name}/in/it"),
        &|name| format!("{home}/{name}"),
        &|name| format!("{link}/{name}/in"),
    ];
    for (at, form) in forms.iter().enumerate() {
        // What is mounted from the homes is made where it is missing.
        fs::write(&file, mounts(form)).unwrap();
        for way in &WAYS {
            fs::create_dir_all(world.site.home().join(way.name).join("in/it")).unwrap();
        }
        world.all_are_refused(at > 0, in_the_way);
        if at > 0 {
            continue;
        }
        world.all_are_refused(true, in_the_way);
        // In force still, but no more in the file, which has a fault; then the other way round.
        world.ftp.ask("SITE WHO").expect(200);
        fs::write(&file, "[torn\n").unwrap();
        world.all_are_refused(false, in_the_way);
        world.unmount();
        for way in &WAYS {
            fs::remove_dir_all(world.site.home().join(way.name)).unwrap();
        }
        fs::write(&file, format!("{}[torn\n", mounts(form))).unwrap();
        world.all_are_refused(false, in_the_way);
    }
    world.unmount();
    // A session keeps what it had mounted open until its next command.
    world.ftp.ask("SITE WHO").expect(200);
    for way in &WAYS {
        fs::remove_dir_all(world.site.home().join(way.name)).unwrap();
    }
    // Nothing stood in the way but the mounts.
    for way in &WAYS {
        let said = (way.ask)(&mut world, way.name, false);
        assert!(world.has(way.name), "{}: {said}", way.name);
    }
}

#[test]
fn what_a_removed_account_left_is_taken_over_only_by_an_operator_who_says_so() {
    let mut world = World::new();
    world.register();
    for way in &WAYS {
        let home = world.site.home().join(way.name);
        fs::create_dir(&home).unwrap();
        fs::write(home.join("diary"), "private").unwrap();
    }
    world.all_are_refused(false, "has files here already");
    for way in WAYS.iter().filter(|way| way.adopts) {
        let said = (way.ask)(&mut world, way.name, true);
        assert!(world.has(way.name), "{}: {said}", way.name);
        let mut talk = FtpTalk::connect(world.daemon.ftp_addr());
        talk.log_in(way.name, "a-secret").expect(230);
        assert_eq!(talk.fetch("diary"), b"private");
    }
    // Unfinished uploads are files too, and so is a file where the home would be.
    let parts = world.site.home().join(".miniftp/parts/late");
    fs::create_dir_all(&parts).unwrap();
    fs::write(parts.join("0.part"), "half").unwrap();
    assert!(add(&mut world, "late", false).contains("has files here already"));
    fs::write(world.site.home().join("file"), "").unwrap();
    for adopt in [false, true] {
        let said = client(&mut world, "file", adopt);
        assert!(said.contains("`file` among the homes is not a directory"), "{said}");
    }
}

#[test]
fn while_no_server_runs_the_file_alone_counts() {
    let site = Site::new();
    let link = site.root().join("elsewhere");
    symlink(site.home().join("far"), &link).unwrap();
    let dirs = ["near".to_owned(), site.home().join("whole/in").display().to_string()];
    let dirs = dirs.iter().cloned().chain([link.display().to_string()]);
    let text: String = dirs
        .enumerate()
        .map(|(at, dir)| format!("[m{at}]\nat = /m{at}\ndir = {dir}\nfor = all\nrights = read\n"))
        .collect();
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    for (name, mount) in [("near", "m0"), ("whole", "m1"), ("far", "m2")] {
        let said = site.miniftpd(&["account", "add", name, "--adopt"], "a-secret\n");
        said.fails(1).stderr_has(&format!("the directory of the mount `{mount}`"));
    }
    site.miniftpd(&["account", "add", "free"], "a-secret\n").ok();
    // A file that cannot be read may mount anything.
    fs::remove_file(site.conf().join("mounts.ini")).unwrap();
    fs::create_dir(site.conf().join("mounts.ini")).unwrap();
    site.miniftpd(&["account", "add", "ann"], "a-secret\n").fails(1).stderr_has("mounts.ini");
}

/// Whoever writes the files by hand, or at the same moment, is not stopped; so the server looks
/// again when somebody comes in.
#[test]
fn an_account_whose_home_is_a_mount_all_the_same_does_not_come_in() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let text = "[theirs]\nat = /theirs\ndir = new\nfor = all\nrights = read, write\nsize = 1M\n";
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    let daemon = site.start();
    daemon.login("ann").store("theirs/f", b"shared", 0).expect(900);
    let ini = site.conf().join("accounts.ini");
    let edited = fs::read_to_string(&ini).unwrap().replace("[bob]", "[new]");
    fs::write(&ini, edited).unwrap();
    daemon.connect().log_in("new", &password("bob")).expect(253);
    daemon.wait_for_log("new cannot log in: others could change its home through [theirs]");
}
