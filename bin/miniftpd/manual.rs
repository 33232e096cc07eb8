//! `miniftpd man`: the manual page, from the same tables as the help.

use miniftp::admin::ADMIN_COMMANDS;

use crate::troff::troff;
use crate::usage::{
    ADMINISTERS, COMMANDS, NOTES, OPTIONS, SHARE_OPTIONS, UsageRow, VERIFY_OPTIONS,
};

/// What the program is, in a paragraph.
const ABOUT: &str = "miniftpd serves the files of its accounts through two protocols: its own, \
                     which miniftp(1) speaks and in which every chunk is verified and everything \
                     that breaks off can be resumed, and FTP for all other clients.";
/// Where things are, and what each signal does; the first word is what stands out.
const FILES: &[(&str, &str)] = &[
    ("server.ini", "the settings, in the directory of the configuration; see --print-config"),
    ("accounts.ini", "who may log in, with a record of each password"),
    ("mounts.ini", "directories that accounts see besides their home"),
];
const SIGNALS: &[(&str, &str)] = &[
    ("TERM, INT", "let everybody finish the current request, then end; again: at once"),
    ("HUP", "read everything again that people edit, and open the log's files again"),
];
const EXIT: &[(&str, &str)] = &[
    ("0", "all is done, or the server was stopped"),
    ("1", "something was refused, failed, or is not what was stored; the reason is printed"),
    ("2", "the command line is wrong"),
    ("3", "the lock of the homes was lost; of an admin command: a part was not done"),
];

/// The page as troff source.
pub(crate) fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(
        ".TH MINIFTPD 8 \"\" \"miniftpd {version}\"\n.SH NAME\nminiftpd \\- serve files, verified \
         and resumable\n.SH SYNOPSIS\n.nf\n"
    );
    for row in COMMANDS {
        page += &format!("{}\n", troff(row.form));
    }
    page += &format!(".fi\n.SH DESCRIPTION\n{}\n", troff(ABOUT));
    section(&mut page, "COMMANDS", COMMANDS.iter().map(rows));
    section(&mut page, "OPTIONS", OPTIONS.iter().map(rows));
    section(&mut page, "OPTIONS OF VERIFY", VERIFY_OPTIONS.iter().map(rows));
    if ADMINISTERS {
        section(&mut page, "OPTIONS OF SHARE", SHARE_OPTIONS.iter().map(rows));
        let admin = ADMIN_COMMANDS.iter();
        let admin = admin.map(|row| (format!("account {}", row.form()), row.about.to_owned()));
        section(&mut page, "ADMIN COMMANDS", admin);
    }
    let of = |row: &(&str, &str)| (row.0.to_owned(), row.1.to_owned());
    section(&mut page, "FILES", FILES.iter().map(of));
    section(&mut page, "SIGNALS", SIGNALS.iter().map(of));
    section(&mut page, "EXIT STATUS", EXIT.iter().map(of));
    page += &format!(".SH NOTES\n{}\n.SH SEE ALSO\n.BR miniftp (1)\n", troff(NOTES));
    page
}

fn rows(row: &UsageRow) -> (String, String) {
    (row.form.to_owned(), row.about.to_owned())
}

fn section(page: &mut String, title: &str, rows: impl Iterator<Item = (String, String)>) {
    *page += &format!(".SH {title}\n");
    for (form, about) in rows {
        *page += &format!(".TP\n.B {}\n{}\n", troff(&form), troff(&about));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_in_the_page() {
        let page = page();
        for row in COMMANDS.iter().chain(OPTIONS).chain(SHARE_OPTIONS) {
            assert!(page.contains(&troff(row.form)), "{}", row.form);
        }
        for row in ADMIN_COMMANDS {
            assert!(page.contains(&format!(".B account {}", troff(row.name))), "{}", row.name);
        }
    }
}
