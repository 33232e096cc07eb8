//! conf/accounts.ini: what is read is written and read back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::accounts::Accounts;

fuzz_target!(|input: &[u8]| {
    if let Ok(accounts) = Accounts::from_text(input) {
        let text = accounts.to_text();
        assert_eq!(Accounts::from_text(text.as_bytes()).unwrap(), accounts);
    }
});
