//! A rate is a rate: through both doors, for one session and for many, for large files and small.
//!
//! Time is the property here. The upper bound is exact: `t` is taken from before the first byte was
//! asked for to after the last one came, so a slow machine only makes it longer. The lower bound,
//! that a rate is not wasted, can fail on a machine that is busy with other things; where it does
//! the measurement is made again, and only three failures in a row count.

mod changes;
mod honest;
mod shares;
mod short;
mod slow;

use std::time::Duration;

use miniftp::limits;

/// The most bytes that so many sessions of one account may have moved at this rate.
fn most(rate: u64, sessions: u64, time: Duration) -> u64 {
    let time = time + limits::RATE_BURST + limits::RATE_STEP;
    (rate as f64 * time.as_secs_f64()) as u64 + (16 + sessions) * limits::RATE_PIECE
}
