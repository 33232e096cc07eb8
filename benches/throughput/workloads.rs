//! What is measured: one table, from which the runs, the help and the tables' names come.

use super::bench::Bench;
use super::clients::Direction;
use super::files::Content;
use super::report::record::Unit;
use super::servers::Durability;
use super::{Result, idle, logins, scale, transfers};

/// A row of the table of workloads.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    kind: Kind,
}

/// What is done in a workload.
enum Kind {
    Transfers(Transfers),
    Logins,
    Idle,
    /// The same with more and more files, and with more and more bytes.
    FilesBySize,
    BytesBySize,
}

/// A workload that moves files.
pub(crate) struct Transfers {
    pub(crate) content: Content,
    /// Rows of the table of clients; each is tried with every server that it can talk to.
    pub(crate) clients: &'static [&'static str],
    pub(crate) directions: &'static [Direction],
    /// How many clients do it at the same time.
    pub(crate) at_once: &'static [usize],
    /// Whether everything is encrypted.
    pub(crate) tls: bool,
    /// Of miniftpd.
    pub(crate) durabilities: &'static [Durability],
    /// Whether the files are on a disk, and not in memory.
    pub(crate) is_on_disk: bool,
}

const BOTH_WAYS: &[Direction] = &[Direction::Put, Direction::Get];

/// In memory and in the clear, by one client at a time, without a sync, as `cp` does it.
const PLAIN: Transfers = Transfers {
    content: Content::Large,
    clients: &[],
    directions: BOTH_WAYS,
    at_once: &[1],
    tls: false,
    durabilities: &[Durability::None],
    is_on_disk: false,
};

/// On a disk, with the server's two durabilities. Downloads are the same with both.
const DURABLE: Transfers = Transfers {
    directions: &[Direction::Put],
    durabilities: &[Durability::None, Durability::Full],
    is_on_disk: true,
    ..PLAIN
};

/// Every workload, in the order in which they are measured.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "large",
        about: "one large file, both ways",
        unit: Unit::Megabytes,
        kind: Kind::Transfers(Transfers {
            clients: &[
                "cp",
                "miniftp, blake3",
                "miniftp, md5",
                "rsync",
                "rsync, md5",
                "scp",
                "sftp",
                "curl",
                "lftp",
                "ftplib",
                "rclone",
            ],
            ..PLAIN
        }),
    },
    Workload {
        name: "small",
        about: "a directory of files of 4 KiB, both ways",
        unit: Unit::Files,
        kind: Kind::Transfers(Transfers {
            content: Content::Small,
            clients: &[
                "cp",
                "miniftp, blake3",
                "miniftp, md5",
                "rsync",
                "rsync, md5",
                "sftp",
                "lftp",
                "lftp -P4",
                "ftplib",
                "rclone",
            ],
            ..PLAIN
        }),
    },
    Workload {
        name: "mixed",
        about: "a tree of files of 256 bytes to 4 MiB, both ways",
        unit: Unit::Megabytes,
        kind: Kind::Transfers(Transfers {
            content: Content::Mixed,
            clients: &["cp", "miniftp, blake3", "rsync", "sftp", "lftp", "lftp -P4", "rclone"],
            ..PLAIN
        }),
    },
    Workload {
        name: "parallel",
        about: "1, 2, 8 and 32 clients at once, each with a file of its own, both ways",
        unit: Unit::Megabytes,
        kind: Kind::Transfers(Transfers {
            content: Content::Part,
            clients: &["cp", "miniftp, blake3", "rsync", "curl"],
            at_once: &[1, 2, 8, 32],
            ..PLAIN
        }),
    },
    Workload {
        name: "logins",
        about: "logins of one client, one after the other",
        unit: Unit::Logins,
        kind: Kind::Logins,
    },
    Workload {
        name: "idle",
        about: "memory of the server for each session that does nothing",
        unit: Unit::Kibibytes,
        kind: Kind::Idle,
    },
    Workload {
        name: "tls",
        about: "the large file over TLS, and over SSH",
        unit: Unit::Megabytes,
        kind: Kind::Transfers(Transfers {
            clients: &["cp", "miniftp, blake3", "scp", "sftp", "curl"],
            tls: true,
            ..PLAIN
        }),
    },
    Workload {
        name: "scale-files",
        about: "trees of 100 to 1,000,000 files of 100 bytes: what a file costs, and a login",
        unit: Unit::MicrosPerFile,
        kind: Kind::FilesBySize,
    },
    Workload {
        name: "scale-bytes",
        about: "one file of 1 KiB to 100 GiB, both ways: what a byte costs",
        unit: Unit::SecsPerGib,
        kind: Kind::BytesBySize,
    },
    Workload {
        name: "disk-large",
        about: "uploads of the large file to a disk, synced and not",
        unit: Unit::Megabytes,
        kind: Kind::Transfers(Transfers {
            clients: &["cp", "fsync each", "miniftp, blake3", "rsync", "rsync --fsync", "lftp"],
            ..DURABLE
        }),
    },
    Workload {
        name: "disk-small",
        about: "uploads of the files of 4 KiB to a disk, synced and not",
        unit: Unit::Files,
        kind: Kind::Transfers(Transfers {
            content: Content::Small,
            clients: &["cp", "fsync each", "miniftp, blake3", "rsync", "rsync --fsync", "lftp -P4"],
            ..DURABLE
        }),
    },
];

impl Workload {
    /// Measures it; its rows are the bench's then.
    ///
    /// # Errors
    /// What keeps all of it from being measured. A contestant that fails is left out.
    pub(crate) fn measure(&'static self, bench: &mut Bench) -> Result<()> {
        match &self.kind {
            Kind::Transfers(what) => transfers::measure(bench, self, what),
            Kind::Logins => logins::measure(bench, self),
            Kind::Idle => idle::measure(bench, self),
            Kind::FilesBySize => scale::files::measure(bench, self),
            Kind::BytesBySize => scale::bytes::measure(bench, self),
        }
    }
}
