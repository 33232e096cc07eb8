//! Copies without a server, which everything else is compared with.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::{Job, Watched, run};
use crate::Result;

/// `cp`.
pub(super) fn copy(job: &Job<'_>) -> Result<()> {
    let recursive = if job.is_tree { "-r" } else { "-f" };
    let arguments = [recursive, job.local, job.remote].map(str::to_owned);
    run(Path::new("cp"), &arguments, job.root, Watched::No).map(drop)
}

/// What a server does that syncs each file before it reports success.
pub(super) fn copy_synced(job: &Job<'_>) -> Result<()> {
    synced(&job.root.join(job.local), &job.root.join(job.remote))
}

fn synced(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            synced(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let mut file = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    file.sync_all()?;
    let directory = to.parent().ok_or("a file without a directory")?;
    Ok(File::open(directory)?.sync_all()?)
}
