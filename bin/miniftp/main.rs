//! `miniftp`, the client: one command, a batch from standard input, or a shell.
//!
//! Results go to standard output, everything else to standard error.

mod admin;
mod args;
#[path = "../shared/bar.rs"]
mod bar;
mod commands;
mod copying;
mod failure;
#[path = "../shared/figures.rs"]
mod figures;
mod files;
mod given;
mod glob;
mod help;
mod here;
mod history;
#[path = "../shared/line.rs"]
mod line;
mod listing;
mod menu;
#[path = "../shared/output.rs"]
mod output;
#[path = "../shared/pace.rs"]
mod pace;
mod password;
mod people;
mod places;
#[path = "../shared/question.rs"]
mod question;
mod results;
mod screen;
mod script;
mod session;
mod shell;
#[path = "../shared/terminal.rs"]
mod terminal;
mod transfer;
mod words;

use std::io::{self, BufReader, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use args::{Asked, CommandLine};
use commands::{GivenArguments, Run, ShellCommand};
use failure::{CommandResult, EXIT_INTERRUPTED, Failure};
use screen::Screen;
use script::Script;
use session::ShellSession;

fn main() -> ExitCode {
    outlive_large_files();
    let interrupt = Arc::new(AtomicBool::new(false));
    let mut screen = Screen::new(Arc::clone(&interrupt));
    let done = match args::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Help) => {
            let done = help(&mut screen);
            end(screen, done)
        }
        Ok(Asked::Version) => {
            let done = version(&mut screen);
            end(screen, done)
        }
        Ok(Asked::Run(line)) => {
            screen.detail = line.detail;
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
    let asked = match commands::parse(commands::plain_words(line.command.clone())) {
        Ok(asked) => asked,
        Err(failure) => return end(screen, Err(failure)),
    };
    let is_shell = asked.is_none() && io::stdin().is_terminal();
    listen_for_ctrl_c(interrupt, is_shell);
    if let Some((command, given)) = &asked {
        match command.run {
            Run::Here(run) => {
                let done = run(&mut screen, given);
                return end(screen, done);
            }
            Run::Outside(run) => {
                let done = run(line, &mut screen, given);
                return end(screen, done);
            }
            Run::Leave => return Ok(()),
            Run::There(_) => {}
        }
    }
    if is_shell && line.user.is_none() {
        return live_at_the_menu(line, screen);
    }
    let opened = session::user_name(line, &mut screen)
        .and_then(|name| session::open(line, &mut screen, &name));
    match opened {
        Ok(client) => {
            let session = ShellSession { client, screen, line: line.clone(), is_shell };
            let (mut screen, done) = work(session, asked);
            if is_shell {
                screen.print(GOODBYE);
            }
            end(screen, done)
        }
        Err(failure) => end(screen, Err(failure)),
    }
}

/// What is said when a person leaves.
const GOODBYE: &str = "Goodbye.";

/// Menu, shell, menu: who leaves the shell can log in as somebody else, or leave for good.
fn live_at_the_menu(line: &CommandLine, mut screen: Screen) -> CommandResult {
    while let Some(client) = menu::enter(line, &mut screen) {
        let done;
        let session = ShellSession { client, screen, line: line.clone(), is_shell: true };
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
fn work(
    mut session: ShellSession,
    asked: Option<(&'static ShellCommand, GivenArguments)>,
) -> (Screen, CommandResult) {
    let done = match asked {
        Some((command, given)) => commands::run(&mut session, command, &given),
        None if session.is_shell => {
            session.screen.print(&session::greeting(&session.client, &session.line));
            session.report_words();
            shell::interactive(&mut session)
        }
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
    writeln!(screen.out, "{}", args::HELP)?;
    help::list_commands(screen)
}

fn version(screen: &mut Screen) -> CommandResult {
    Ok(writeln!(screen.out, "miniftp {}", env!("CARGO_PKG_VERSION"))?)
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
