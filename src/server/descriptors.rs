//! How many files the server may have open.

/// Asks the system for `wanted` open files, or as many as it allows; the error is that number.
pub fn raise_descriptors(wanted: u64) -> Result<(), u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let most = now.maximum.unwrap_or(u64::MAX);
    let current = now.current.unwrap_or(u64::MAX);
    if current < wanted {
        let raised = Rlimit { current: Some(wanted.min(most)), maximum: now.maximum };
        if setrlimit(Resource::Nofile, raised).is_err() {
            return Err(current);
        }
    }
    if most < wanted { Err(most) } else { Ok(()) }
}
