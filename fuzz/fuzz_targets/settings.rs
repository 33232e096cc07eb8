//! conf/server.ini.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::config::Config;

fuzz_target!(|input: &str| {
    if let Err(e) = input.parse::<Config>() {
        assert!(!e.to_string().is_empty());
    }
});
