//! What a word of an admin command may be: names from the table, accounts, connections, requests.

use miniftp::admin::ADMIN_COMMANDS;
use miniftp::admin::commands::AdminCommand;
use miniftp::admin::grammar::{ArgumentKind, find};
use miniftp::shared::Shared;
use miniftp::text::words::{quote, split};

/// Where the word begins that is being typed, and what it may become; each ends with a blank, so
/// that the next word can follow.
pub(super) fn candidates(shared: &Shared, line: &str) -> (usize, Vec<String>) {
    let mut words = split(line);
    // Behind a blank a new word begins.
    let typed = match words.last() {
        Some(last) if !line.ends_with(char::is_whitespace) => {
            let at = last.at;
            words.pop();
            line.get(at..).unwrap_or_default()
        }
        _ => "",
    };
    let begin = line.len() - typed.len();
    let all = match words.split_first() {
        None => commands(),
        Some((name, rest)) => find(&name.text).map_or_else(Vec::new, |row| {
            let operands = rest.iter().filter(|word| !row.is_option(word)).count();
            behind(shared, row, operands, typed)
        }),
    };
    let fits = |word: &String| word.starts_with(typed);
    (begin, all.into_iter().filter(fits).map(|word| word + " ").collect())
}

fn commands() -> Vec<String> {
    let names = ADMIN_COMMANDS.iter().map(|row| row.name.to_owned());
    names.chain(std::iter::once("stop".to_owned())).collect()
}

/// What may follow a command that has so many operands already.
fn behind(shared: &Shared, row: &AdminCommand, operands: usize, typed: &str) -> Vec<String> {
    if typed.starts_with('-') {
        return row.options.iter().map(|option| format!("--{}", option.name)).collect();
    }
    let accounts = || {
        let names = shared.accounts();
        let names = names.iter().map(|account| quote(account.name().as_str(), false));
        names.collect::<Vec<_>>()
    };
    match row.operands.get(operands).map(|operand| operand.kind) {
        Some(ArgumentKind::Account | ArgumentKind::Who) => accounts(),
        Some(ArgumentKind::Session) => {
            let connections = shared.online().into_iter().map(|one| one.id.to_string());
            accounts().into_iter().chain(connections).collect()
        }
        Some(ArgumentKind::Role) => ["user", "admin"].map(str::to_owned).to_vec(),
        Some(ArgumentKind::Number) => {
            let waiting = shared.queue.pending().unwrap_or_default();
            waiting.into_iter().map(|request| request.number.to_string()).collect()
        }
        Some(ArgumentKind::Command) => commands(),
        _ => Vec::new(),
    }
}
