//! conf/server.ini.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::conffile::ParseErrors;
use miniftp::config::Config;

fuzz_target!(|input: &[u8]| {
    if let Err(errors) = Config::read(Some(input)) {
        assert!(errors != ParseErrors::default());
    }
});
