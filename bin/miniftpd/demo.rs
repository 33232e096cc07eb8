//! `miniftpd demo`: the whole job in a minute, with a real server, a real client and a real cut,
//! over a fresh temporary tree and free ports.

mod relay;
mod watch;

use std::fmt::Display;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use miniftp::accounts::{Account, AccountName, Store};
use miniftp::client::{Client, Error, Options, Outcome, Policy};
use miniftp::config;
use miniftp::scram::Verifier;
use miniftp::text::Size;
use miniftp::vfs::{Adopt, Homes};

use self::relay::Relay;
use self::watch::Watch;

/// Bytes of the file that is put: large enough for a bar, small enough for a small disk.
const FILE_BYTES: usize = 48 << 20;
/// Bytes that the demo's account may store.
const QUOTA_BYTES: u64 = 80 << 20;
const NAME: &str = "ada";
const PASSWORD: &str = "difference engine";

/// Why a demo stops: something did not happen as it should.
type Failure = Box<dyn std::error::Error>;

/// Shows the whole job; 0 if all of it happened.
pub(crate) fn run() -> ExitCode {
    match Place::new().map_err(Failure::from).and_then(|place| show(&place)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "miniftpd: the demo failed: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Says one line; a reader that has gone is no failure.
fn say(what: impl Display) {
    let _ = writeln!(io::stdout(), "{what}");
}

fn step(number: u32, what: impl Display) {
    say(format_args!("\n{number}. {what}"));
}

/// A fresh folder that goes when the demo ends.
struct Place(PathBuf);

impl Place {
    fn new() -> io::Result<Place> {
        let dir = std::env::temp_dir().join(format!("miniftp-demo-{}", std::process::id()));
        fs::create_dir(&dir)?;
        Ok(Place(dir))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// This very program, serving.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(place: &Place) -> Result<Server, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--listen", "127.0.0.1:0", "--ftp", "off", "--conf"])
            .arg(place.path("conf"))
            .arg("--home")
            .arg(place.path("home"))
            .env("MINIFTP_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("the server has no output")?;
        let mut address = String::new();
        for line in BufReader::new(out).lines() {
            let line = line?;
            if let Some(framed) = line.strip_prefix("listening framed ") {
                address = framed.to_string();
            }
            if line == "ready" {
                return Ok(Server { child, address });
            }
        }
        Err("the server did not start".into())
    }

    /// Asks it to stop as an operator would, and waits for it.
    fn stop(mut self) -> Result<(), Failure> {
        let pid = i32::try_from(self.child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).ok_or("the server has no number")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` it has ended already; otherwise nothing else ends it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn prepare(place: &Place) -> Result<(), Failure> {
    fs::create_dir(place.path("conf"))?;
    fs::write(place.path("conf").join("server.ini"), config::print_config())?;
    let store = Store::open(&place.path("conf"))?;
    let verifier = Verifier::derive(PASSWORD, config::Config::default().accounts.iterations)?;
    let name = AccountName::parse(NAME).ok_or("not a name")?;
    let account = Account::new(name, verifier, Some(QUOTA_BYTES));
    let homes = Homes::new(&place.path("home"));
    store.edit(|draft| draft.create(account.clone(), Adopt::No, &homes))?;
    Ok(())
}

fn show(place: &Place) -> Result<(), Failure> {
    say("This is miniftp: a server and a client, on fresh files and free ports of this machine.");
    prepare(place)?;
    let server = Server::start(place)?;
    let relay = Relay::start(&server.address)?;
    step(
        1,
        format_args!(
            "A server listens on {}. {NAME} may store {}.",
            server.address,
            Size(QUOTA_BYTES)
        ),
    );

    let mut client = log_in(&relay)?;
    let file = place.path("engine.bin");
    write_file(&file, FILE_BYTES)?;
    put_through_a_cut(&mut client, &relay, &file)?;
    get_it_back(&mut client, &file, &place.path("copy.bin"))?;
    refused_over_quota(&mut client, place)?;
    refused_outside(&mut client)?;

    step(7, "The server is told to stop: it lets everybody finish and says goodbye.");
    client.bye()?;
    server.stop()?;
    say("   It ended with 0. That was all of it.");
    Ok(())
}

fn log_in(relay: &Relay) -> Result<Client, Failure> {
    step(2, "The client logs in. The password never travels; both sides prove that they know it.");
    let (host, port) = relay.address();
    let mut client = Client::connect(&host, port, Options::default())?;
    match client.login(NAME, "analytical engine") {
        Err(Error::LoginRefused) => say("   With a wrong password: refused."),
        other => return Err(format!("a wrong password was not refused: {other:?}").into()),
    }
    client.login(NAME, PASSWORD)?;
    say(format_args!(
        "   With the right one: welcome, {NAME}. Chunks carry {} digests.",
        client.algorithm().name()
    ));
    let mut names = 0;
    client.ls("", &mut |_| {
        names += 1;
        ControlFlow::Continue(())
    })?;
    say(format_args!("   ls: {names} entries in {}", client.cwd()));
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

fn put_through_a_cut(client: &mut Client, relay: &Relay, file: &Path) -> Result<(), Failure> {
    step(
        3,
        format_args!(
            "It puts a file of {}. In the middle we cut the connection.",
            Size(FILE_BYTES as u64)
        ),
    );
    relay.cut_after(FILE_BYTES as u64 * 55 / 100);
    let outcome = client.put(file, "engine.bin", &Policy::default(), &mut Watch::new("put"))?;
    if relay.cuts() == 0 {
        return Err("the connection was not cut".into());
    }
    let Outcome::Stored { sent_bytes, size } = outcome else {
        return Err(format!("the file was not stored: {outcome:?}").into());
    };
    let again = sent_bytes.saturating_sub(size);
    say(format_args!(
        "   The client connected again and went on: {} were on the way and went again.",
        Size(again)
    ));
    Ok(())
}

fn get_it_back(client: &mut Client, file: &Path, copy: &Path) -> Result<(), Failure> {
    step(4, "It gets the file back.");
    client.get("engine.bin", copy, &Policy::default(), &mut Watch::new("get"))?;
    if fs::read(file)? != fs::read(copy)? {
        return Err("the copy differs".into());
    }
    let hashed = client.hash("engine.bin", "md5", &mut miniftp::client::NoProgress)?;
    say(format_args!("   Equal to the last byte. md5 {}, as `md5sum` says too.", hashed.hex));
    let outcome = client.put(file, "engine.bin", &Policy::default(), &mut Watch::new("put"))?;
    match outcome {
        Outcome::Equal { .. } => say("   Put once more: it is there already, nothing travels."),
        other => return Err(format!("an equal file was sent again: {other:?}").into()),
    }
    Ok(())
}

/// Runs what must be refused, and says how.
fn refused<T>(what: &str, result: Result<T, Error>) -> Result<(), Failure> {
    match result {
        Err(Error::Refused { text, .. }) => {
            say(format_args!("   {what}: {text}"));
            Ok(())
        }
        Err(e) => Err(e.into()),
        Ok(_) => Err(format!("{what} was not refused").into()),
    }
}

fn refused_over_quota(client: &mut Client, place: &Place) -> Result<(), Failure> {
    step(5, "It puts another of the same size, for which there is no room.");
    let other = place.path("second.bin");
    write_file(&other, FILE_BYTES)?;
    let put = client.put(&other, "second.bin", &Policy::default(), &mut Watch::new("put"));
    refused("put second.bin", put)?;
    let usage = client.quota()?;
    let limit = usage.limit_bytes.unwrap_or_default();
    say(format_args!("   Not a byte of it was sent. Used: {} of {limit} bytes.", usage.used_bytes));
    Ok(())
}

fn refused_outside(client: &mut Client) -> Result<(), Failure> {
    step(6, "It tries to leave its home.");
    refused("cd ..", client.cd(".."))?;
    refused("stat ../../../etc/passwd", client.stat("../../../etc/passwd"))?;
    Ok(())
}
