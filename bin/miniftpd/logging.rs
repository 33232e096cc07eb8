//! What the rest of the program logs, on its way to where acts are noted.

use miniftp::audit::Log;

/// `MINIFTP_LOG=debug` lets more through, `error` less.
struct Front {
    filter: env_logger::Logger,
    log: Log,
}

impl log::Log for Front {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.filter.matches(record) {
            self.log.write(record.level(), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// The filter that the environment asks for, or one of this level.
pub(crate) fn filter(level: &str) -> env_logger::Logger {
    let env = env_logger::Env::new().filter_or("MINIFTP_LOG", level);
    env_logger::Builder::from_env(env).build()
}

/// Sends everything through a filter on to a log from now on.
pub(crate) fn carry_through(filter: env_logger::Logger, log: &Log) {
    let most = filter.filter();
    if log::set_boxed_logger(Box::new(Front { filter, log: log.clone() })).is_ok() {
        log::set_max_level(most);
    }
}

/// The same through the filter of the environment.
pub(crate) fn carry(log: &Log, level: &str) {
    carry_through(filter(level), log);
}
