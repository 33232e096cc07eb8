//! The server's program: arguments, settings, sockets, signals, exit codes.

#![cfg_attr(
    not(all(feature = "admin-cli", feature = "demo")),
    allow(dead_code, reason = "some of it is for commands that such a program lacks")
)]

#[cfg(feature = "admin-cli")]
mod accounts;
mod advice;
mod args;
#[cfg(feature = "demo")]
#[allow(dead_code, reason = "the demo needs less of it than the client")]
#[path = "../shared/bar.rs"]
mod bar;
#[cfg(feature = "admin-cli")]
mod check;
mod confine;
mod console;
#[cfg(feature = "demo")]
mod demo;
#[cfg(any(feature = "admin-cli", feature = "demo"))]
mod ends;
#[cfg(feature = "demo")]
#[allow(dead_code, reason = "as of the bar")]
#[path = "../shared/figures.rs"]
mod figures;
mod hooks;
#[cfg(feature = "admin-cli")]
mod init;
#[cfg(feature = "demo")]
#[path = "../shared/line.rs"]
mod line;
mod logging;
mod manual;
mod outcome;
#[cfg(feature = "demo")]
#[path = "../shared/output.rs"]
mod output;
#[path = "../shared/own_group.rs"]
mod own_group;
mod privileges;
#[cfg(feature = "demo")]
#[path = "../shared/question.rs"]
mod question;
mod search;
mod secrets;
#[cfg(any(feature = "admin-cli", feature = "demo"))]
mod serving;
#[cfg(feature = "admin-cli")]
mod share;
mod standby;
#[cfg(feature = "demo")]
#[path = "../shared/stopwatch.rs"]
mod stopwatch;
#[cfg(any(feature = "admin-cli", feature = "demo"))]
mod temporary;
#[path = "../shared/terminal.rs"]
mod terminal;
#[cfg(feature = "admin-cli")]
mod top;
#[path = "../shared/troff.rs"]
mod troff;
mod usage;
mod verify;
#[path = "../shared/xdg.rs"]
mod xdg;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::Receiver;
use miniftp::accounts::AccountStore;
use miniftp::audit::HookRunner;
use miniftp::config::{self, Config, LiveSettings};
use miniftp::server::{RunError, Server, ServiceReports, again_channel, stop_channel};
use miniftp::shared::{Logs, Shared};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

#[cfg(feature = "admin-cli")]
use crate::accounts::Asked;
use crate::args::{Args, Task};
use crate::confine::confine;
use crate::console::{LogOutput, Screen};
use crate::outcome::{fail, print};
use crate::privileges::{Identity, become_user, hide_memory};
use crate::search::{Directories, Search};

fn main() -> ExitCode {
    outlive_large_files();
    let args = match Args::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(e) => return fail(2, format_args!("{e}; try `miniftpd --help`")),
    };
    if let Err(e) = hide_memory() {
        return fail(1, e);
    }
    match args.task {
        Task::Help => print(&usage::help()),
        Task::Man => print(&manual::page()),
        Task::Version => print(&format!("{}\n", miniftp::protocols::framed::SOFTWARE)),
        Task::PrintConfig => print(&config::print_config()),
        Task::RunHooks => hooks::run(),
        #[cfg(feature = "admin-cli")]
        Task::Share(ref options) => share::run(options),
        #[cfg(feature = "admin-cli")]
        Task::Init(ref dir) => init::run(dir.as_deref(), &args),
        #[cfg(feature = "demo")]
        Task::Demo => demo::run(),
        _ => work(&args),
    }
}

/// Does what needs a configuration.
fn work(args: &Args) -> ExitCode {
    let search = Search::new(args.conf.as_deref(), args.home.as_deref());
    let dirs = search.chosen();
    if args.task == Task::Paths {
        print(&search.report());
    }
    let Some(dirs) = dirs else {
        return fail(1, advice::without_configuration(&search.looked_at()));
    };
    match args.task {
        #[cfg(feature = "admin-cli")]
        Task::Account(ref words) => ask(args, &dirs, |asked| accounts::run(asked, words)),
        #[cfg(feature = "admin-cli")]
        Task::Top => ask(args, &dirs, top::run),
        #[cfg(feature = "admin-cli")]
        Task::Check => check::run(args, &dirs),
        Task::Verify(ref options) => verify::run(options, &dirs),
        Task::Paths => ExitCode::SUCCESS,
        _ => serve(args, &dirs),
    }
}

/// Does something with the server that runs on the home, or with the files where none does.
#[cfg(feature = "admin-cli")]
fn ask(
    args: &Args,
    Directories { conf, home }: &Directories,
    work: impl FnOnce(&Asked<'_>) -> ExitCode,
) -> ExitCode {
    // The settings may be missing; whoever wrote some meant them.
    let is_missing = matches!(conf.join(config::FILE).try_exists(), Ok(false));
    let config = if is_missing { Ok(Arc::default()) } else { Config::load(conf) };
    match config {
        Ok(config) => {
            let log = args.log.places(conf, &config);
            work(&Asked { dirs: (conf, home), config: &config, log: &log })
        }
        Err(e) => fail(1, e),
    }
}

/// A file that reaches the limit of its size fails the write, and not the whole program.
fn outlive_large_files() {
    // A signal that is noted somewhere does not end the program.
    if let Err(e) = signal_hook::flag::register(SIGXFSZ, Arc::default()) {
        let _ = writeln!(io::stderr(), "miniftpd: cannot catch SIGXFSZ: {e}");
    }
}

/// Opens the log where the settings and the command line want it.
fn begin_log(args: &Args, conf: &Path, config: &Config, output: LogOutput) -> io::Result<Logs> {
    let filter = logging::filter("info");
    let acts = filter.filter() >= log::LevelFilter::Info;
    let logs = Logs::open(conf, config, args.log.clone(), acts, output)?;
    logging::carry_through(filter, logs.log());
    Ok(logs)
}

fn serve(args: &Args, dirs: &Directories) -> ExitCode {
    let settings = match LiveSettings::open(&dirs.conf) {
        Ok(settings) => settings,
        Err(e) => return fail(1, e),
    };
    let config = settings.last();
    let user = config.server.user.as_deref();
    let identity = match become_user(user, &addresses(args, &config), dirs) {
        Ok(identity) => identity,
        Err(e) => return fail(1, e),
    };
    // Who becomes somebody else can be looked into again.
    if let Err(e) = hide_memory() {
        return fail(1, e);
    }
    let exposed = secrets::look(dirs, &config);
    if !exposed.refused.is_empty() {
        let lines: Vec<String> = exposed.refused.iter().map(ToString::to_string).collect();
        return fail(1, lines.join("\nminiftpd: "));
    }
    let runner = hooks::start(dirs, &config);
    let confined = confine(args, dirs, &config);
    let runner = match runner {
        Err(e) if confined.is_in_force() => return fail(1, e),
        Ok(runner) if confined.is_in_force() => runner,
        // The server can run them by itself.
        runner => {
            runner.ok().flatten().into_iter().for_each(HookRunner::end);
            None
        }
    };
    let screen = Screen::default();
    let output = LogOutput(screen.clone());
    let logs = match begin_log(args, &dirs.conf, &settings.last(), output) {
        Ok(logs) => logs,
        Err(e) => return fail(1, format_args!("no log: {e}")),
    };
    runner.into_iter().for_each(|runner| logs.log().hooks().run_by(runner));
    exposed.warnings.iter().for_each(|exposed| log::warn!("{exposed}"));
    log::info!("{confined}");
    if let Identity::Root = identity {
        log::warn!(
            "running as root, since [server] user is not set: a user of its own is enough for all \
             that the server does"
        );
    }
    let log = logs.log().clone();
    let code = serve_with(args, dirs, (settings, logs), screen);
    log.finish();
    code
}

fn framed(args: &Args, config: &Config) -> SocketAddr {
    args.listen.unwrap_or(config.server.listen)
}

fn ftp(args: &Args, config: &Config) -> Option<SocketAddr> {
    args.ftp.unwrap_or(config.ftp.listen)
}

/// The addresses of both protocols, and of FTP with implicit TLS.
fn addresses(args: &Args, config: &Config) -> Vec<SocketAddr> {
    let ftp = ftp(args, config).into_iter().chain(config.ftp.implicit);
    ftp.chain([framed(args, config)]).collect()
}

/// Where a service manager wants to know how it goes.
fn service_reports() -> Option<ServiceReports> {
    let address = std::env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty())?;
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    // The variables may have come by a program between the two.
    let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let watchdog = number("WATCHDOG_USEC").filter(|_| is_ours).map(Duration::from_micros);
    match ServiceReports::to(&address, watchdog) {
        Ok(reports) => Some(reports),
        Err(e) => {
            log::warn!("NOTIFY_SOCKET: the service manager cannot be informed: {e}");
            None
        }
    }
}

fn serve_with(
    args: &Args,
    dirs: &Directories,
    (settings, logs): (LiveSettings, Logs),
    screen: Screen,
) -> ExitCode {
    raise_descriptors(&settings.last());
    // Signals are caught before the first line is printed: whoever reads `ready` may send one.
    let mut signals = match Signals::new([SIGTERM, SIGINT, SIGHUP]) {
        Ok(signals) => signals,
        Err(e) => return fail(1, format_args!("cannot catch signals: {e}")),
    };
    let (stop, stopped) = stop_channel();
    let stop_by_hand = stop.clone();
    let (read_again, again) = again_channel();
    // It only passes words on: while somebody reads, the server can still be stopped.
    let catcher = thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let reported = if signal == SIGHUP { &read_again } else { &stop };
            // A full channel means that as many words as count were said already.
            let _ = reported.try_send(());
        }
    });
    if let Err(e) = catcher {
        return fail(1, format_args!("cannot start a thread: {e}"));
    }
    let mut server = match bind(args, dirs, (settings, logs), &stopped) {
        Ok(Some(server)) => server,
        Ok(None) => return ExitCode::SUCCESS,
        Err(e) => return fail(1, e),
    };
    service_reports().into_iter().for_each(|service| server.reports_to(service));
    warn_of_demo_accounts(&server, &dirs.conf);
    if let Err(e) = announce(&server) {
        // Whoever started it has stopped reading; that is no reason not to serve.
        log::warn!("cannot print where it listens: {e}");
    }
    let attended = if args.console || io::stdin().is_terminal() {
        match console::start(server.shared(), screen, stop_by_hand) {
            Ok(attended) => Some(attended),
            Err(e) => return fail(1, format_args!("cannot start a thread: {e}")),
        }
    } else {
        None
    };
    let ended = server.run(&stopped, again);
    drop(attended);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::System(e)) => fail(1, format_args!("cannot serve: {e}")),
        Err(RunError::Lost(loss)) => {
            let home = dirs.home.display();
            fail(LOST, format_args!("stopped: the lock of the home {home} {loss}"))
        }
    }
}

/// Opens everything and binds the sockets, in this order, so that a server that waits for another
/// one's home does not keep its ports; `None` if a word of `stopped` came before.
fn bind(
    args: &Args,
    Directories { conf, home: dir }: &Directories,
    (settings, logs): (LiveSettings, Logs),
    stopped: &Receiver<()>,
) -> Result<Option<Server>, String> {
    let accounts = AccountStore::open(conf).map_err(|e| e.to_string())?;
    let shared = settings.last().storage.shared;
    let home = standby::open(dir, shared, args.wait, stopped)
        .map_err(|e| format!("the home {} {e}", dir.display()))?;
    let Some(home) = home else { return Ok(None) };
    let config = settings.last();
    let shared = Shared::with((settings, logs), conf, accounts, home, Vec::new());
    let shared = shared.map_err(|e| e.to_string())?;
    let (framed, ftp) = (framed(args, &config), ftp(args, &config));
    Server::bind(shared, &[framed], ftp.as_slice()).map(Some).map_err(|e| e.to_string())
}

/// The exit code of a server that has lost the lock of its home.
const LOST: u8 = 3;

/// Asks for a descriptor for each connection and as many as it may need beside it; warns if not
/// even two are to be had for as many as the settings let in.
fn raise_descriptors(config: &Config) {
    let connections = config.server.connections as u64;
    let Err(most) = miniftp::server::raise_descriptors(connections * EACH + DESCRIPTORS_BESIDE)
    else {
        return;
    };
    if most < connections * 2 + DESCRIPTORS_BESIDE {
        log::warn!(
            "the system allows {most} open files; that is too few for {connections} connections: \
             raise it (ulimit -n) or lower [server] connections"
        );
    }
}

/// Descriptors of a connection with an upload open, small files in flight and one of them at work,
/// and a few more that are synced one by one.
const EACH: u64 = 20;
/// Descriptors that the server needs beside those of its connections.
const DESCRIPTORS_BESIDE: u64 = 64;

/// One line for each address, then `ready`: programs that start this one read them.
fn announce(server: &Server) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (protocol, address) in server.listening() {
        writeln!(out, "listening {protocol} {address}")?;
    }
    writeln!(out, "ready")?;
    out.flush()
}

fn warn_of_demo_accounts(server: &Server, conf: &Path) {
    let accounts = server.shared().accounts();
    let demo: Vec<&str> = accounts
        .iter()
        .filter(|account| account.demo)
        .map(|account| account.name().as_str())
        .collect();
    if !demo.is_empty() {
        log::warn!(
            "{} has demo accounts with published passwords ({}); they log in from this machine \
             only. `miniftpd account passwd NAME` makes one real, `account remove NAME` ends it",
            conf.join("accounts.ini").display(),
            demo.join(", ")
        );
    }
}
