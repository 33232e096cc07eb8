//! Which settings a running server cannot follow, because the kernel holds it to less.

use std::path::{Component, Path, PathBuf};

use super::Config;
use crate::sandbox::{NEXT_START, Reach, Sandbox};
use crate::text::Escaped;

impl Config {
    /// What of these settings a server that is held to `sandbox` cannot do, a line each. The files
    /// lie below `conf` where they are not absolute.
    pub fn beyond(&self, sandbox: &Sandbox, conf: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let Config { log, server, .. } = self;
        for (section, name, file, reach) in [
            ("log", "file", &log.file, Reach::Change),
            ("log", "xferlog", &log.xferlog, Reach::Change),
            ("server", "certificate", &server.certificate, Reach::Read),
            ("server", "key", &server.key, Reach::Read),
        ] {
            if let Some(file) = file.as_deref().filter(|file| !reaches(sandbox, conf, file, reach))
            {
                let file = file.to_string_lossy();
                let what = "is outside of what the running server may open (landlock)";
                found.push(format!("[{section}] {name}: {} {what}; {NEXT_START}", Escaped(&file)));
            }
        }
        if self.ftp.active && !sandbox.connects() {
            let what = "the running server may begin no connections (landlock)";
            found.push(format!("[ftp] active: {what}; {NEXT_START}"));
        }
        for (hook, program) in self.hooks.programs() {
            if !sandbox.runs(&program) {
                let name = hook.name();
                let what = "the running server starts the programs that it was started with";
                found.push(format!("[hooks] {name}: {what} (landlock); {NEXT_START}"));
            }
        }
        found
    }
}

/// What lies below the directory of the settings is always there.
fn reaches(sandbox: &Sandbox, conf: &Path, file: &Path, reach: Reach) -> bool {
    let is_below = file.components().all(|part| matches!(part, Component::Normal(_)));
    let path: PathBuf = conf.join(file);
    is_below || sandbox.reaches_file(&path, reach)
}
