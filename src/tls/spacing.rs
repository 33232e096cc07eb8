//! Where rustls's copies of records lie in memory.
//!
//! rustls decrypts a record in one block and copies it into another. Where the copy begins up to 32
//! bytes behind its source, as far as a page goes, AMD's Zen 4 copies 2 GB/s instead of 60 with the
//! instruction that glibc 2.36 takes (`rep movsb`). The C library often lays the two like that,
//! since both have sizes near a power of two, and then a transfer loses a quarter of its rate. So a
//! block that holds nothing takes the place of such a copy, and the next ones lie elsewhere.

/// Bytes of a page, beyond which the processor does not compare addresses in time.
const PAGE: usize = 4096;
/// A copy that begins so far behind its source is slow.
const NEAR: std::ops::RangeInclusive<usize> = 1..=32;
/// Bytes of rustls's block, once it has met a record of full size: such a record with its head.
const BLOCK: usize = 5 + 16384 + 2048;
/// Bytes of a record's head, which are not copied.
const HEAD: usize = 5;
/// Bytes of what takes a copy's place: more than the C library keeps at hand for small requests.
const APART: usize = 2000;
/// How often that is tried for one connection.
const TRIES: usize = 8;

/// What keeps the copies of one connection away from their source.
#[derive(Default)]
pub(super) struct Spacing {
    /// Where rustls's block ends.
    source_end: usize,
    apart: Vec<Vec<u8>>,
}

impl Spacing {
    /// Notes where rustls wants to have more: behind what is in its block, up to the end of it.
    pub(super) fn note_room(&mut self, room: &[u8]) {
        self.source_end = room.as_ptr_range().end.addr();
    }

    /// Whether a copy of a record of full size lies where it was slow to make.
    pub(super) fn is_near(&self, copy: &[u8]) -> bool {
        let source = self.source_end.wrapping_sub(BLOCK).wrapping_add(HEAD);
        let distance = copy.as_ptr().addr().wrapping_sub(source) % PAGE;
        copy.len() > BLOCK - PAGE && NEAR.contains(&distance) && self.apart.len() < TRIES
    }

    /// Takes the place of a copy that has just been given back.
    pub(super) fn take_place(&mut self) {
        self.apart.push(Vec::with_capacity(APART));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_large_copy_just_behind_its_source_is_near() {
        let memory = vec![0_u8; 20 * PAGE];
        let mut spacing = Spacing::default();
        // Whatever is in the block already.
        for used in [0, 2031, BLOCK - 1] {
            spacing.note_room(&memory[100 + used..100 + BLOCK]);
            let copy = |distance: usize, len| &memory[100 + HEAD + 6 * PAGE + distance..][..len];
            for (distance, is_near) in
                [(0, false), (1, true), (32, true), (33, false), (PAGE - 1, false)]
            {
                assert_eq!(spacing.is_near(copy(distance, 16384)), is_near, "{used} {distance}");
                assert!(!spacing.is_near(copy(distance, 4096)), "{used} {distance}");
            }
        }
        for _ in 0..TRIES {
            assert!(spacing.is_near(&memory[100 + HEAD + 6 * PAGE + 11..][..16384]));
            spacing.take_place();
        }
        assert!(!spacing.is_near(&memory[100 + HEAD + 6 * PAGE + 11..][..16384]), "given up");
    }
}
