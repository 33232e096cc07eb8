//! The signals that end a demo or a share: noted, so that it tidies up first.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

use crate::terminal::is_ignored;

/// What has come of them.
pub(crate) struct Ends {
    /// Set by the first one. Every wait of a client looks at it.
    pub(crate) interrupt: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Ends {
    /// Notes them from now on.
    pub(crate) fn catch() -> io::Result<Ends> {
        let ends = Ends { interrupt: Arc::default(), signal: Arc::default() };
        // A terminal that is closed sends HUP, unless `nohup` says that this does not matter.
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|s| !is_ignored(*s)) {
            let number = usize::try_from(signal).unwrap_or(0);
            flag::register_usize(signal, Arc::clone(&ends.signal), number)?;
            flag::register(signal, Arc::clone(&ends.interrupt))?;
        }
        Ok(ends)
    }

    /// Whether one has come.
    pub(crate) fn is_over(&self) -> bool {
        self.interrupt.load(Ordering::SeqCst)
    }

    /// As a shell counts it: 130 for Ctrl-C.
    #[cfg(feature = "client")]
    pub(crate) fn exit_code(&self) -> u8 {
        u8::try_from(self.signal.load(Ordering::SeqCst)).unwrap_or(0).saturating_add(128)
    }
}
