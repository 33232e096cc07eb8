//! `completions SHELL`: what the shells of this machine need to complete this program's arguments,
//! from the tables of options and commands.

use std::io::Write;

use miniftp::text::Escaped;

use crate::failure::{CommandResult, Failure};
use crate::given::GivenArguments;
use crate::options::OPTIONS;
use crate::row::{Operand, ShellCommand};
use crate::screen::Screen;

/// Writes the script of one shell.
type Script = fn(&[ShellCommand]) -> String;

/// The shells, and what is written for each.
const SHELLS: &[(&str, Script)] = &[("bash", bash), ("zsh", zsh), ("fish", fish)];

/// `completions SHELL`.
pub(crate) fn completions(
    commands: &'static [ShellCommand],
    screen: &mut Screen,
    given: &GivenArguments,
) -> CommandResult {
    let name = given.words.first().map(|word| word.remote()).transpose()?.unwrap_or_default();
    let Some((_, script)) = SHELLS.iter().find(|(shell, _)| *shell == name) else {
        let known: Vec<&str> = SHELLS.iter().map(|(shell, _)| *shell).collect();
        return Err(Failure::Usage(format!(
            "there are no completions for `{}`; expected {}",
            Escaped(name),
            known.join(" or ")
        )));
    };
    Ok(write!(screen.out, "{}", script(commands))?)
}

fn names(commands: &[ShellCommand]) -> String {
    commands.iter().filter(|row| row.name != "!").map(|row| row.name).collect::<Vec<_>>().join(" ")
}

/// Every way to write the program's own options.
fn own_options() -> String {
    let spelt = OPTIONS.iter().flat_map(|option| option.words());
    spelt.collect::<Vec<_>>().join(" ")
}

/// Every way to write a command's options.
fn options(command: &ShellCommand) -> Vec<String> {
    let mut words = Vec::new();
    for flag in command.flags() {
        let spelling = flag.spelling();
        words.extend(spelling.short.map(|letter| format!("-{letter}")));
        words.push(format!("--{}", spelling.long));
    }
    words
}

/// Whether paths of this machine may follow.
fn takes_local(command: &ShellCommand) -> bool {
    let kinds = [(0, 1), (0, 2), (1, 2)].map(|(index, count)| command.operand(index, count));
    kinds.iter().any(|kind| matches!(kind, Operand::Local | Operand::Either))
}

fn takes_command(command: &ShellCommand) -> bool {
    command.operand(0, 1) == Operand::Command
}

fn bash(commands: &[ShellCommand]) -> String {
    let (names, own) = (names(commands), own_options());
    let mut script = format!(
        "# Completion of miniftp for bash; made by `miniftp completions bash`.\n\
         _miniftp() {{\n    \
             local cur=${{COMP_WORDS[COMP_CWORD]}} command= options= kind= i\n    \
             COMPREPLY=()\n    \
             for ((i = 1; i < COMP_CWORD; i++)); do\n        \
                 case ${{COMP_WORDS[i]}} in\n            \
                     {}) command=${{COMP_WORDS[i]}}; break ;;\n        \
                 esac\n    \
             done\n    \
             case $command in\n    \
             '') options='{own}'; kind=command ;;\n",
        names.replace(' ', "|")
    );
    for command in commands.iter().filter(|row| row.name != "!") {
        let kind = match (takes_local(command), takes_command(command)) {
            (true, _) => "file",
            (_, true) => "command",
            _ => "",
        };
        let options = options(command).join(" ");
        script += &format!("    {}) options='{options}'; kind={kind} ;;\n", command.name);
    }
    script += &format!(
        "    esac\n    \
             if [[ $cur == -* ]]; then\n        \
                 mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n    \
             elif [[ $kind == file ]]; then\n        \
                 compopt -o filenames 2>/dev/null\n        \
                 mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n    \
             elif [[ $kind == command ]]; then\n        \
                 mapfile -t COMPREPLY < <(compgen -W '{names}' -- \"$cur\")\n    \
             fi\n}}\ncomplete -F _miniftp miniftp\n"
    );
    script
}

/// A text between single quotes of a shell.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn zsh(commands: &[ShellCommand]) -> String {
    let plain = |text: &str| text.replace(['[', ']'], "").replace(':', "\\:");
    let mut script = "#compdef miniftp\n\
        # Completion of miniftp for zsh; made by `miniftp completions zsh`.\n\
        _miniftp() {\n    local -a commands\n    local context state line\n    commands=(\n"
        .to_owned();
    for command in commands.iter().filter(|row| row.name != "!") {
        let row = format!("{}:{}", command.name, plain(command.help));
        script += &format!("        {}\n", single(&row));
    }
    script += "    )\n    _arguments -C";
    for option in OPTIONS {
        for word in option.words() {
            let value = option.value.map(|value| format!(":{value}:")).unwrap_or_default();
            let files = if option.value == Some("FILE") { "_files" } else { "" };
            let row = format!("{word}[{}]{value}{files}", plain(option.about));
            script += &format!(" \\\n        {}", single(&row));
        }
    }
    script += " \\\n        '1:command:->command' '*::argument:->argument'\n    \
        case $state in\n    command) _describe command commands ;;\n    argument)\n        \
        # The first word may be the server.\n        \
        if [[ -z ${commands[(r)$words[1]:*]} ]]; then\n            \
        shift words; (( CURRENT-- ))\n            \
        if (( CURRENT == 1 )); then _describe command commands; return; fi\n        fi\n        \
        case $words[1] in\n";
    for command in commands.iter().filter(|row| row.name != "!") {
        let mut words = Vec::new();
        for flag in command.flags() {
            let spelling = flag.spelling();
            let about = plain(spelling.about);
            words.extend(spelling.short.map(|letter| single(&format!("-{letter}[{about}]"))));
            words.push(single(&format!("--{}[{about}]", spelling.long)));
        }
        match (takes_local(command), takes_command(command)) {
            (true, _) => words.push("'*:file:_files'".to_owned()),
            (_, true) => words.push("'1:command:->command'".to_owned()),
            _ => {}
        }
        if !words.is_empty() {
            script += &format!("        {}) _arguments {} ;;\n", command.name, words.join(" "));
        }
    }
    script += "        esac\n        \
        [[ $state == command ]] && _describe command commands\n        ;;\n    \
        esac\n}\n_miniftp \"$@\"\n";
    script
}

fn fish(commands: &[ShellCommand]) -> String {
    let mut script = "# Completion of miniftp for fish; made by `miniftp completions fish`.\n\
        complete -c miniftp -f\n"
        .to_owned();
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    // The first word may be the server.
    let first = &quoted(&format!("not __fish_seen_subcommand_from {}", names(commands)));
    for option in OPTIONS {
        let short = option.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
        let value = match option.value {
            Some("FILE") => " -r -F",
            Some(_) => " -x",
            None => "",
        };
        let about = quoted(option.about);
        script += &format!(
            "complete -c miniftp -n {first}{short} -l {}{value} -d {about}\n",
            option.long
        );
    }
    for command in commands.iter().filter(|row| row.name != "!") {
        let (name, about) = (command.name, quoted(command.help));
        script += &format!("complete -c miniftp -n {first} -a {name} -d {about}\n");
        let behind = format!("'__fish_seen_subcommand_from {name}'");
        for flag in command.flags() {
            let spelling = flag.spelling();
            let short = spelling.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
            let (long, about) = (spelling.long, quoted(spelling.about));
            script += &format!("complete -c miniftp -n {behind}{short} -l {long} -d {about}\n");
        }
        if takes_local(command) {
            script += &format!("complete -c miniftp -n {behind} -F\n");
        }
        if takes_command(command) {
            script += &format!("complete -c miniftp -n {behind} -a {}\n", quoted(&names(commands)));
        }
    }
    script
}
