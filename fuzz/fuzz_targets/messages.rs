//! The fields of every message: whatever is read is written back to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::digest::Algorithm;
use miniftp::wire::*;

macro_rules! all {
    ($input:ident, $($name:ident)*) => {
        $(if let Ok(message) = $name::decode(Fields::new($input)) {
            assert_eq!(message.fields().as_bytes(), $input, stringify!($name));
        })*
    };
}

fuzz_target!(|input: &[u8]| {
    all!(input, Greeting Hello Greeted Login Challenge Proof LoggedIn Use Using Path Switched Move
        Hash Hashed Here Counted Usage Put Opened There Store Chunk Bad Held SumsOf Piece Summed
        Done Stored Drop Get Got Entry Part Reason HelpLine Alive Nothing
        Admin Answered);
    let _ = Rows::default().take(&mut Fields::new(input));
    let mut fields = Fields::new(input);
    let _ = answer_head(&mut fields);
    let mut fields = Fields::new(input);
    let _ = request_name(&mut fields);
    let mut into = Vec::new();
    for algorithm in Algorithm::ALL {
        if digests(algorithm, input, &mut into).is_ok() {
            assert_eq!(into.len() * algorithm.len(), input.len());
        }
    }
});
