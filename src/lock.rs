//! How a mutex is locked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex. Poison is ignored: every section under a lock of this crate is a few assignments,
/// each of which is right by itself, so a thread that died in one leaves nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
