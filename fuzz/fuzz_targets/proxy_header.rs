//! The header that a proxy sends in front of a connection.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| miniftp::protocols::proxy::fuzzed(input));
