//! `miniftp`, the client: one command, a batch from standard input, or a shell.
//!
//! Results go to standard output, everything else to standard error.

mod address;
mod admin;
mod args;
mod attributes;
#[path = "../shared/bar.rs"]
mod bar;
mod clock;
mod colours;
mod commands;
mod complete;
mod completions;
mod connect;
mod content;
mod copy;
mod copying;
mod display;
mod escape;
mod events;
mod failure;
#[path = "../shared/figures.rs"]
mod figures;
mod files;
mod given;
mod glob;
mod help;
mod here;
mod history;
mod json;
mod known_hosts;
#[path = "../shared/line.rs"]
mod line;
mod listing;
mod ls;
mod manner;
mod manual;
mod menu;
mod mirror;
mod mode;
mod netrc;
mod options;
#[path = "../shared/output.rs"]
mod output;
#[path = "../shared/own_group.rs"]
mod own_group;
mod password;
mod people;
mod pipes;
mod place;
mod places;
#[path = "../shared/question.rs"]
mod question;
mod results;
mod row;
mod screen;
mod script;
mod session;
mod shell;
#[path = "../shared/stopwatch.rs"]
mod stopwatch;
mod table;
mod target;
#[path = "../shared/terminal.rs"]
mod terminal;
mod tilde;
mod transfer;
mod trees;
#[path = "../shared/troff.rs"]
mod troff;
mod walk;
mod words;
#[path = "../shared/xdg.rs"]
mod xdg;

use std::io::{self, BufReader, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use args::{Asked, CommandLine};
use commands::Parsed;
use failure::{CommandResult, EXIT_INTERRUPTED, Failure};
use given::GivenArguments;
use row::{Run, ShellCommand};
use screen::Screen;
use script::Script;
use session::ShellSession;
use target::Target;

fn main() -> ExitCode {
    outlive_large_files();
    let interrupt = Arc::new(AtomicBool::new(false));
    let mut screen = Screen::new(Arc::clone(&interrupt));
    let done = match args::parse(std::env::args_os().skip(1), commands::is_command) {
        Ok(Asked::Help) => {
            let done = help(&mut screen);
            end(screen, done)
        }
        Ok(Asked::Version) => {
            let done = version(&mut screen);
            end(screen, done)
        }
        Ok(Asked::Run(line)) => {
            screen.manner = line.manner;
            run(&line, screen, &interrupt)
        }
        Err(failure) => end(screen, Err(failure)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.exit_code()),
    }
}

/// Does what the arguments say. What failed has been reported when this returns.
fn run(line: &CommandLine, mut screen: Screen, interrupt: &Arc<AtomicBool>) -> CommandResult {
    let (asked, target) = match prepare(line, &mut screen) {
        Ok(prepared) => prepared,
        Err(failure) => return end(screen, Err(failure)),
    };
    let is_shell = asked.is_none() && io::stdin().is_terminal();
    listen_for_ctrl_c(interrupt, is_shell);
    let Some(target) = target else {
        let done = run_here(asked, &mut screen);
        return end(screen, done);
    };
    if let Some((ShellCommand { run: Run::Outside(run), .. }, given)) = &asked {
        let done = run(&target, &mut screen, given);
        return end(screen, done);
    }
    if is_shell && target.user.is_none() {
        return live_at_the_menu(line, target, screen);
    }
    let opened = session::user_name(&target, &mut screen)
        .and_then(|name| session::open(&target, &mut screen, &name));
    match opened {
        Ok(client) => {
            let session = ShellSession { client, screen, line: line.clone(), target, is_shell };
            let (mut screen, done) = work(session, asked);
            if is_shell {
                screen.print(GOODBYE);
            }
            end(screen, done)
        }
        Err(failure) => end(screen, Err(failure)),
    }
}

/// Reads the command, and finds out about the server if it needs one.
fn prepare(line: &CommandLine, screen: &mut Screen) -> Result<(Parsed, Option<Target>), Failure> {
    if let Some(word) = &line.address {
        if target::is_nowhere(word)? {
            return Err(commands::neither(word));
        }
    }
    let mut asked = commands::of_arguments(&line.command)?;
    if let Some((command, given)) = &asked {
        command.check_output(line.manner.json)?;
        // In a session each command of the shell has its own.
        screen.manner = commands::manner_of(line.manner, given)?;
    }
    let mut line = line.clone();
    if let Some((ShellCommand { run: Run::Session(_), .. }, given)) = &asked {
        // `miniftp open HOST` is what users of other programs type for `miniftp HOST`.
        let Some(word) = given.words.first() else { return Ok((asked, None)) };
        line.server = line.server.or(word.text.to_str().map(str::to_owned));
        asked = None;
    }
    let url = match &mut asked {
        Some((command, given)) => commands::take_urls(command, given)?,
        None => None,
    };
    if matches!(&asked, Some((command, _)) if !command.run.needs_server()) {
        return match &line.address {
            Some(word) => Err(Failure::Usage(format!(
                "`{}` is done on this machine; leave the server `{}` out",
                asked.map_or("", |(command, _)| command.name),
                miniftp::text::Escaped(word)
            ))),
            None => Ok((asked, None)),
        };
    }
    let target = Target::of(&line, url.as_ref(), screen)?;
    Ok((asked, Some(target)))
}

/// Carries out what needs no server.
fn run_here(asked: Parsed, screen: &mut Screen) -> CommandResult {
    match asked {
        Some((ShellCommand { run: Run::Here(run), .. }, given)) => {
            let done = run(screen, &given);
            done.and(screen.left_nothing_out())
        }
        Some((ShellCommand { run: Run::About(run), .. }, given)) => {
            run(commands::COMMANDS, screen, &given)
        }
        _ => Ok(()),
    }
}

/// What is said when a person leaves.
const GOODBYE: &str = "Goodbye.";

/// Menu, shell, menu: who leaves the shell can log in as somebody else, or leave for good.
fn live_at_the_menu(line: &CommandLine, target: Target, mut screen: Screen) -> CommandResult {
    while let Some(client) = menu::enter(&target, &mut screen) {
        let done;
        let target = target.clone();
        let session = ShellSession { client, screen, line: line.clone(), target, is_shell: true };
        (screen, done) = work(session, None);
        if done.is_err() {
            return end(screen, done);
        }
        screen.print("Logged out.");
    }
    screen.print(GOODBYE);
    let is_left_by_ctrl_c = screen.is_interrupted();
    end(screen, if is_left_by_ctrl_c { Err(Failure::Reported(EXIT_INTERRUPTED)) } else { Ok(()) })
}

/// The part of a run that has a login.
fn work(mut session: ShellSession, asked: Parsed) -> (Screen, CommandResult) {
    let entered = session.enter();
    let done = match asked {
        // A person sees why, and is in the folder above all others.
        None if session.is_shell => {
            if let Err(failure) = entered {
                session.screen.report(&failure);
            }
            shell::interactive(&mut session)
        }
        _ if entered.is_err() => entered,
        Some((command, given)) => commands::run(&mut session, command, &given),
        None => {
            let interrupt = Arc::clone(&session.screen.interrupt);
            shell::batch(&mut session, &mut BufReader::new(Script { interrupt }))
        }
    };
    let ShellSession { client, mut screen, is_shell, .. } = session;
    // Everything that was asked for has had its answer; a line that breaks now takes nothing away.
    for line in client.bye().unwrap_or_default().iter().filter(|_| is_shell) {
        screen.print(line);
    }
    (screen, done)
}

/// Flushes the results and tells what failed.
fn end(mut screen: Screen, done: CommandResult) -> CommandResult {
    let flushed = screen.finish();
    let done = done.and(flushed);
    if let Err(failure) = &done {
        screen.report(failure);
    }
    done
}

fn help(screen: &mut Screen) -> CommandResult {
    writeln!(screen.out, "{}", options::help())?;
    let given = GivenArguments { flags: Vec::new(), values: Vec::new(), words: Vec::new() };
    help::help(commands::COMMANDS, screen, &given)
}

fn version(screen: &mut Screen) -> CommandResult {
    Ok(writeln!(screen.out, "{}", miniftp::client::SOFTWARE)?)
}

/// A file that reaches the limit of its size fails the write, and not the whole program.
#[cfg(unix)]
fn outlive_large_files() {
    // A signal that is noted somewhere does not end the program.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()).ok();
}

#[cfg(not(unix))]
fn outlive_large_files() {}

/// Ctrl-C sets the flag that every wait of the library looks at. Outside the shell a second one
/// ends the program at once.
#[cfg(unix)]
fn listen_for_ctrl_c(interrupt: &Arc<AtomicBool>, is_shell: bool) {
    use signal_hook::consts::SIGINT;
    use signal_hook::flag;
    if terminal::is_ignored(SIGINT) {
        return;
    }
    if !is_shell {
        let code = i32::from(EXIT_INTERRUPTED);
        // Without the handler Ctrl-C ends the program, which is as good.
        flag::register_conditional_shutdown(SIGINT, code, Arc::clone(interrupt)).ok();
    }
    flag::register(SIGINT, Arc::clone(interrupt)).ok();
}

#[cfg(not(unix))]
fn listen_for_ctrl_c(_: &Arc<AtomicBool>, _: bool) {}
