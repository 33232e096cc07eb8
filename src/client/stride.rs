//! How large the frames of an upload are: what the connection carries in a moment.

use std::time::{Duration, Instant};

use crate::limits::{CHUNK, FRAME_DATA};

/// How long a frame should take: a second of a slow line is what a break costs at most, and what
/// passes before a bar moves.
const BEAT: Duration = Duration::from_secs(1);

/// How much goes into a frame: what the line and the server's rate carry in a [`BEAT`].
#[derive(Debug)]
pub(super) struct Stride {
    len: usize,
    answered: u64,
    since: Instant,
}

impl Default for Stride {
    /// Small at first: what is on its way cannot be made smaller any more.
    fn default() -> Stride {
        Stride { len: CHUNK, answered: 0, since: Instant::now() }
    }
}

impl Stride {
    /// Bytes of the next frame at most.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Another upload begins; its measurement begins with it.
    pub(super) fn begin(&mut self) {
        (self.answered, self.since) = (0, Instant::now());
    }

    /// The server has confirmed so many bytes more.
    pub(super) fn confirmed(&mut self, bytes: usize) {
        self.answered(bytes, self.since.elapsed());
    }

    fn answered(&mut self, bytes: usize, elapsed: Duration) {
        self.answered += bytes as u64;
        if self.answered < 2 * self.len as u64 && elapsed < BEAT {
            return;
        }
        let in_a_beat = u128::from(self.answered) * BEAT.as_nanos() / elapsed.as_nanos().max(1);
        let most = (2 * self.len).min(FRAME_DATA);
        let chunks = usize::try_from(in_a_beat).unwrap_or(usize::MAX) / CHUNK;
        self.len = chunks.saturating_mul(CHUNK).clamp(CHUNK, most);
        self.begin();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_grow_on_a_fast_line_and_shrink_on_a_slow_one() {
        let mut stride = Stride::default();
        let mut at = |bytes_a_second: u64, frames: usize| {
            for _ in 0..frames {
                let secs = stride.len as f64 / bytes_a_second as f64;
                let elapsed = Duration::from_secs_f64(secs * (1.0 + stride.answered as f64));
                stride.answered(stride.len, elapsed.min(Duration::from_secs_f64(2.0 * secs)));
            }
            stride.len
        };
        assert_eq!(at(8 << 10, 4), CHUNK);
        assert_eq!(at(1 << 30, 20), FRAME_DATA);
        assert!((CHUNK..=4 * CHUNK).contains(&at(200 << 10, 20)));
        assert_eq!(at(8 << 10, 20), CHUNK);
    }
}
