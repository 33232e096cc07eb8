//! `miniftpd share`: one directory, at once, for whoever gets the password.
//!
//! Invariant: everything that it makes lies in one temporary directory, which goes with it; in the
//! shared directory nothing is made but what others store, and what an upload needs on a disk of
//! its own, which goes too. After KILL the next share removes both.

mod addresses;
mod display;
mod lines;
mod options;
mod picture;
mod transfers;
mod tree;

use std::env;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use miniftp::audit::TransferSeen;
use miniftp::rights::Rights;
use miniftp::scram::{check_password_form, random_bytes};
use miniftp::text::is_harmful;

use self::addresses::reachable;
use self::display::Display;
use self::lines::Shared;
pub(crate) use self::options::ShareOptions;
use self::picture::picture;
use self::transfers::Transfers;
use self::tree::Tree;
use crate::ends::Ends;
use crate::serving::{Plan, Serving, account};
use crate::xdg::user_directory;
use crate::{logging, outcome};

/// How often it is looked whether the share is over.
const LOOK: Duration = Duration::from_millis(100);
/// What is not as a server has it by default: the account is everybody's who has the password.
const SETTINGS: &str = "[server]\nsessions_per_account = 200\n[ftp]\nclear_passwords = anywhere\n\
                        [registration]\nmode = closed\n[words]\nwelcome = none\ngoodbye = none\n";
/// Letters and digits that are not taken for one another.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Shares a directory until somebody has had enough.
pub(crate) fn run(options: &ShareOptions) -> ExitCode {
    let ends = match Ends::catch() {
        Ok(ends) => ends,
        Err(e) => return outcome::fail(1, format_args!("cannot catch signals: {e}")),
    };
    let mut display = Display::new();
    match share(options, &ends, &mut display) {
        Ok(count) => {
            let transfers = if count == 1 { "1 transfer" } else { &format!("{count} transfers") };
            display.say(&format!("Ended after {transfers}; nothing is left of the share."));
            ExitCode::SUCCESS
        }
        Err(what) => outcome::fail(1, what),
    }
}

/// Returns how many transfers there were.
fn share(options: &ShareOptions, ends: &Ends, display: &mut Display) -> Result<u64, String> {
    let tree = Tree::open(options, ends)?;
    let password = password()?;
    let user = format!("share-{}", letters::<4>()?);
    let mut account = account(&user, &password, Some(0))?;
    account.rights = Rights::READ;
    let (log, mut transfers) = transfers::channel();
    let bind = |port| -> Vec<SocketAddr> {
        let all: &[IpAddr] = &[Ipv6Addr::UNSPECIFIED.into()];
        let addresses = if options.bind.is_empty() { all } else { &options.bind };
        addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
    };
    let plan = Plan {
        settings: SETTINGS,
        account,
        mounts: vec![tree.mount()],
        keys: user_directory("XDG_STATE_HOME", ".local/state").map(|d| d.join("miniftp/share")),
        log: Some(Box::new(log)),
        framed: &bind(options.port),
        ftp: &bind(options.ftp_port),
        needs: tree.needed(),
    };
    let serving = tree.start(plan)?;
    logging::carry(serving.shared.log(), "warn");
    let bound: Vec<SocketAddr> = serving.addresses("framed").collect();
    let shown = Shared {
        name: &tree.name,
        dir: &tree.dir.to_string_lossy(),
        writes: options.writes,
        quota_bytes: options.quota_bytes,
        for_secs: options.for_secs,
        user: &user,
        password: &password,
        key: serving.shared.tls().map(|tls| tls.fingerprint().to_string()),
        addresses: &reachable(&bound)?,
        port: serving.address("framed")?.port(),
        ftp_port: serving.address("ftp")?.port(),
    };
    // The lines to copy come last, where a low terminal still shows them.
    show_picture(&shown, display);
    display.say(&shown.text());
    let until = options.for_secs.and_then(|secs| Instant::now().checked_add(seconds(secs)));
    let count = serve(serving, (&mut transfers, display), ends, until);
    tree.remove_traces(&user);
    count
}

fn seconds(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Shows what happens until a signal, the end of the time, or a failure of the server.
fn serve(
    serving: Serving,
    (transfers, display): (&mut Transfers, &mut Display),
    ends: &Ends,
    until: Option<Instant>,
) -> Result<u64, String> {
    let mut is_asked = false;
    while !serving.has_ended() {
        if !transfers.show(LOOK, display) {
            display.show(&under_way(&serving));
        }
        let is_late = until.is_some_and(|until| Instant::now() >= until);
        // Further signals cut off whoever is still here.
        if ends.interrupt.swap(false, Ordering::SeqCst) || (is_late && !is_asked) {
            serving.ask_to_stop();
            let left = serving.shared.connections();
            if left > 0 && !is_asked {
                let (who, whom) = if left == 1 {
                    ("1 connection has".to_owned(), "it")
                } else {
                    (format!("{left} connections have"), "them")
                };
                let secs = serving.shared.config().server.drain_secs;
                display
                    .say(&format!("Ending: {who} up to {secs} s; Ctrl-C again cuts {whom} off."));
            }
            is_asked = true;
        }
    }
    let log = serving.shared.log().clone();
    let ended = serving.stop();
    log.finish();
    display.show(&[]);
    while transfers.show(Duration::ZERO, display) {}
    ended.map(|()| transfers.count())
}

/// The transfers that are under way, each with who has it.
fn under_way(serving: &Serving) -> Vec<(String, TransferSeen)> {
    let online = serving.shared.online().into_iter();
    online.filter_map(|one| Some((one.peer.to_canonical().to_string(), one.transfer?))).collect()
}

impl Transfers {
    /// Shows a line, if one comes in so long.
    fn show(&mut self, patience: Duration, display: &mut Display) -> bool {
        let lost = self.lost();
        if lost > 0 {
            display.say(&format!("{lost} lines could not be shown"));
        }
        match self.lines.recv_timeout(patience) {
            Ok(line) => {
                display.say(&line);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

/// The address with the password in it, where a terminal can show it.
fn show_picture(shown: &Shared<'_>, display: &mut Display) {
    let Some(url) = shown.url_with_password() else { return };
    if let Some(picture) = picture(&url, display.columns()) {
        display.say(&format!(
            "{picture}The picture is the address for FTP, with user and password.\n"
        ));
    }
}

/// What the environment says, or one that nobody guesses.
fn password() -> Result<String, String> {
    let Some(given) = env::var_os("MINIFTP_PASSWORD").filter(|given| !given.is_empty()) else {
        let groups = [letters::<4>()?, letters::<4>()?, letters::<4>()?, letters::<4>()?];
        return Ok(groups.join("-"));
    };
    let given = given.into_string().map_err(|_| "MINIFTP_PASSWORD: it is not UTF-8")?;
    check_password_form(&given).map_err(|e| e.in_full())?;
    if given.chars().any(is_harmful) {
        return Err("MINIFTP_PASSWORD: a password that is shown has no control characters".into());
    }
    Ok(given)
}

/// So many letters at random.
fn letters<const N: usize>() -> Result<String, String> {
    let bytes: [u8; N] = random_bytes().map_err(|e| e.in_full())?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
}
