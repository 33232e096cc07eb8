//! FTP's control line: how it is cut does not matter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::protocols::ftp::fuzzed::lines;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    assert_eq!(lines(rest, usize::from(*first)), lines(rest, usize::MAX));
});
