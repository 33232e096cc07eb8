//! Paths of users, joined one after the other: none ever leaves or lies.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::vfs::VPath;

fuzz_target!(|input: &str| {
    let mut here = VPath::root();
    for text in input.split('\n') {
        let _ = here.climbs_out(text);
        let Ok(there) = here.join(text) else { continue };
        let shown = there.as_str();
        assert!(shown.starts_with('/') && !shown.contains("//") && !shown.contains('\0'));
        assert!(there.components().all(|name| !name.is_empty() && name != "." && name != ".."));
        assert_eq!(VPath::root().join(shown).unwrap(), there);
        here = there;
    }
});
