//! What the demo shows, step by step. Each step checks that what it says has happened.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use miniftp::admin::AdminDesk;
use miniftp::audit;
use miniftp::client::{Client, Error, Options, Policy, RegistrationState, TransferOutcome};
use miniftp::config;
use miniftp::sandbox::Needs;
use miniftp::text::Size;

use super::failure::{DemoFailure, check};
use super::ftp::Ftp;
use super::relay::Relay;
use super::show::{BarLines, print, step};
use crate::bar::Bar;
use crate::ends::Ends;
use crate::serving::{Plan, Serving, account};
use crate::temporary::TemporaryDir;

/// Bytes of the file that is put: large enough for a bar, small enough for a small disk.
const FILE_BYTES: usize = 48 << 20;
/// Bytes that the demo's account may store.
const QUOTA_BYTES: u64 = 80 << 20;
/// Files of the tree that is put.
const SMALL_FILES: usize = 200;
const NAME: &str = "ada";
const PASSWORD: &str = "difference engine";
const NEWCOMER: &str = "grace";
const NEW_PASSWORD: &str = "compilers are possible";

/// A client's bar, with the demo's lines around it.
fn bar<'a>(verb: &'static str, lines: &'a mut BarLines) -> Bar<'a, BarLines> {
    Bar::new(verb, lines)
}

/// All of it.
pub(super) fn all(place: &TemporaryDir, ends: &Ends) -> Result<(), DemoFailure> {
    print(
        "This is miniftp: a server and its clients, on fresh files and free ports of this machine.",
    );
    let server = start(place)?;
    let (framed, ftp) = (server.address("framed")?, server.address("ftp")?);
    let room = Size(QUOTA_BYTES);
    step(1, format_args!("A server listens on {framed}, and for FTP on {ftp}."));
    print(format_args!("   {NAME} has an account and may store {room}."));

    let relay = Relay::start(&framed.to_string())?;
    let mut client = log_in(&relay, ends)?;
    let file = place.path("engine.bin");
    write_file(&file, FILE_BYTES)?;
    check(ends)?;
    put_through_a_cut(&mut client, &relay, &file)?;
    get_it_back(&mut client, &file, &place.path("copy.bin"), ends)?;
    put_a_tree(&mut client, &place.path("notes"))?;
    refuse_over_quota(&mut client, place)?;
    refuse_outside(&mut client)?;
    register(&server, ends)?;
    speak_ftp(&server, &mut client, place, ends)?;

    step(10, "The server is asked to stop: it lets everybody finish and says goodbye.");
    client.bye()?;
    server.stop()?;
    print("   It has ended well. That was all of it; nothing is left on the disk.");
    Ok(())
}

/// A server with one account, and otherwise the settings that it has by default.
fn start(place: &TemporaryDir) -> Result<Serving, DemoFailure> {
    let account = account(NAME, PASSWORD, Some(QUOTA_BYTES))?;
    let free = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let plan = Plan {
        settings: &config::print_config(),
        account,
        mounts: Vec::new(),
        keys: None,
        log: None,
        framed: &free,
        ftp: &free,
        // The demo's clients connect from this process.
        needs: Needs { connects: true, ..Needs::default() },
    };
    Ok(Serving::start(place, plan)?)
}

fn connect(host: &str, port: u16, ends: &Ends) -> Result<Client, DemoFailure> {
    let options = Options { interrupt: Arc::clone(&ends.interrupt), ..Options::default() };
    Ok(Client::connect(host, port, options)?)
}

fn log_in(relay: &Relay, ends: &Ends) -> Result<Client, DemoFailure> {
    step(2, "The client logs in. The password never travels; both sides prove that they know it.");
    let (host, port) = relay.address();
    let mut client = connect(&host, port, ends)?;
    match client.login(NAME, "analytical engine") {
        Err(Error::LoginRefused) => print("   With a wrong password: refused."),
        Err(e) => return Err(e.into()),
        Ok(()) => return Err("a wrong password was not refused".into()),
    }
    client.login(NAME, PASSWORD)?;
    print(format_args!(
        "   With the right one: welcome, {NAME}. Chunks carry {} digests.",
        client.algorithm().name()
    ));
    let mut names = 0;
    client.ls("", &mut |_| {
        names += 1;
        ControlFlow::Continue(())
    })?;
    print(format_args!("   ls: {names} entries in {}", client.cwd()));
    Ok(client)
}

/// Bytes that look like real ones: no pattern that a mistake could hide behind.
fn write_file(path: &Path, bytes: usize) -> io::Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut content = Vec::with_capacity(bytes);
    while content.len() < bytes {
        // Xorshift: enough for content, of no use for secrets.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend_from_slice(&state.to_le_bytes());
    }
    content.truncate(bytes);
    fs::write(path, content)
}

fn put_through_a_cut(client: &mut Client, relay: &Relay, file: &Path) -> Result<(), DemoFailure> {
    let size = Size(FILE_BYTES as u64);
    step(3, format_args!("It puts a file of {size}. In the middle we cut the connection."));
    relay.cut_after(FILE_BYTES as u64 * 55 / 100);
    let outcome =
        client.put(file, "engine.bin", &Policy::default(), &mut bar("put", &mut BarLines))?;
    if relay.cuts() == 0 {
        return Err("the connection was not cut".into());
    }
    let TransferOutcome::Stored { sent_bytes, size } = outcome else {
        return Err(format!("the file was not stored: {outcome:?}").into());
    };
    let again = Size(sent_bytes.saturating_sub(size));
    print(format_args!(
        "   The client connected again and went on: {again} were on the way and went again."
    ));
    Ok(())
}

fn get_it_back(
    client: &mut Client,
    file: &Path,
    copy: &Path,
    ends: &Ends,
) -> Result<(), DemoFailure> {
    step(4, "It gets the file back.");
    client.get("engine.bin", copy, &Policy::default(), &mut bar("get", &mut BarLines))?;
    if fs::read(file)? != fs::read(copy)? {
        return Err("the copy differs".into());
    }
    check(ends)?;
    let hashed = client.hash("engine.bin", "md5", &mut Bar::quiet_end("hash", &mut BarLines))?;
    print(format_args!("   Equal to the last byte. md5 {}, as `md5sum` says too.", hashed.hex));
    print("   Put once more:");
    match client.put(file, "engine.bin", &Policy::default(), &mut bar("put", &mut BarLines))? {
        TransferOutcome::Equal { .. } => Ok(()),
        other => Err(format!("an equal file was sent again: {other:?}").into()),
    }
}

fn put_a_tree(client: &mut Client, directory: &Path) -> Result<(), DemoFailure> {
    step(5, format_args!("It puts a directory of {SMALL_FILES} small files, many at a time."));
    fs::create_dir(directory)?;
    for number in 0..SMALL_FILES {
        fs::write(directory.join(format!("note-{number:03}.txt")), format!("note {number}\n"))?;
    }
    let mut lines = BarLines;
    let mut bar = bar("put", &mut lines);
    bar.begin_tree();
    let report = client.put_tree(directory, "notes", &Policy::default(), &mut bar)?;
    if report.files != SMALL_FILES as u64 {
        return Err(format!("{} of {SMALL_FILES} files were stored", report.files).into());
    }
    bar.end_tree("notes", true);
    Ok(())
}

/// Runs what must be refused, and says how.
fn refused<T>(what: &str, result: Result<T, Error>) -> Result<(), DemoFailure> {
    match result {
        Err(Error::Refused { text, .. }) => {
            print(format_args!("   {what}: {text}"));
            Ok(())
        }
        Err(e) => Err(e.into()),
        Ok(_) => Err(format!("{what} was not refused").into()),
    }
}

fn refuse_over_quota(client: &mut Client, place: &TemporaryDir) -> Result<(), DemoFailure> {
    step(6, "It puts another large file, which would exceed its quota.");
    let other = place.path("second.bin");
    // What is in it does not matter: nothing of it travels.
    File::create(&other)?.set_len(FILE_BYTES as u64)?;
    let put = client.put(&other, "second.bin", &Policy::default(), &mut bar("put", &mut BarLines));
    refused("put second.bin", put)?;
    let usage = client.quota()?;
    let limit = usage.byte_limit().unwrap_or_default();
    print(format_args!(
        "   Not a byte of it was sent. Used: {} of {limit} bytes.",
        usage.used_bytes
    ));
    Ok(())
}

fn refuse_outside(client: &mut Client) -> Result<(), DemoFailure> {
    step(7, "It tries to leave its home.");
    refused("cd ..", client.cd(".."))?;
    refused("stat ../../../etc/passwd", client.stat("../../../etc/passwd"))
}

fn register(server: &Serving, ends: &Ends) -> Result<(), DemoFailure> {
    step(8, format_args!("{NEWCOMER} has no account, and asks for one."));
    let address = server.address("framed")?;
    let mut client = connect(&address.ip().to_string(), address.port(), ends)?;
    let request = client.register(NEWCOMER, NEW_PASSWORD, "")?;
    if request.admitted {
        return Err("nobody was asked about a registration".into());
    }
    let operator = AdminDesk::of_operator(&server.shared, audit::ActorOrigin::Terminal);
    for line in ["pending".to_owned(), format!("approve {}", request.number)] {
        print(format_args!("   At the server's terminal the operator types `{line}`:"));
        let answer = operator.lines(&line, &mut |_, _| Ok(()));
        let answer = answer.map_err(|e| DemoFailure::Failed(format!("{line}: {e}")))?;
        answer.iter().for_each(|line| print(format_args!("   | {line}")));
    }
    if client.wait_for_answer(request.number, NEWCOMER)? != RegistrationState::Approved {
        return Err("an approved registration is none".into());
    }
    client.login(NEWCOMER, NEW_PASSWORD)?;
    print(format_args!("   {NEWCOMER} is informed, and logs in: welcome, {NEWCOMER}."));
    client.bye()?;
    Ok(())
}

fn speak_ftp(
    server: &Serving,
    client: &mut Client,
    place: &TemporaryDir,
    ends: &Ends,
) -> Result<(), DemoFailure> {
    step(9, format_args!("{NAME} comes by FTP, as with any FTP client: the same files are there."));
    let mut ftp = Ftp::connect(server.address("ftp")?, ends)?;
    ftp.ask(&format!("USER {NAME}"), 331)?;
    ftp.ask(&format!("PASS {PASSWORD}"), 230)?;
    ftp.ask("TYPE I", 200)?;
    if ftp.fetch("notes/note-007.txt")? != b"note 7\n" {
        return Err("a file came damaged by FTP".into());
    }
    let letter = b"By FTP it came, and by another protocol it goes.\n";
    ftp.store("letter.txt", letter)?;
    ftp.ask("QUIT", 221)?;
    let local = place.path("letter.txt");
    client.get("letter.txt", &local, &Policy::default(), &mut bar("get", &mut BarLines))?;
    match fs::read(&local)? == letter {
        true => Ok(()),
        false => Err("a file that came by FTP is another one now".into()),
    }
}
