//! What a start would refuse or warn of: addresses, logs, the home, and secrets that others can
//! read; and what memory the settings can come to.
//!
//! Never: makes or changes anything. An address is bound for a moment and left again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use miniftp::accounts::Accounts;
use miniftp::audit;
use miniftp::config::{self, Config, CredentialFiles};
use miniftp::limits;
use miniftp::mounts::{self, Mount, MountQuota};
use miniftp::sandbox::{self, Sandbox};
use miniftp::server::{self, StartError};
use miniftp::text::{Escaped, Size};
use miniftp::tls;
use miniftp::vfs;
use rustix::fs::{Access, access, statvfs};

use crate::args::Args;
use crate::search::Directories;
use crate::secrets;

/// What was found, one line each.
#[derive(Debug, Default)]
pub(super) struct StartFindings {
    /// What the start would refuse, or what nobody may leave so.
    pub(super) mistakes: Vec<String>,
    /// What works, and should be looked at.
    pub(super) warnings: Vec<String>,
}

/// Looks at everything that a start with these settings needs.
pub(super) fn look(
    args: &Args,
    dirs: &Directories,
    config: &Config,
    accounts: Option<&Accounts>,
) -> StartFindings {
    let mut found = StartFindings::default();
    let runs = vfs::runner(&dirs.home, config.storage.shared).is_some();
    let framed = Some(args.listen.unwrap_or(config.server.listen));
    let ftp = args.ftp.unwrap_or(config.ftp.listen);
    // Each is held until all have been tried: two may be the same.
    let mut held = Vec::new();
    let implicit = config.ftp.implicit;
    for (protocol, address) in [("framed", framed), ("ftp", ftp), ("ftps", implicit)] {
        match address.map(|address| server::bind(protocol, address)).transpose() {
            Ok(listener) => held.push(listener),
            // Perhaps by the very server whose files these are.
            Err(StartError::Bind { source, .. })
                if runs && source.kind() == io::ErrorKind::AddrInUse => {}
            Err(e) => found.mistakes.push(e.to_string()),
        }
    }
    let places = args.log.places(&dirs.conf, config);
    for path in [&places.file, &places.xferlog].into_iter().flatten() {
        if let Err(e) = audit::check_place(path) {
            found.mistakes.push(format!("the log {} cannot be written: {e}", shown(path)));
        }
    }
    if let Err(e) = try_home(&dirs.home) {
        found.mistakes.push(format!("the home {} cannot be used: {e}", shown(&dirs.home)));
    }
    found.mistakes.extend(try_credentials(&dirs.conf, config).err());
    let secrets::SecretFindings { refused, warnings } = secrets::look(dirs, config);
    found.mistakes.extend(refused.iter().map(ToString::to_string));
    found.warnings.extend(warnings);
    if let Some(accounts) = accounts {
        found.warnings.extend(too_slow(accounts, config.accounts.iterations));
    }
    found
}

/// What a server that runs on the home cannot follow, because the kernel holds it to less: by file,
/// since of such a file nothing counts.
pub(super) fn beyond(
    dirs: &Directories,
    config: &Config,
    mounts: Option<&[Mount]>,
) -> [(&'static str, Vec<String>); 2] {
    let Directories { conf, home } = dirs;
    let note =
        vfs::runner(home, config.storage.shared).and_then(|_| vfs::kept(home, sandbox::NOTE));
    let sandbox = note.and_then(|note| Sandbox::parse(&note));
    let by = |sandbox: &Sandbox| {
        let outside = mounts.unwrap_or_default().iter().filter_map(|mount| {
            let what = mount.check_reach(sandbox, &home.join(&mount.dir)).err()?;
            Some(format!("[{}] dir: {}: {what}", mount.name, Escaped(&mount.dir)))
        });
        (config.beyond(sandbox, conf), outside.collect())
    };
    let (settings, mounts) = sandbox.as_ref().map(by).unwrap_or_default();
    [(config::FILE, settings), (mounts::FILE, mounts)]
}

/// A home is made where there is none, so the directory above it counts then.
fn try_home(home: &Path) -> io::Result<()> {
    let there =
        home.ancestors().map(|path| if path == Path::new("") { Path::new(".") } else { path });
    for path in there {
        match path.metadata() {
            Ok(meta) if meta.is_dir() => {
                return Ok(access(path, Access::WRITE_OK | Access::EXEC_OK)?);
            }
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Err(rustix::io::Errno::NOENT.into())
}

/// Key and certificate of the settings can be used; the server makes its own where there is none.
fn try_credentials(conf: &Path, config: &Config) -> Result<(), String> {
    let Some(files) = CredentialFiles::of(conf, config)?.filter(|_| tls::IS_BUILT) else {
        return Ok(());
    };
    if files.is_own && !files.certificate.exists() {
        return Ok(());
    }
    files.read().map(drop).map_err(|e| e.to_string())
}

/// Accounts whose passwords in clear are not checked.
fn too_slow(accounts: &Accounts, iterations: u32) -> Option<String> {
    let most = limits::checked_iterations(iterations);
    let slow = accounts.iter().filter(|account| account.verifier.iterations() > most);
    let names: Vec<&str> = slow.map(|account| account.name().as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "passwords of more than {most} iterations are not checked by FTP ({}); give these \
             accounts new ones, or raise [accounts] iterations",
            names.join(", ")
        )
    })
}

/// The table of how many entries may be stored: files, directories, unfinished uploads.
pub(super) fn entries_table(
    home: &Path,
    config: &Config,
    accounts: Option<&Accounts>,
    mounts: Option<&[Mount]>,
) -> Vec<String> {
    let row = |entries: Option<u64>, what: String| match entries {
        Some(entries) => format!("  {entries:>10}  {what}"),
        None => format!("  {:>10}  {what}", "unlimited"),
    };
    // How many accounts have each limit, the lowest first, and none at all last.
    let mut limits = BTreeMap::<(bool, Option<u64>), usize>::new();
    for account in accounts.iter().flat_map(|accounts| accounts.iter()) {
        let limit = account.entries.limit(config.storage.entries);
        *limits.entry((limit.is_none(), limit)).or_default() += 1;
    }
    let mut table = vec!["limits of entries (files, directories, unfinished uploads):".to_owned()];
    table
        .extend(limits.iter().map(|((_, limit), count)| row(*limit, format!("accounts: {count}"))));
    // The others hold what accounts pay for, or nothing that could grow.
    let own = |mount: &&Mount| matches!(mount.mount_quota, Some(MountQuota::Own(_)));
    table.extend(mounts.unwrap_or_default().iter().filter(own).map(|mount| {
        row(mount.entries.limit(config.storage.entries), format!("mount [{}]", mount.name))
    }));
    let reserve = config.storage.min_free_entries;
    // The home may not be there yet. A file system that makes inodes as it needs them has none.
    let here = home
        .ancestors()
        .map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let disk = here.filter_map(|path| statvfs(path).ok()).next().filter(|disk| disk.f_files > 0);
    table.extend(disk.map(|disk| {
        row(Some(disk.f_favail), format!("the disk of the homes has, of which {reserve} stay free"))
    }));
    table
}

/// The table of memory.
pub(super) fn memory_table(config: &Config) -> Vec<String> {
    let lines = config.memory();
    let row = |bytes: usize, what: &str| format!("  {:>10}  {what}", size(bytes));
    let sum = lines.iter().fold(0_usize, |sum, line| sum.saturating_add(line.bytes()));
    let mut table = vec!["memory in the worst case, by these settings:".to_owned()];
    table.extend(lines.iter().map(|line| {
        let each = size(line.each_bytes);
        row(line.bytes(), &format!("{}: {} x {each}", line.what, line.count))
    }));
    table.push(row(sum, "in all, beside the kernel's buffers of sockets"));
    let budget = config.server.memory.and_then(|budget| usize::try_from(budget).ok());
    table.extend(budget.map(|budget| row(budget, "is the budget, [server] memory")));
    table
}

fn size(bytes: usize) -> String {
    Size(bytes as u64).to_string()
}

fn shown(path: &Path) -> String {
    let path: PathBuf = path.to_path_buf();
    Escaped(&path.to_string_lossy()).to_string()
}
