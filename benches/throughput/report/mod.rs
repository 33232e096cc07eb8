//! What a run of the bench found: kept as JSON, compared, and written as tables.
//!
//! Nothing here measures anything, so a test can read the recorded run and write its tables again.

pub(crate) mod compare;
pub(crate) mod markdown;
pub(crate) mod record;
pub(crate) mod size;
pub(crate) mod table;
