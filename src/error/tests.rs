//! What holds for every error.

use super::*;

#[test]
fn an_error_stays_small_enough_to_return_by_value() {
    assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
}

#[test]
fn a_full_disk_is_reported_apart_from_other_failures() {
    let full = Error::io("writing", io::ErrorKind::StorageFull.into());
    assert!(matches!(full, Error::DiskFull));
    let other = Error::io("writing", io::ErrorKind::Other.into());
    assert_eq!(other.to_string(), "the server failed while writing; its log says why");
    // There it says it.
    assert_eq!(other.in_full(), "writing failed: other error");
}
