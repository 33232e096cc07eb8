//! What another server had for everybody: its texts, and its anonymous user.
//!
//! Never: replaces a text that is here already, or lets guests in.

use std::fs;
use std::path::Path;

use crate::limits;
use crate::text::Escaped;

use super::found::ForeignData;
use super::{AdminDesk, ImportReport, read, shown};

pub(super) fn keep(desk: &AdminDesk<'_>, found: &ForeignData, report: &mut ImportReport) {
    for (setting, path) in &found.texts {
        let name = match *setting {
            "welcome" => &desk.config.words.welcome,
            _ => &desk.config.words.goodbye,
        };
        match keep_text(desk, setting, name.as_deref(), path, report) {
            Ok(kept) => report.done(&kept),
            Err(why) => report.missing(format!("`{}`: {why}", shown(path))),
        }
    }
    if found.guests && !desk.config.guests.anonymous {
        let what = "the anonymous user can log in with `anonymous = yes` in [guests] of server.ini";
        report.missing(what);
    }
}

fn keep_text(
    desk: &AdminDesk<'_>,
    setting: &str,
    name: Option<&str>,
    path: &Path,
    report: &mut ImportReport,
) -> Result<String, String> {
    let text = read(path).map_err(|e| e.to_string())?;
    let name = name.ok_or_else(|| format!("[words] {setting} of server.ini is none"))?;
    let to = desk.dirs.0.join(name);
    match fs::read(&to) {
        Ok(there) if there == text.as_bytes() => {}
        Ok(_) => return Err(format!("{} is there already, with another text", shown(&to))),
        Err(_) => {
            let put = desk.store.replace_beside(&to, None, text.as_bytes());
            put.map_err(|e| e.to_string())?;
        }
    }
    if text.len() > limits::GREETING_FILE || text.lines().count() > limits::GREETING_LINES {
        let (bytes, lines) = (limits::GREETING_FILE, limits::GREETING_LINES);
        let what = "of it are shown, and not the rest";
        report.missing(format!("`{}`: {lines} lines and {bytes} bytes {what}", shown(path)));
    }
    Ok(format!("the {setting} text is {} now", Escaped(&to.to_string_lossy())))
}
