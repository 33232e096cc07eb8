//! Frames out of any stream, cut anywhere.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::error::{Error, Result};
use miniftp::wire::{Arrive, Ceiling, Inbox};

/// A stream that gives its bytes in pieces of a size that the input chooses.
struct Pieces<'a>(&'a [u8], usize);

impl Arrive for Pieces<'_> {
    fn arrive(&mut self, into: &mut [u8], _begun: bool) -> Result<usize> {
        let n = into.len().min(self.1).min(self.0.len());
        if n == 0 {
            return Err(Error::Gone);
        }
        let (now, later) = self.0.split_at(n);
        into[..n].copy_from_slice(now);
        self.0 = later;
        Ok(n)
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let ceiling = if first & 1 == 0 { Ceiling::KNOWN } else { Ceiling::ANONYMOUS };
    let mut from = Pieces(rest, usize::from(first >> 1) + 1);
    let (mut inbox, mut head, mut data) = (Inbox::new(), Vec::new(), Vec::new());
    while let Ok(Some(len)) = inbox.head(&mut from, ceiling, &mut head) {
        assert!(head.len() <= ceiling.head && len <= ceiling.data);
        data.resize(len, 0);
        if inbox.data(&mut from, &mut data).is_err() {
            return;
        }
    }
});
