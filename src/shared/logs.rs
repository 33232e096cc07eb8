//! Where the log goes, and what is run after events: as the settings say, unless the command line
//! does.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::audit::{Log, LogTargets};
use crate::config::{Config, LogFormat};

/// What the command line says about the log; it stands above the settings.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// The file.
    pub file: Option<PathBuf>,
    /// Whether it is for programs.
    pub json: Option<bool>,
}

impl LogOptions {
    /// The files and the form, with the settings in the folder `conf`, below which they lie unless
    /// they are absolute: so that `miniftpd account` finds the same ones from wherever it is run.
    pub fn places(&self, conf: &Path, config: &Config) -> LogTargets {
        let below = |name: &Option<PathBuf>| name.as_ref().map(|name| conf.join(name));
        LogTargets {
            file: self.file.clone().or_else(|| below(&config.log.file)),
            json: self.json.unwrap_or(config.log.format == LogFormat::Json),
            xferlog: below(&config.log.xferlog),
        }
    }
}

/// The log, and what decides where it goes.
#[derive(Debug)]
pub struct Logs {
    log: Log,
    conf: PathBuf,
    options: LogOptions,
}

impl Logs {
    /// Opens the log. Acts go to `stderr` too where `acts_on_stderr` lets them.
    ///
    /// # Errors
    /// A file that cannot be written, in words for the operator.
    pub fn open(
        conf: &Path,
        config: &Config,
        options: LogOptions,
        acts_on_stderr: bool,
        stderr: impl Write + Send + 'static,
    ) -> io::Result<Logs> {
        let log = Log::open(options.places(conf, config), acts_on_stderr, stderr)?;
        log.hooks().set(config.hooks.plan(conf));
        Ok(Logs { log, conf: conf.to_path_buf(), options })
    }

    /// A log that keeps nothing, for tests.
    pub fn nowhere() -> Logs {
        Logs { log: Log::nowhere(), conf: PathBuf::new(), options: LogOptions::default() }
    }

    /// The log itself.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Lets an edit of the settings count.
    pub(super) fn follow(&self, config: &Config) {
        self.log.place(self.options.places(&self.conf, config));
        self.log.hooks().set(config.hooks.plan(&self.conf));
    }
}
