//! What to run next, for whoever has just begun.

use std::path::{Path, PathBuf};

use miniftp::text::shell_quoted;

use crate::args::Args;

/// What is run to have a server, in this order.
const STEPS: [(&str, &str); 4] = [
    ("miniftpd init", "write conf and home into this directory; asks for a password"),
    ("miniftpd", "run the server, until Ctrl-C"),
    ("miniftp -u admin", "in a second terminal: the client, on this machine"),
    ("miniftpd account add NAME", "an account for somebody else"),
];

/// For whoever has no configuration yet.
pub(crate) fn without_configuration(looked_at: &str) -> String {
    if !cfg!(feature = "admin-cli") {
        return format!(
            "there is no configuration; looked at {looked_at}. This program only serves: run \
             `miniftpd init` where that is built with it, and copy conf and home here"
        );
    }
    let share = ("miniftpd share DIR", "serve one directory at once, without any configuration");
    let steps = lines(&[&[share], &STEPS[..]].concat());
    format!("there is no configuration; looked at {looked_at}. Run next:\n{steps}")
}

/// For whoever has just made one, in this directory if it is not the working directory, or where
/// the options say.
pub(crate) fn after_init(dir: Option<&Path>, args: &Args) -> String {
    let option = |name: &str, value: &Option<PathBuf>| {
        let value = value.as_ref().map(|path| shell_quoted(&path.to_string_lossy()));
        value.map(|value| format!(" {name} {value}")).unwrap_or_default()
    };
    let options = option("--conf", &args.conf) + &option("--home", &args.home);
    let change = dir.map(|dir| format!("cd {}", shell_quoted(&dir.to_string_lossy())));
    let change = change.as_deref().map(|command| (command, "where conf and home are"));
    let steps = STEPS.map(|(command, about)| {
        let command = match command.strip_prefix("miniftpd") {
            Some(rest) => format!("miniftpd{options}{rest}"),
            None => command.to_owned(),
        };
        (command, about)
    });
    let steps = steps.iter().skip(1).map(|(command, about)| (command.as_str(), *about));
    let steps: Vec<_> = change.into_iter().chain(steps).collect();
    format!("conf and home are ready. Run next:\n{}", lines(&steps))
}

/// A line for each command, with what it does beside it.
fn lines(steps: &[(&str, &str)]) -> String {
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let lines = steps.iter().map(|(command, about)| format!("  {command:width$}  {about}"));
    lines.collect::<Vec<_>>().join("\n")
}
