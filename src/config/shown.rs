//! The settings as people see them: the shipped file, and the table in the manual.

use super::settings::{Config, SETTINGS};

/// Bytes of a line in the shipped file.
const WIDTH: usize = 98;
/// What the shipped file begins with.
const PREAMBLE: &str = "The settings of miniftpd. An edit counts at once, for connected clients \
    from their next command; only `listen`, `user`, `landlock` and `shared` count at the next \
    start. A file with a mistake changes nothing, and the log says what is wrong; `miniftpd check` \
    reports it beforehand. The server never writes this file. The values here are the defaults: a \
    line that is deleted or turned into a comment changes nothing. A comment begins with ; and has \
    a line of its own.";

/// The shipped conf/server.ini: every setting with its default and a remark.
pub fn print_config() -> String {
    let (mut out, mut section) = (remark(PREAMBLE), "");
    for setting in SETTINGS {
        if setting.section != section {
            section = setting.section;
            out += &format!("\n[{section}]\n");
        }
        out.push('\n');
        out += &remark(setting.help());
        out += &remark(&format!("Expected: {}.", (setting.key.expected)()));
        out += &format!("{} = {}\n", setting.name(), setting.text(&Config::default()));
    }
    out
}

/// The settings as a Markdown table, for docs/OPERATING.md.
pub fn markdown() -> String {
    let mut out =
        String::from("| Setting | Default | Expected | Meaning |\n| --- | --- | --- | --- |\n");
    for setting in SETTINGS {
        let (section, key, help) = (setting.section, setting.name(), setting.help());
        let (default, expected) = (setting.text(&Config::default()), (setting.key.expected)());
        out += &format!("| `[{section}] {key}` | `{default}` | {expected} | {help} |\n");
    }
    out
}

/// A text as remarks, broken between words into lines of at most [`WIDTH`] bytes.
fn remark(text: &str) -> String {
    let mut out = String::new();
    let mut line = String::from(";");
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            out += &line;
            out.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line += word;
    }
    out + &line + "\n"
}
