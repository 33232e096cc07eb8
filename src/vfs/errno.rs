//! What the system's errors about a path are called.

use rustix::io::Errno;

use super::path::VPath;
use crate::error::Error;

/// The system's number of an error that came through the standard library.
pub(super) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The error for what the system said about `path`.
pub(super) fn from_errno(errno: Errno, path: &VPath, doing: &'static str) -> Error {
    let path = path.for_error();
    match errno {
        Errno::NOENT => Error::NotFound { path },
        Errno::NOTDIR | Errno::LOOP => Error::NotDirectory { path },
        Errno::EXIST => Error::Exists { path, size: 0 },
        Errno::NOTEMPTY => Error::NotEmpty { path },
        Errno::ISDIR => Error::IsDirectory { path },
        Errno::ACCESS | Errno::PERM => Error::Denied { path },
        Errno::STALE => Error::Changed { path },
        // What the fence of a home says, and no file system.
        Errno::SHUTDOWN => Error::Stopping,
        Errno::NAMETOOLONG => Error::BadPath { path, why: "a name in it is too long" },
        other => Error::io(doing, other.into()),
    }
}
