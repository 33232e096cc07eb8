//! A mount that is only written to: whatever has a name in it, every answer of both protocols is
//! the one for a name that is free.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use miniftp::wire;

use super::{mount, plant, section};
use crate::harness::{Answer, Daemon, Frames, FtpTalk, Reply, Site, bytes, eventually, reset};

/// What can have a name, each with the name that has it. All are as long as each other.
const TAKEN: [(&str, &str); 6] = [
    ("nothing", "x-free"),
    ("a file", "x-file"),
    ("a directory", "x-dire"),
    ("a link", "x-link"),
    ("an upload of somebody who may look", "x-seen"),
    ("an upload of somebody who may not", "x-blin"),
];

/// Two accounts and guests with a drop box, and one who sees what is in it.
struct Scene {
    daemon: Daemon,
    /// They write while the others ask.
    _writers: [Frames; 2],
    site: Site,
}

impl Scene {
    fn new() -> Scene {
        let site = Site::new();
        site.account("ann", "1M").account("bob", "1M").account("teacher", "1M");
        site.setting("guests", "anonymous", "yes");
        plant(&site, "real/x-file", "what is there");
        plant(&site, "real/x-dire/inner", "inner");
        symlink("x-file", site.home().join("real/x-link")).unwrap();
        let all = section("all", "real", "teacher", "read, write, modify", "100M");
        mount(&site, &(all + &section("box", "real", "everybody", "write", "100M")));
        let daemon = site.start();
        let mut writers = [daemon.login("teacher"), daemon.login("ann")];
        writers[0].put("/all/x-seen", 200_000, 2).expect(802);
        writers[1].put("/box/x-blin", 200_000, 2).expect(802);
        Scene { daemon, _writers: writers, site }
    }

    fn framed(&self, guest: bool) -> Frames {
        if !guest {
            return self.daemon.login("bob");
        }
        let mut frames = self.daemon.connect();
        frames.hello();
        frames.request("GUEST", &wire::Nothing::new()).expect(254);
        frames
    }

    fn ftp(&self, guest: bool) -> FtpTalk {
        if !guest {
            return self.daemon.ftp("bob");
        }
        let mut talk = FtpTalk::connect(self.daemon.ftp_addr());
        talk.log_in("anonymous", "me@").expect(230);
        talk.ask("TYPE I").expect(200);
        talk
    }
}

/// A text without what differs anyway: the name, figures, and the random end of a name.
fn plain(text: &str, name: &str) -> String {
    let text = text.replace(name, "NAME");
    let mut out = String::new();
    for word in text.split_inclusive(' ') {
        let word = match word.split_once("NAME.") {
            Some((before, _)) => format!("{before}NAME.RANDOM"),
            None => word.to_owned(),
        };
        out.extend(word.chars().filter(|c| !c.is_ascii_digit()));
    }
    out
}

fn told(answer: &Answer, name: &str) -> String {
    let parts: Vec<_> = answer.parts.iter().map(|part| part.data.len()).collect();
    let fields = plain(&String::from_utf8_lossy(&answer.fields), name);
    format!("{} {} {fields:?} {parts:?}", answer.code, plain(&answer.text, name))
}

/// What `WHY` says, whatever the figures are.
fn why(frames: &mut Frames, path: &str, name: &str) -> String {
    let rows = super::why::rows(&frames.on("WHY", path)).into_iter();
    let rows: Vec<String> =
        rows.map(|(what, may, why)| format!("{what} {may} {}", plain(&why, name))).collect();
    rows.join("\n")
}

/// Every command about a name, in an order in which what they make counts for the later ones.
fn by_frames(frames: &mut Frames, name: &str, guest: bool) -> Vec<(String, String)> {
    let at = &format!("/box/{name}");
    let below = &format!("{at}/inner");
    let mut all = Vec::new();
    all.push(("WHY".to_owned(), why(frames, at, name)));
    all.push(("WHY below".to_owned(), why(frames, below, name)));
    let mut note = |what: &str, answer: Answer| all.push((what.to_owned(), told(&answer, name)));
    for command in ["STAT", "LS", "CD", "RMDIR", "FORGET"] {
        note(command, frames.on(command, at));
        note(&format!("{command} below"), frames.on(command, below));
    }
    note("GET", frames.get(at));
    note("HASH", frames.request("HASH", &wire::Hash::new(at, "md5")));
    note("SUMS", frames.request("SUMS", &wire::SumsOf::new(at, 0, 9, 0)));
    note("RM", frames.rm(at, false));
    note("RM -r", frames.rm(at, true));
    note("MKDIR", frames.mkdir(at, false));
    note("MKDIR -p", frames.mkdir(at, true));
    note("MKDIR -p below", frames.mkdir(below, true));
    note("MV away", frames.mv(at, "/mine", false));
    note("MV within", frames.mv(at, "/box/other", true));
    note("STORE below", frames.store(below, b"text", 0));
    note("PUT below", frames.put(below, 9, 0));
    if !guest {
        frames.store("/own", b"moved", 1);
        note("MV into", frames.mv("/own", at, false));
        frames.store("/own", b"moved", 1);
        note("MV over", frames.mv("/own", at, true));
        frames.store("/own", b"moved", 1);
        note("MV below", frames.mv("/own", below, false));
    }
    note("STORE", frames.store(at, b"stored", 0));
    note("STORE over", frames.store(at, b"what is there", 1));
    for flags in 0..4 {
        note("PUT", frames.put(at, 70_000, flags));
        note("HELD", frames.request("HELD", &wire::Held::new(0, 9)));
        note("DROP", frames.drop_part(false));
    }
    let content = bytes(1, 100_000);
    note("PUT whole", frames.put(at, content.len(), 1));
    frames.send_from(&content, 0);
    note("DONE", frames.done(&content));
    note("STAT again", frames.on("STAT", at));
    all.push(("WHY again".to_owned(), why(frames, at, name)));
    all
}

fn by_ftp(talk: &mut FtpTalk, name: &str, guest: bool) -> Vec<(String, String)> {
    let at = &format!("/box/{name}");
    let below = &format!("{at}/inner");
    let mut all = Vec::new();
    let mut note = |what: &str, reply: Reply| {
        all.push((what.to_owned(), format!("{} {}", reply.code, plain(&reply.text(), name))));
    };
    for verb in [
        "SIZE",
        "MDTM",
        "MLST",
        "CWD",
        "STAT",
        "HASH",
        "XCRC",
        "XMD5",
        "XSHA256",
        "AVBL",
        "RMD",
        "DELE",
        "MKD",
        "RNFR",
        "RETR",
        "LIST",
        "NLST",
        "MLSD",
        "SITE WHY",
        "MFMT 20200101000000",
    ] {
        for path in [at, below] {
            note(verb, talk.ask(&format!("{verb} {path}")));
        }
    }
    note("LIST a pattern", talk.ask(&format!("LIST {at}*")));
    note("STOR below", talk.ask(&format!("STOR {below}")));
    if !guest {
        for to in [at, below] {
            talk.store("/own", b"moved").expect(226);
            talk.ask("RNFR /own").expect(350);
            note("RNTO", talk.ask(&format!("RNTO {to}")));
        }
    }
    note("REST", talk.ask("REST 5"));
    note("STOR behind", talk.ask(&format!("STOR {at}")));
    note("STOR", talk.store(at, b"stored"));
    note("APPE", talk.transmit(&format!("APPE {at}"), b"appended"));
    let mut data = talk.data();
    note("STOU begins", talk.ask(&format!("STOU {at}")));
    std::io::Write::write_all(&mut data, b"unique").unwrap();
    drop(data);
    note("STOU", talk.reply());
    note("STOR large", talk.store(at, &bytes(2, 200_000)));
    note("SIZE again", talk.ask(&format!("SIZE {at}")));
    all
}

/// All that lies on the disk, by content.
fn stored(site: &Site, content: &[u8]) -> usize {
    let all = fs::read_dir(site.home().join("real")).unwrap().map(Result::unwrap);
    let files = all.filter(|entry| entry.file_type().unwrap().is_file());
    files.filter(|entry| fs::read(entry.path()).unwrap() == content).count()
}

#[test]
fn no_answer_of_either_protocol_depends_on_what_has_the_name() {
    for guest in [false, true] {
        let scene = Scene::new();
        let mut free: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
        for (what, name) in TAKEN {
            let said = by_frames(&mut scene.framed(guest), name, guest);
            let free = free.entry("framed").or_insert_with(|| said.clone());
            for (now, free) in said.iter().zip(free.iter()) {
                assert_eq!(now, free, "framed, {what}, guest: {guest}");
            }
            let taken = said.iter().filter(|(command, _)| command.starts_with("STORE"));
            assert!(taken.filter(|(_, said)| said.starts_with("900")).count() == 2, "{said:?}");
        }
        // Another name of each kind, so that FTP does not meet what was made by frames alone.
        for (what, name) in TAKEN {
            let said = by_ftp(&mut scene.ftp(guest), name, guest);
            let free = free.entry("ftp").or_insert_with(|| said.clone());
            for (now, free) in said.iter().zip(free.iter()) {
                assert_eq!(now, free, "ftp, {what}, guest: {guest}");
            }
            let last = said.iter().find(|(command, _)| command == "STOR large").unwrap();
            assert!(last.1.starts_with("226"), "{said:?}");
        }
        // Nothing of it was lost, and what was there is as it was.
        let site = &scene.site;
        let all = TAKEN.len();
        assert_eq!(stored(site, b"what is there"), 1 + all);
        assert_eq!(stored(site, b"stored"), 2 * all);
        assert_eq!(stored(site, b"moved"), if guest { 0 } else { 3 * all });
        assert_eq!(stored(site, &bytes(1, 100_000)), all);
        assert_eq!(stored(site, &bytes(2, 200_000)), all);
        assert_eq!(stored(site, b"unique"), all);
        assert_eq!(fs::read(site.home().join("real/x-file")).unwrap(), b"what is there");
        assert!(site.home().join("real/x-dire").is_dir());
        assert!(site.home().join("real/x-link").is_symlink());
    }
}

#[test]
fn whoever_may_look_is_not_kept_from_a_name_by_a_drop_box() {
    let scene = Scene::new();
    let mut teacher = scene.daemon.login("teacher");
    // What ann writes without looking has its name only in the end.
    teacher.store("/all/x-blin", b"seen", 0).expect(900);
    let mut ann = scene.daemon.login("ann");
    ann.store("/box/x-seen", b"dropped", 0).expect(900);
    let real = scene.site.home().join("real");
    assert_eq!(fs::read(real.join("x-seen.1")).unwrap(), b"dropped", "teacher writes x-seen");
    // The log tells where it is.
    scene.daemon.wait_for_log("ann@127.0.0.1 put /box/x-seen.1");
    let long = "é".repeat(127);
    for _ in 0..3 {
        ann.store(&format!("/box/{long}"), b"long", 0).expect(900);
    }
    assert_eq!(stored(&scene.site, b"long"), 3);
    for n in 0..120 {
        ann.store("/box/again", format!("{n}").as_bytes(), 0).expect(900);
    }
    let names = fs::read_dir(&real).unwrap().map(|entry| entry.unwrap().file_name());
    let again = names.filter(|name| name.to_string_lossy().starts_with("again"));
    assert_eq!(again.count(), 120);
}

#[test]
fn what_a_guest_leaves_unfinished_is_nobodys_and_gone() {
    let scene = Scene::new();
    let (mut one, mut other) = (scene.framed(true), scene.framed(true));
    let content = bytes(3, 200_000);
    one.put("/box/big", content.len(), 0).expect(802);
    one.chunk(0, &content[..131_072]).expect(900);
    other.put("/box/big", content.len(), 0).expect(802).says("ready");
    other.chunk(0, &content[..65_536]).expect(900);
    assert_eq!(one.parts(), []);
    other.drop_part(true).expect(200).says("removed");
    other.on("FORGET", "/box/big").expect(261);
    let mut talk = scene.ftp(true);
    talk.ask("SIZE /box/big").expect(550);
    talk.ask("REST 65536").expect(350);
    talk.ask("STOR /box/big").expect(554);
    talk.ask("DELE /box/big").expect(550);
    // A data connection that breaks off leaves nothing either.
    let mut data = talk.begin("STOR /box/cut");
    std::io::Write::write_all(&mut data, &content).unwrap();
    talk.until_moved(content.len());
    reset(data);
    talk.reply().expect(426);
    talk.ask("SIZE /box/cut").expect(550);
    // The first goes on undisturbed.
    one.chunk(131_072, &content[131_072..196_608]).expect(900);
    one.chunk(196_608, &content[196_608..]).expect(900);
    one.done(&content).expect(900);
    assert_eq!(stored(&scene.site, &content), 1);
    let mut gone = scene.framed(true);
    gone.put("/box/gone", content.len(), 0).expect(802);
    gone.chunk(0, &content[..65_536]).expect(900);
    drop(gone);
    // Only ann's and the teacher's uploads hold room, which is promised and not used.
    let mount = || -> String {
        let answer = scene.daemon.login("teacher").on("WHY", "/all");
        String::from_utf8_lossy(&answer.parts[0].fields).into_owned()
    };
    let left = format!("{} bytes used", 200_000 + "what is there".len() + "inner".len());
    eventually("the room is free", || mount().contains(&left));
    for mount in fs::read_dir(scene.site.home().join(".miniftp/mounts")).unwrap() {
        let guests = mount.unwrap().path().join("anonymous");
        assert_eq!(fs::read_dir(guests).unwrap().count(), 0, "nothing lies about");
    }
}
