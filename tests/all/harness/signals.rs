//! The signals that programs under test are to hear.

use std::fs;
use std::sync::{Arc, Once};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

/// Sees to it that what is started from here hears all signals. A shell lets whatever it runs in
/// the background ignore INT and QUIT; programs inherit what is ignored, and not what is handled.
pub fn are_heard() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap());
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            if mask >> (signal - 1) & 1 == 1 {
                flag::register(signal, Arc::default()).unwrap();
            }
        }
    });
}
