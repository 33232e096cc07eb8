//! What is known of the file systems that a tree can lie on, by the magic number that `fstatfs`
//! tells: one table, two answers.
//!
//! A file system that is not in the table is treated with the most care in both respects.

use rustix::fd::AsFd;
use rustix::fs::fstatfs;

/// What one file system promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileSystem {
    /// What it is called.
    pub(super) name: &'static str,
    /// Whether `syncfs` takes everything to the disk that was written before, and tells of
    /// failures. Where it does not, every file is synced by itself.
    pub(super) syncs_whole: bool,
    /// Whether several machines can have it mounted for writing. Then `flock` may hold for one of
    /// them only.
    pub(super) many_machines: bool,
}

/// Everything that is not in the table.
const UNKNOWN: FileSystem = row("unknown", EACH_FILE, MANY);

const WHOLE: bool = true;
const EACH_FILE: bool = false;
const ONE: bool = false;
const MANY: bool = true;

/// The magic numbers of linux/magic.h and of the file systems' own headers.
const KNOWN: &[(u32, FileSystem)] = &[
    // Local disks: `syncfs` writes pages, then the journal or the tree, then flushes the device;
    // the kernel notes failures in the superblock, which `syncfs` reports.
    (0xEF53, row("ext4", WHOLE, ONE)),
    (0x5846_5342, row("xfs", WHOLE, ONE)),
    (0x9123_683E, row("btrfs", WHOLE, ONE)),
    (0xF2F5_2010, row("f2fs", WHOLE, ONE)),
    (0xCA45_1A4E, row("bcachefs", WHOLE, ONE)),
    (0x2FC1_2FC1, row("zfs", WHOLE, ONE)),
    (0x3153_464A, row("jfs", WHOLE, ONE)),
    (0x5265_4973, row("reiserfs", WHOLE, ONE)),
    (0x3434, row("nilfs2", WHOLE, ONE)),
    (0x4D44, row("vfat", WHOLE, ONE)),
    (0x2011_BAB0, row("exfat", WHOLE, ONE)),
    (0x7366_746E, row("ntfs3", WHOLE, ONE)),
    // Memory: there is no disk to wait for.
    (0x0102_1994, row("tmpfs", WHOLE, ONE)),
    (0x8584_58F6, row("ramfs", WHOLE, ONE)),
    // Flash without a block device: failures do not go through the superblock.
    (0x2405_1905, row("ubifs", EACH_FILE, ONE)),
    (0x72B6, row("jffs2", EACH_FILE, ONE)),
    // Layers: overlayfs syncs the layer below, which may be any of these, but a failure is noted
    // there and not in the superblock that was asked; the others pass nothing on.
    (0x794C_7630, row("overlay", EACH_FILE, ONE)),
    (0xF15F, row("ecryptfs", EACH_FILE, ONE)),
    (0x6175_6673, row("aufs", EACH_FILE, ONE)),
    // FUSE (JuiceFS, GlusterFS, sshfs, mergerfs, ntfs-3g, virtiofs): the kernel hands over what it
    // holds and does not ask the program behind it to sync; what is behind it may be shared.
    (0x6573_5546, row("fuse", EACH_FILE, MANY)),
    // Network file systems whose `syncfs` sends pages and no word to make them last, or waits for
    // less than `fsync` does.
    (0x6969, row("nfs", EACH_FILE, MANY)),
    (0xFF53_4D42, row("cifs", EACH_FILE, MANY)),
    (0xFE53_4D42, row("smb3", EACH_FILE, MANY)),
    (0x517B, row("smbfs", EACH_FILE, MANY)),
    (0x0102_1997, row("9p", EACH_FILE, MANY)),
    (0x5346_414F, row("afs", EACH_FILE, MANY)),
    (0x7375_7245, row("coda", EACH_FILE, MANY)),
    (0x786F_4256, row("vboxsf", EACH_FILE, MANY)),
    (0x0BD0_0BD0, row("lustre", EACH_FILE, MANY)),
    (0x4750_5346, row("gpfs", EACH_FILE, MANY)),
    (0x1983_0326, row("beegfs", EACH_FILE, MANY)),
    (0x2003_0528, row("orangefs", EACH_FILE, MANY)),
    // Their `syncfs` waits for the servers, or commits the journal that the machines share.
    (0x00C3_6400, row("ceph", WHOLE, MANY)),
    (0x0116_1970, row("gfs2", WHOLE, MANY)),
    (0x7461_636F, row("ocfs2", WHOLE, MANY)),
];

const fn row(name: &'static str, syncs_whole: bool, many_machines: bool) -> FileSystem {
    FileSystem { name, syncs_whole, many_machines }
}

impl FileSystem {
    /// What the one is on which an open file or directory lies.
    pub(super) fn of(file: impl AsFd) -> FileSystem {
        // The number is signed on some machines and 32 bits wide on all.
        fstatfs(file).map_or(UNKNOWN, |stat| FileSystem::known((stat.f_type as u64) as u32))
    }

    fn known(magic: u32) -> FileSystem {
        KNOWN.iter().find(|(known, _)| *known == magic).map_or(UNKNOWN, |(_, found)| *found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sure_to_sync_whole_is_synced_file_by_file() {
        for (magic, name, syncs_whole, many_machines) in [
            (0xEF53, "ext4", true, false),
            (0x0102_1994, "tmpfs", true, false),
            (0x6573_5546, "fuse", false, true),
            (0x6969, "nfs", false, true),
            (0xFF53_4D42, "cifs", false, true),
            (0xFE53_4D42, "smb3", false, true),
            (0x0102_1997, "9p", false, true),
            (0x794C_7630, "overlay", false, false),
            (0x00C3_6400, "ceph", true, true),
            (0x1234_5678, "unknown", false, true),
        ] {
            let found = FileSystem::known(magic);
            assert_eq!(found, FileSystem { name, syncs_whole, many_machines });
        }
        let mut magics: Vec<u32> = KNOWN.iter().map(|(magic, _)| *magic).collect();
        magics.sort_unstable();
        magics.dedup();
        assert_eq!(magics.len(), KNOWN.len(), "a number stands there twice");
    }

    #[test]
    fn the_kernel_is_asked() {
        let proc = std::fs::File::open("/proc").unwrap();
        assert_eq!(FileSystem::of(proc), UNKNOWN);
    }
}
