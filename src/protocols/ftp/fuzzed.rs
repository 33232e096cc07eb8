//! What the fuzzer in fuzz/ reaches of this protocol's pure parts; it is in no other build.

use super::line::{Line, Lines};
use super::{address, date, facts, pattern};

/// Pushes bytes in pieces of `piece` and reads every argument in every way that there is. Returns
/// the number of lines.
pub fn lines(bytes: &[u8], piece: usize) -> usize {
    let mut lines = Lines::new();
    let mut count = 0;
    for piece in bytes.chunks(piece.max(1)) {
        lines.push(piece);
        while let Some(line) = lines.next() {
            count += 1;
            if let Line::Command(command) = &line {
                argument(command.arg().unwrap_or_default());
            }
        }
    }
    count
}

fn argument(arg: &str) {
    let _ = address::parse_port(arg);
    let _ = address::parse_eprt(arg);
    let _ = address::parse_epsv(Some(arg));
    let _ = date::split_stamp(arg);
    let _ = facts::Facts::chosen(arg).opts_text();
    let (_, path) = pattern::split_flags(arg, &|_| false);
    if let Some((directory, pattern)) = pattern::split_pattern(path) {
        let _ = pattern.matches(directory);
    }
}
