//! Refusals at the very edge of a limit, and what becomes of a directory that changes hands.

use super::*;

const OTHER: DirectoryId = DirectoryId { device: 1, inode: 3 };

#[test]
fn what_is_left_can_be_had_to_the_last_byte_and_entry_and_no_more() {
    let limits = QuotaLimits { bytes: Some(1_000), entries: Some(3) };
    let rest = Amount { bytes: 400, entries: 2 };
    let over = [Amount { bytes: 401, entries: 2 }, Amount { bytes: 400, entries: 3 }];
    for is_reserved in [true, false] {
        let (ledger, charged) = ledger(limits, 600);
        let mut charge = open(&ledger, &charged);
        let mut take = |whole| match is_reserved {
            true => charge.cover(whole, false),
            false => charge.spend(whole),
        };
        for whole in over {
            assert!(take(whole).is_err(), "{whole}");
        }
        take(rest).unwrap();
        assert_eq!(ledger.usage("ann").unwrap().left(), Amount::NOTHING);
    }
}

/// Bytes of which exactly as many are left as are needed are not what is missing.
#[test]
fn a_refusal_names_what_is_missing() {
    let (ledger, charged) = ledger(QuotaLimits { bytes: Some(600), entries: Some(1) }, 600);
    let refused = open(&ledger, &charged).cover(Amount::ENTRY, false).unwrap_err();
    assert!(
        matches!(refused, Error::TooManyEntries { need: 1, left: 0, limit: 1, .. }),
        "{refused}"
    );
}

/// An upload of unknown size takes what it writes; what it may write later is free for others.
#[test]
fn what_was_not_announced_reserves_nothing_ahead() {
    let (ledger, charged) = ledger(bytes(80 * 1024 * 1024), 0);
    let mut charge = open(&ledger, &charged);
    charge.spend(of(100)).unwrap();
    assert_eq!(figures(&ledger), (100, 0));
    charge.spend(of(200)).unwrap();
    assert_eq!(figures(&ledger), (200, 0));
}

#[test]
fn a_directory_that_becomes_a_home_is_counted_again() {
    let ledger = Arc::new(Ledger::new());
    ledger.mount(SHARED, ChargeRule::Directory, bytes(1_000));
    count(&ledger, SHARED, &[(Some("bob"), of(300))]);
    ledger.open_home("ann", SHARED);
    assert_eq!(ledger.usage("ann"), None);
    count(&ledger, SHARED, &[]);
    assert_eq!(figures(&ledger), (0, 0));
}

#[test]
fn what_is_not_mounted_any_more_takes_no_other_mount_with_it() {
    let (ledger, home) = ledger(bytes(1_000), 100);
    for (id, held) in [(SHARED, 200), (OTHER, 300)] {
        ledger.mount(id, ChargeRule::Writer, QuotaLimits::NONE);
        assert_eq!(ledger.usage_of(&home), None, "not all was counted that ann pays for");
        count(&ledger, id, &[(Some("ann"), of(held))]);
    }
    assert_eq!(figures(&ledger), (600, 0));
    ledger.unmount(OTHER);
    assert_eq!(figures(&ledger), (300, 0));
    assert_eq!(ledger.usage_of(&home), ledger.usage("ann"));
}
