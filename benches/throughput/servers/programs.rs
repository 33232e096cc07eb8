//! The programs that are measured: where they are, and which versions.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that the bench runs.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// What makes it say its version.
    version: &'static [&'static str],
}

/// Every program of a client or a server. Two of them cannot be installed together everywhere, so
/// each can be named by a variable too.
pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "miniftpd", version: &["--version"] },
    Program { name: "miniftp", version: &["--version"] },
    Program { name: "cp", version: &["--version"] },
    Program { name: "rsync", version: &["--version"] },
    Program { name: "sshd", version: &["-V"] },
    Program { name: "scp", version: &[] },
    Program { name: "sftp", version: &[] },
    Program { name: "vsftpd", version: &["-v"] },
    Program { name: "pure-ftpd", version: &["--help"] },
    Program { name: "proftpd", version: &["-v"] },
    Program { name: "curl", version: &["--version"] },
    Program { name: "lftp", version: &["--version"] },
    Program { name: "python3", version: &["--version"] },
    Program { name: "rclone", version: &["version"] },
];

impl Program {
    /// Whether a variable can name it: ours were just built, and `cp` is everywhere.
    pub(crate) fn can_be_named(&self) -> bool {
        !["miniftpd", "miniftp", "cp"].contains(&self.name)
    }

    /// The variable that names it.
    pub(crate) fn variable(&self) -> String {
        format!("MINIFTP_BENCH_{}", self.name.replace('-', "").to_uppercase())
    }

    /// Its path: by its variable, in PATH, or where root's programs are.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self.name {
            "miniftpd" => return Some(env!("CARGO_BIN_EXE_miniftpd").into()),
            "miniftp" => return Some(env!("CARGO_BIN_EXE_miniftp").into()),
            _ => {}
        }
        if let Some(path) = std::env::var_os(self.variable()) {
            return Some(path.into());
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let directories = std::env::split_paths(&path).chain(usual);
        directories.map(|directory| directory.join(self.name)).find(|path| path.is_file())
    }

    /// The word with its version that it says of itself.
    pub(crate) fn version(&self) -> Option<String> {
        if self.version.is_empty() {
            return None;
        }
        // Some write it to standard error, and vsftpd to standard input.
        let out = Command::new("sh")
            .args(["-c", "\"$0\" \"$@\" 0>&1 2>&1"])
            .arg(self.path()?)
            .args(self.version)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let is_version = |word: &&str| {
            let word = word.trim_start_matches(|c: char| !c.is_ascii_digit());
            word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit())
        };
        let word = text.split_whitespace().map(|word| word.trim_end_matches(',')).find(is_version);
        word.map(str::to_owned)
    }
}

/// A program by its name.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    PROGRAMS.iter().find(|program| program.name == name)?.path()
}
