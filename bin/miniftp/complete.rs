//! What the shell offers while a line is typed: completion, and hints from the history.
//!
//! Never: offers a name that could not be typed. Asks the server twice for the same folder while a
//! line is typed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use miniftp::answer::{Answer, Cell};
use miniftp::client::ListedKind;
use miniftp::text::is_harmful;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::colours::Colours;
use crate::commands::COMMANDS;
use crate::place::{EachEntry, Here, Place, is_step};
use crate::row::{Group, Operand, Options, ShellCommand, find};
use crate::session::ShellSession;
use crate::target::hosts;
use crate::tilde;
use crate::words::{BeginningOfLine, beginning, quoted};

/// How long what the server has said is good enough.
const KEPT: Duration = Duration::from_secs(60);
/// How long a folder may take that is listed while somebody waits with a finger on the key.
const LISTING_WAIT: Duration = Duration::from_secs(3);
/// Names of a folder that are kept.
const NAMES_MOST: usize = 100_000;
/// Folders that are kept.
const FOLDERS_MOST: usize = 64;

/// A name in a folder, and whether it is a folder.
type Name = (String, bool);

/// What the server has said lately.
#[derive(Default)]
struct Known {
    folders: HashMap<String, (Instant, Vec<Name>)>,
    /// The admin commands: how each is written, and its options.
    admin: Option<Vec<(String, String)>>,
    accounts: Option<(Instant, Vec<String>)>,
}

/// Whoever looks over the shoulder of a person who types.
pub(crate) struct Assistant<'s> {
    pub(crate) session: RefCell<&'s mut ShellSession>,
    known: RefCell<Known>,
    has_colours: bool,
}

/// What can stand in the place of the last word.
#[derive(Default)]
struct Offers {
    pairs: Vec<Pair>,
}

impl Offers {
    /// A word that is complete with that.
    fn word(&mut self, typed: &BeginningOfLine, word: &str) {
        if word.starts_with(&typed.last) {
            let replacement = quoted(word, typed.quote) + " ";
            self.pairs.push(Pair { display: word.to_owned(), replacement });
        }
    }

    /// An option or a command, which never needs a quote.
    fn plain(&mut self, typed: &BeginningOfLine, word: &str) {
        if typed.quote.is_none() && word.starts_with(&typed.last) {
            self.pairs.push(Pair { display: word.to_owned(), replacement: format!("{word} ") });
        }
    }

    /// The names in a folder that begin with what was typed of the last one.
    fn names(&mut self, typed: &BeginningOfLine, names: &[Name]) {
        let at = typed.last.rfind('/').map_or(0, |slash| slash + 1);
        let (folder, begun) = typed.last.split_at(at);
        for (name, is_folder) in names {
            let is_hidden = name.starts_with('.') && !begun.starts_with('.');
            if is_hidden || !name.starts_with(begun) {
                continue;
            }
            let path = format!("{folder}{name}");
            let (display, replacement) = match is_folder {
                true => {
                    let mut open = quoted(&format!("{path}/"), typed.quote);
                    // Something else follows, and the quote stays open for it.
                    if typed.quote.is_some() {
                        open.pop();
                    }
                    (format!("{name}/"), open)
                }
                false => (name.clone(), quoted(&path, typed.quote) + " "),
            };
            self.pairs.push(Pair { display, replacement });
        }
    }
}

impl<'s> Assistant<'s> {
    pub(crate) fn new(session: &'s mut ShellSession) -> Assistant<'s> {
        let has_colours = Colours::of_user().is_some();
        Assistant { session: RefCell::new(session), known: RefCell::default(), has_colours }
    }

    /// A command was carried out, after which folders may look different.
    pub(crate) fn forget_after(&self, command: &ShellCommand) {
        if !matches!(command.group, Group::Look | Group::Here) {
            self.forget();
        }
    }

    /// What is known may not be true any more.
    pub(crate) fn forget(&self) {
        *self.known.borrow_mut() = Known::default();
    }

    fn offers(&self, typed: &BeginningOfLine) -> Offers {
        let mut offers = Offers::default();
        let Some((first, words)) = typed.words.split_first() else {
            for command in COMMANDS {
                offers.plain(typed, command.name);
            }
            return offers;
        };
        let command = first.text.to_str().and_then(|name| find(COMMANDS, name));
        let Some(command) = command else { return offers };
        let is_option = typed.last.starts_with('-') && !typed.is_quoted;
        if command.name == "admin" {
            let words: Vec<&str> = words.iter().filter_map(|word| word.text.to_str()).collect();
            self.offer_admin(typed, &words, &mut offers);
            return offers;
        }
        if is_option && matches!(command.options, Options::Own(_)) {
            for flag in command.flags() {
                let spelling = flag.spelling();
                spelling.short.iter().for_each(|c| offers.plain(typed, &format!("-{c}")));
                offers.plain(typed, &format!("--{}", spelling.long));
            }
            return offers;
        }
        let is_operand = |text: &str| !text.starts_with('-') || text == "-";
        let before =
            words.iter().filter(|word| word.quoted || is_operand(&word.text.to_string_lossy()));
        let index = before.count();
        // It may be the last operand, or one of several with the last one still to come.
        let mut kinds = vec![command.operand(index, index + 1), command.operand(index, index + 2)];
        kinds.dedup();
        for kind in kinds {
            self.offer(typed, kind, &mut offers);
        }
        offers
    }

    fn offer(&self, typed: &BeginningOfLine, kind: Operand, offers: &mut Offers) {
        match kind {
            Operand::Local => offers.names(typed, &local_names(&typed.last)),
            Operand::Remote => offers.names(typed, &self.remote_names(&typed.last)),
            Operand::Either => {
                offers.names(typed, &self.remote_names(&typed.last));
                offers.names(typed, &local_names(&typed.last));
            }
            Operand::Command => COMMANDS.iter().for_each(|row| offers.plain(typed, row.name)),
            Operand::Server => {
                for host in hosts().unwrap_or_default() {
                    offers.word(typed, &host.name);
                }
            }
            Operand::Name | Operand::Text => {}
        }
    }

    /// The names in the folder of a path that is being typed.
    fn remote_names(&self, path: &str) -> Vec<Name> {
        let mut session = self.session.borrow_mut();
        if session.client.account().is_none() {
            return Vec::new();
        }
        let folder = path.rfind('/').map_or("", |slash| path.get(..=slash).unwrap_or_default());
        let key = match folder.starts_with('/') {
            true => folder.to_owned(),
            false => format!("{}\n{folder}", session.client.cwd()),
        };
        let mut known = self.known.borrow_mut();
        if let Some((at, names)) = known.folders.get(&key) {
            if at.elapsed() < KEPT {
                return names.clone();
            }
        }
        let names = names_in(&mut session.client, folder);
        if known.folders.len() >= FOLDERS_MOST {
            known.folders.clear();
        }
        known.folders.insert(key, (Instant::now(), names.clone()));
        names
    }

    /// Admin commands, their options, and the names of accounts where one is expected.
    fn offer_admin(&self, typed: &BeginningOfLine, words: &[&str], offers: &mut Offers) {
        let rows = self.admin_commands();
        let Some((name, operands)) = words.split_first() else {
            for (form, _) in &rows {
                offers.plain(typed, first_word(form));
            }
            return;
        };
        let row = rows.iter().find(|(form, _)| first_word(form).eq_ignore_ascii_case(name));
        let Some((form, options)) = row else { return };
        if typed.last.starts_with('-') {
            options.split_whitespace().chain(["--json"]).for_each(|word| offers.plain(typed, word));
            return;
        }
        let index = operands.iter().filter(|word| !word.starts_with("--")).count();
        let expected = form.split_whitespace().nth(index + 1).unwrap_or_default();
        if expected.trim_matches(['[', ']', '.']).eq_ignore_ascii_case("NAME") {
            self.accounts().iter().for_each(|name| offers.word(typed, name));
        }
    }

    fn admin_commands(&self) -> Vec<(String, String)> {
        let mut known = self.known.borrow_mut();
        let rows = known.admin.get_or_insert_with(|| {
            let answer = self.ask("help");
            let rows = answer.iter().flat_map(|answer| &answer.rows);
            rows.map(|row| (text(row.first()), text(row.get(1)))).collect()
        });
        rows.clone()
    }

    fn accounts(&self) -> Vec<String> {
        let mut known = self.known.borrow_mut();
        if let Some((at, names)) = &known.accounts {
            if at.elapsed() < KEPT {
                return names.clone();
            }
        }
        let answer = self.ask("list");
        let rows = answer.iter().flat_map(|answer| &answer.rows);
        let names: Vec<String> = rows.map(|row| text(row.first())).collect();
        known.accounts = Some((Instant::now(), names.clone()));
        names
    }

    /// What an admin command answers that changes nothing; none to whoever is no admin.
    fn ask(&self, line: &str) -> Option<Answer> {
        let mut session = self.session.borrow_mut();
        session.client.account()?;
        session.client.admin(line, None, false).ok()
    }
}

fn text(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Text(text) | Cell::Name(text)) => text.clone(),
        _ => String::new(),
    }
}

fn first_word(form: &str) -> &str {
    form.split_whitespace().next().unwrap_or_default()
}

fn local_names(path: &str) -> Vec<Name> {
    let folder = path.rfind('/').map_or("", |slash| path.get(..=slash).unwrap_or_default());
    names_in(&mut Here, tilde::expanded(folder).as_deref().unwrap_or(folder))
}

/// The names that can be typed in a folder; none where it cannot be listed.
fn names_in(place: &mut dyn Place, folder: &str) -> Vec<Name> {
    let begun = Instant::now();
    let mut names = Vec::new();
    let each: &mut EachEntry<'_> = &mut |entry| {
        if is_step(&entry) && !entry.name.chars().any(is_harmful) {
            names.push((entry.name.to_string(), entry.kind == ListedKind::Directory));
        }
        match names.len() >= NAMES_MOST || begun.elapsed() > LISTING_WAIT {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    // Whoever cannot list a folder types the name in full.
    let _ = place.list(if folder.is_empty() { "." } else { folder }, each);
    names.sort_unstable();
    names
}

impl Completer for Assistant<'_> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Ok(typed) = beginning(line.get(..pos).unwrap_or_default()) else {
            return Ok((pos, Vec::new()));
        };
        let offers = self.offers(&typed);
        Ok((typed.at, offers.pairs))
    }
}

impl Hinter for Assistant<'_> {
    type Hint = String;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<String> {
        HistoryHinter {}.hint(line, pos, context)
    }
}

impl Highlighter for Assistant<'_> {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.has_colours {
            true => Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")),
            false => Cow::Borrowed(hint),
        }
    }
}

impl Validator for Assistant<'_> {}

impl Helper for Assistant<'_> {}
