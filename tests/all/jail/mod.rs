//! The wall around a home: evil paths, planted links, pipes, and folders that move.

mod races;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use miniftp::wire;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::{Answer, Frames, Site, eventually, snapshot};

/// What no answer may ever hold.
const SECRET: &[u8] = b"the secret of somebody else";

/// A site whose account `ann` has every trap in its home, and things worth stealing around it.
fn trapped() -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let outside = site.root().join("outside");
    fs::create_dir_all(outside.join("folder")).unwrap();
    fs::create_dir_all(site.stored("bob", "")).unwrap();
    for place in [outside.join("secret"), outside.join("folder/x"), site.stored("bob", "secret")] {
        fs::write(place, SECRET).unwrap();
    }
    fs::create_dir_all(site.stored("ann", "")).unwrap();
    site
}

/// Plants the traps, or plants again what a command has removed.
fn plant(site: &Site) {
    let home = site.stored("ann", "");
    let outside = site.root().join("outside");
    // The home itself stays: the server has it open.
    for entry in fs::read_dir(&home).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() && !path.is_symlink() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }
    fs::create_dir_all(home.join("d/deep")).unwrap();
    fs::write(home.join("d/file"), "mine").unwrap();
    let links: [(&str, PathBuf); 14] = [
        ("etc", "/etc".into()),
        ("root", "/".into()),
        ("up", "..".into()),
        ("upup", "../..".into()),
        ("sib", "../bob".into()),
        ("abs", outside.clone()),
        ("rel", "../../outside".into()),
        ("file", outside.join("secret")),
        ("dangling", outside.join("not-there")),
        ("loop", "loop".into()),
        ("ping", "pong".into()),
        ("pong", "ping".into()),
        ("d/out", outside),
        ("me", ".".into()),
    ];
    for (name, to) in links {
        symlink(to, home.join(name)).unwrap();
    }
    mknodat(CWD, home.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    drop(UnixListener::bind(home.join("sock")).unwrap());
}

const PATHS: &[&str] = &[
    "../../outside/secret",
    "/../../outside/secret",
    "d/../../../outside/secret",
    "d/./.././../bob/secret",
    "..//..//outside//secret",
    "up",
    "up/bob/secret",
    "up/bob",
    "up/.miniftp",
    "up/.miniftp/secret",
    "up/../outside/secret",
    "upup/outside/secret",
    "upup/conf/accounts.ini",
    "sib",
    "sib/secret",
    "sib/new",
    "abs",
    "abs/secret",
    "abs/folder/x",
    "abs/new",
    "rel/secret",
    "rel/folder",
    "file",
    "file/",
    "file/.",
    "dangling",
    "dangling/new",
    "loop",
    "loop/loop",
    "ping/x",
    "d/out",
    "d/out/secret",
    "d/out/folder/x",
    "d/deep/../out/secret",
    "me/me/me/abs/secret",
    "me/d/file",
    "pipe",
    "pipe/x",
    "sock",
    ".miniftp",
    ".miniftp/secret",
    "../.miniftp/secret",
    "/../.miniftp/parts/bob",
    "\\..\\..\\outside\\secret",
    "%2e%2e/%2e%2e/outside/secret",
    "..\u{ff0f}..\u{ff0f}outside",
    "~bob/secret",
    "file:///etc/passwd",
];

/// Paths to what is not ours. They are only read: should the wall fall, this test, which may run as
/// root, takes nothing with it.
const SYSTEM: &[&str] = &[
    "etc",
    "etc/passwd",
    "root/etc/passwd",
    "/proc/self/root",
    "/proc/self/environ",
    "/dev/zero",
    "/etc/passwd",
];

/// Commands that change nothing.
const READING: &[&str] = &["CD", "LS", "STAT", "HASH", "SUMS", "GET"];

/// Gives a command with a path.
type Command = fn(&mut Frames, &str) -> Answer;

/// Every command that takes a path, with all the ways in which it takes it.
fn commands() -> Vec<(&'static str, Command)> {
    vec![
        ("CD", |ann, path| {
            let answer = ann.on("CD", path);
            ann.on("CD", "/").expect(200);
            answer
        }),
        ("LS", |ann, path| ann.on("LS", path)),
        ("STAT", |ann, path| ann.on("STAT", path)),
        ("MKDIR", |ann, path| ann.mkdir(path, false)),
        ("MKDIR with parents", |ann, path| ann.mkdir(path, true)),
        ("RMDIR", |ann, path| ann.on("RMDIR", path)),
        ("RM", |ann, path| ann.rm(path, false)),
        ("RM of a tree", |ann, path| ann.rm(path, true)),
        ("MV from", |ann, path| ann.mv(path, "stolen", true)),
        ("MV to", |ann, path| ann.mv("d/file", path, true)),
        ("MV of a folder to", |ann, path| ann.mv("d/deep", path, false)),
        ("HASH", |ann, path| ann.request("HASH", &wire::Hash::new(path, "sha256"))),
        ("SUMS", |ann, path| ann.request("SUMS", &wire::SumsOf::new(path, 0, 9, 0))),
        ("STORE", |ann, path| ann.store(path, b"overwritten", 0)),
        ("STORE over", |ann, path| ann.store(path, b"overwritten", 1)),
        ("PUT", |ann, path| {
            let answer = ann.put(path, 11, 3);
            if answer.code == 802 {
                ann.chunk(0, b"overwritten").expect(900);
                ann.done(b"overwritten");
            }
            answer
        }),
        ("GET", |ann, path| ann.get(path)),
        ("FORGET", |ann, path| ann.on("FORGET", path)),
    ]
}

/// Everything but ann's home and what the server keeps for itself.
fn around(site: &Site) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = snapshot(&site.root().join("outside"));
    all.append(&mut snapshot(&site.stored("bob", "")));
    all.append(&mut snapshot(&site.conf()));
    all.append(&mut snapshot(&site.home().join(".miniftp/parts/bob")));
    all.append(&mut snapshot(Path::new("/etc/passwd")));
    all
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn no_path_leads_out_by_any_command() {
    let site = trapped();
    let daemon = site.start();
    plant(&site);
    let mut ann = daemon.login("ann");
    daemon.login("bob").on("LS", "").expect(200);
    // The server keeps for itself from where they came.
    let kept = site.conf().join("networks.ini");
    eventually("both logins are written down", || {
        let text = fs::read_to_string(&kept).unwrap_or_default();
        text.contains("[ann]") && text.contains("[bob]")
    });
    let before = around(&site);
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    let digests: Vec<String> = [SECRET, &passwd[..]].iter().map(|c| md5_of_chunks(c)).collect();
    for (name, command) in commands() {
        let system = if READING.contains(&name) { SYSTEM } else { &[] };
        for path in PATHS.iter().chain(system) {
            let answer = command(&mut ann, path);
            let what = format!("{name} {path}: {} {}", answer.code, answer.text);
            assert!(answer.code != 272, "a failure of the server: {what}");
            match name {
                // What is told of a link or a pipe is that it is one.
                "STAT" if answer.code == 200 => {
                    assert!(matches!(answer.entry().kind, 'l' | 'o'), "{what}");
                }
                name if READING.contains(&name) => {
                    assert!(matches!(answer.code, 252 | 255 | 256 | 261 | 264 | 266), "{what}");
                }
                _ => {}
            }
            let told: Vec<&[u8]> = answer
                .parts
                .iter()
                .flat_map(|part| [&part.fields[..], &part.data[..]])
                .chain([&answer.fields[..], answer.text.as_bytes()])
                .collect();
            for bytes in told {
                assert!(!holds(bytes, SECRET) && !holds(bytes, b"root:"), "{what}");
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(!digests.iter().any(|digest| hex.contains(digest)), "{what}");
                let root = site.root().to_str().unwrap().as_bytes();
                assert!(!holds(bytes, root), "a path of the host: {what}");
            }
            plant(&site);
            assert_eq!(ann.fetch("d/file"), b"mine", "the traps are where the session looks");
        }
        assert_eq!(around(&site), before, "after {name}");
    }
    assert_eq!(ann.pwd(), "/", "still served");
    assert!(!daemon.log().contains("panicked"));
}

/// The digest that `SUMS` would tell of content of one chunk, in hexadecimal.
fn md5_of_chunks(content: &[u8]) -> String {
    crate::harness::row(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn links_are_listed_moved_and_removed_as_links() {
    let site = trapped();
    let daemon = site.start();
    plant(&site);
    let before = around(&site);
    let mut ann = daemon.login("ann");
    let entries = ann.on("LS", "").entries();
    let links = entries.iter().filter(|entry| entry.kind == 'l').count();
    let others = entries.iter().filter(|entry| entry.kind == 'o').count();
    assert_eq!((links, others), (13, 2));
    assert_eq!(ann.quota().used, 4, "only the file counts");
    for name in ["abs", "file", "up", "loop", "dangling"] {
        ann.mv(name, "moved", false).expect(200);
        assert!(site.stored("ann", "moved").is_symlink());
        ann.rm("moved", true).expect(200);
    }
    ann.rm("d", true).expect(200);
    assert_eq!(ann.quota().used, 0);
    assert_eq!(around(&site), before);
}

#[test]
fn a_folder_that_is_moved_away_takes_no_session_with_it() {
    let site = trapped();
    let daemon = site.start();
    plant(&site);
    let mut ann = daemon.login("ann");
    ann.on("CD", "d/deep").expect(200);
    fs::rename(site.stored("ann", "d"), site.root().join("outside/d")).unwrap();
    let before = around(&site);
    assert_eq!(ann.pwd(), "/d/deep", "a name, not a place");
    for (name, command) in commands().into_iter().filter(|(name, _)| *name != "CD") {
        for path in ["x", "../file", "../out/secret"] {
            let answer = command(&mut ann, path);
            // With its parents a folder is made anew, in the home.
            let anew = answer.code == 200 && name == "MKDIR with parents";
            let refused = matches!(answer.code, 255 | 256 | 264);
            assert!(anew || refused, "{name} {path}: {}", answer.text);
            if anew {
                assert!(site.stored("ann", "d").exists());
                ann.rm("/d", true).expect(200);
            }
        }
    }
    assert_eq!(around(&site), before);
}

#[test]
fn the_servers_own_folder_is_nobodys() {
    let site = trapped();
    let daemon = site.start();
    for name in [".miniftp", "../bob", "", ".", "..", "ann/..", "ann/", "/", "ann\0", "BOB"] {
        let mut frames = daemon.connect();
        frames.hello();
        let login = format!("n,,n={},r=abcdefghijklmnopqrstuv", name.replace(',', "=2C"));
        let answer = frames.request("LOGIN", &wire::Login::new(&login));
        if answer.code == 280 {
            let (exchange, first) = miniftp::scram::ClientExchange::begin(name).unwrap();
            let answer = frames.request("LOGIN", &wire::Login::new(&first));
            let said: wire::Challenge<'_> = answer.expect(280).message();
            let challenge = exchange.challenge(said.server_first).unwrap();
            let keys = challenge.derive("any").unwrap();
            let (_, last) = challenge.prove(&keys).unwrap();
            frames.request("PROOF", &wire::Proof::new(&last)).expect(253);
        }
        frames.on("LS", "").expect(260);
    }
    let mut ann = daemon.login("ann");
    ann.put("kept", 5, 0).expect(802);
    ann.chunk(0, b"bytes").expect(900);
    for path in [".miniftp", "../.miniftp", "/.miniftp/parts", "/../.miniftp/parts/ann"] {
        ann.on("LS", path).expect(256);
        ann.on("CD", "/").expect(200);
        ann.on("STAT", path).expect(256);
    }
    assert_eq!(ann.on("LS", "/").names(), [""; 0], "parts are in nobody's view");
    // A folder of that name in a home is a folder like any other.
    ann.mkdir(".miniftp", false).expect(200);
    assert!(site.stored("ann", ".miniftp").is_dir());
}
