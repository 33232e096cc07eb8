//! MD5 (RFC 1321) of eight equally long messages side by side.
//!
//! One MD5 is a chain in which each step waits for the one before, so a core is mostly idle; eight
//! chains that know nothing of each other fill it. Plain safe Rust on `[u32; LANES]`, in the form
//! that the auto-vectoriser takes: the innermost loop runs over the lanes, and its body is one
//! round written out. Nothing here asks for more than the baseline of the target (SSE2 on x86-64).
//!
//! Never: reads anything but the eight messages.
//! Invariant: equal to the crate `md5`, byte for byte.
//!
//! Measured on one core of an AMD EPYC with Rust 1.95, chunks of 64 KiB, SSE2 only, MB a second:
//!
//! | opt-level | crate | 4 lanes | 8 lanes | 16 lanes |
//! | --- | --- | --- | --- | --- |
//! | 3 (every profile of this package) | 715 | 1,150 | 1,940 to 2,060 | 2,060 |
//! | 2 | 715 | 1,160 | 1,940 | 2,080 |
//! | 1, with debug assertions | 710 | 1,070 | 1,020 | 1,020 |
//! | s | 710 | 1,060 | 1,100 | 1,090 |
//!
//! Sixteen lanes gain nothing over eight and would leave more chunks of a short file to the crate.
//! Below level 2 nothing is vectorised; the lanes still overlap. Measure again after any change:
//! a fallible block or a `map` over the rows inside `round!` was enough to lose two thirds.

/// Messages that are hashed side by side.
pub const LANES: usize = 8;

/// Bytes of an MD5 block.
const BLOCK: usize = 64;
/// Bytes of the last block before the length that closes the message.
const BEFORE_LENGTH: usize = BLOCK - 8;

/// One word of each lane.
type Row = [u32; LANES];

/// The state of a fresh MD5 (RFC 1321, section 3.3).
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// How far each step rotates: by round, repeating every four steps (RFC 1321, section 3.4).
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The sines of RFC 1321, section 3.4: `floor(2^32 * abs(sin(step + 1)))`.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee,
    0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be,
    0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa,
    0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed,
    0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c,
    0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05,
    0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039,
    0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1,
    0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// The MD5 of each of `LANES` messages, which lie one after the other and are equally long: an
/// eighth of `group` each. What would be left over is not read.
pub fn md5_side_by_side(group: &[u8]) -> [[u8; 16]; LANES] {
    let len = group.len() / LANES;
    let whole = len - len % BLOCK;
    let messages: [&[u8]; LANES] = std::array::from_fn(|lane| &group[lane * len..][..len]);
    let mut state = START.map(|word| [word; LANES]);
    for at in (0..whole).step_by(BLOCK) {
        take_block(&mut state, &messages.map(|message| &message[at..at + BLOCK]));
    }
    take_end(&mut state, &messages.map(|message| &message[whole..]), len as u64);
    std::array::from_fn(|lane| {
        let mut digest = [0; 16];
        for (bytes, row) in digest.chunks_exact_mut(4).zip(&state) {
            bytes.copy_from_slice(&row[lane].to_le_bytes());
        }
        digest
    })
}

/// Hashes what is left after the last whole block, with the padding and the length in bits
/// (RFC 1321, sections 3.1 and 3.2): one block, or two if the length finds no room in the first.
fn take_end(state: &mut [Row; 4], rests: &[&[u8]; LANES], len: u64) {
    let mut ends = [[0; 2 * BLOCK]; LANES];
    let rest = rests[0].len();
    let used = if rest < BEFORE_LENGTH { BLOCK } else { 2 * BLOCK };
    for (end, bytes) in ends.iter_mut().zip(rests) {
        end[..rest].copy_from_slice(bytes);
        end[rest] = 0x80;
        end[used - 8..used].copy_from_slice(&len.wrapping_mul(8).to_le_bytes());
    }
    for at in (0..used).step_by(BLOCK) {
        take_block(state, &std::array::from_fn(|lane| &ends[lane][at..at + BLOCK]));
    }
}

/// One round of sixteen steps in every lane. The steps are written out by the macro, because the
/// vectoriser takes the loop over the lanes only if there is no other loop in it. In step `i` of a
/// round the word `first + stride * i` of the block is used.
macro_rules! round {
    ($round:literal, $first:literal, $stride:literal, $mix:expr, $state:ident, $words:ident) => {
        round!(
            $round, $first, $stride, $mix, $state, $words,
            [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]
        )
    };
    ($round:literal, $first:literal, $stride:literal, $mix:expr, $state:ident, $words:ident,
     [$($i:literal)*]) => {
        let mix = $mix;
        for lane in 0..LANES {
            let (mut a, mut b) = ($state[0][lane], $state[1][lane]);
            let (mut c, mut d) = ($state[2][lane], $state[3][lane]);
            $(
                let sum = a
                    .wrapping_add(mix(b, c, d))
                    .wrapping_add($words[($first + $stride * $i) % 16][lane])
                    .wrapping_add(SINES[$round * 16 + $i])
                    .rotate_left(TURNS[$round][$i % 4]);
                (a, b, c, d) = (d, b.wrapping_add(sum), b, c);
            )*
            $state[0][lane] = a;
            $state[1][lane] = b;
            $state[2][lane] = c;
            $state[3][lane] = d;
        }
    };
}

/// Hashes one block of each lane (RFC 1321, section 3.4).
fn take_block(state: &mut [Row; 4], blocks: &[&[u8]; LANES]) {
    let words = words_of(blocks);
    let mut new = *state;
    round!(0, 0, 1, |x: u32, y: u32, z: u32| z ^ (x & (y ^ z)), new, words);
    round!(1, 1, 5, |x: u32, y: u32, z: u32| y ^ (z & (x ^ y)), new, words);
    round!(2, 5, 3, |x: u32, y: u32, z: u32| x ^ y ^ z, new, words);
    round!(3, 0, 7, |x: u32, y: u32, z: u32| y ^ (x | !z), new, words);
    for (row, new) in state.iter_mut().zip(&new) {
        for (word, new) in row.iter_mut().zip(new) {
            *word = word.wrapping_add(*new);
        }
    }
}

/// The sixteen words of each lane's block, turned so that equal words of all lanes lie together.
fn words_of(blocks: &[&[u8]; LANES]) -> [Row; 16] {
    let mut words = [[0; LANES]; 16];
    for (lane, block) in blocks.iter().enumerate() {
        for (row, word) in words.iter_mut().zip(block.chunks_exact(4)) {
            row[lane] = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        }
    }
    words
}
