//! Uploads and streams on a disk and a ledger of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::checked::CheckedChunks;
use super::{
    Claims, Durability, Ready, Spec, Start, StreamingUpload, Upload, commit, credit, store,
};
use crate::audit::Subject;
use crate::digest::{Algorithm, Digest, WholeDigest, chunk_digests};
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::{Amount, Begin, Charged, Ledger, QuotaLimits};
use crate::vfs::{Home, VPath, View};

/// Bytes that the account may store.
const LIMIT: u64 = 1 << 20;

/// An account with an empty home of its own.
pub(super) struct Scene {
    pub(super) dir: PathBuf,
    pub(super) vfs: View,
    charged: Charged,
    ledger: Arc<Ledger>,
    claims: Arc<Claims>,
    min_free: Amount,
}

/// The digests of content: of its chunks, and of the whole.
fn digests(content: &[u8]) -> (Vec<Digest>, Digest) {
    let (mut row, mut whole) = (Vec::new(), WholeDigest::new(Algorithm::Md5));
    chunk_digests(Algorithm::Md5, content, limits::CHUNK, &mut row);
    row.iter().for_each(|digest| whole.push(digest));
    (row, whole.finish())
}

impl Scene {
    pub(super) fn new() -> Scene {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = format!("transfer-test-{}-{next}", std::process::id());
        let dir = std::env::temp_dir().join(dir);
        let vfs = View::open(&Arc::new(Home::open(&dir).unwrap()), "ann").unwrap();
        let (ledger, charged) = (Arc::new(Ledger::new()), vfs.charged());
        ledger.open_home("ann", charged.directory);
        ledger.set_limits("ann", QuotaLimits { bytes: Some(LIMIT), entries: None });
        let Begin::Begun(count) = ledger.begin_count(charged.directory) else { panic!() };
        assert!(count.finish(vfs.count(&mut || Ok(())).unwrap()));
        let (claims, min_free) = (Arc::default(), Amount::NOTHING);
        Scene { dir, vfs, charged, ledger, claims, min_free }
    }

    fn with<T>(&self, name: &str, session: u64, begin: impl FnOnce(&Spec<'_>) -> T) -> T {
        begin(&Spec {
            view: &self.vfs,
            by: "ann",
            ledger: &self.ledger,
            charged: &self.charged,
            claims: &self.claims,
            session,
            subject: &Subject::nobody(),
            path: &VPath::root().join(name).unwrap(),
            from: None,
            mtime: None,
            mode: None,
            replace: false,
            beside: None,
            min_free: self.min_free,
        })
    }

    /// A small file that is checked and written and waits for its commit.
    pub(super) fn small(&self, name: &str, content: &[u8]) -> Result<Ready> {
        let (row, whole) = digests(content);
        self.with(name, 1, |spec| store(spec, Algorithm::Md5, &row, whole.as_bytes(), content))
    }

    fn upload(&self, name: &str, size: usize) -> Result<Upload> {
        self.with(name, 1, |spec| Upload::begin(spec, Algorithm::Md5, size as u64, false))
    }

    fn streaming(&self, name: &str, start: Start) -> Result<StreamingUpload> {
        self.with(name, 1, |spec| StreamingUpload::begin(spec, start, None))
    }

    /// Bytes used and reserved, and files in the account's folder.
    pub(super) fn figures(&self) -> (u64, u64, usize) {
        let usage = self.ledger.usage("ann").unwrap();
        let files = self.vfs.list(&VPath::root()).unwrap().count();
        (usage.used.bytes, usage.reserved.bytes, files)
    }

    /// Bytes on the disk.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.vfs.used_bytes(&mut || Ok(())).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn the_disks_reserve_is_asked_for_with_every_write() {
    let mut scene = Scene::new();
    let content = vec![7; 2 * limits::CHUNK];
    let (row, _) = digests(&content);
    // All the room is there when they begin, and none of it any more when the bytes come.
    let mut upload = scene.upload("upload", content.len()).unwrap();
    let chunk = |n: usize| {
        let at = n * limits::CHUNK;
        let data = &content[at..at + limits::CHUNK];
        CheckedChunks::new(Algorithm::Md5, (at as u64, &row[n..n + 1], data), &mut Vec::new())
    };
    upload.write(&chunk(0)).unwrap();
    upload.take_the_room();
    let refused = upload.write(&chunk(1));
    assert!(matches!(refused, Err(Error::DiskReserve { .. })));
    // What is there already may be sent again.
    assert_eq!(upload.held(), limits::CHUNK as u64);
    drop(upload);
    assert_eq!(scene.figures(), (limits::CHUNK as u64, 0, 0));

    let mut streaming = scene.streaming("stream", Start::Fresh).unwrap();
    streaming.write(&content, &mut go_on).unwrap();
    streaming.take_the_room();
    assert!(matches!(streaming.write(b"more", &mut go_on), Err(Error::DiskReserve { .. })));
    drop(streaming);
    assert_eq!(scene.figures(), (3 * limits::CHUNK as u64, 0, 0));
    assert_eq!(scene.stored_bytes(), 3 * limits::CHUNK as u64);
    scene.min_free.bytes = u64::MAX;
    assert!(matches!(scene.small("small", b"text"), Err(Error::DiskReserve { .. })));
    assert!(matches!(scene.upload("another", 1), Err(Error::DiskReserve { .. })));
}

#[test]
fn a_stream_that_lost_its_path_neither_writes_nor_ends_nor_credits() {
    let scene = Scene::new();
    let content = vec![7; 2 * limits::CHUNK];
    for part in [true, false] {
        let mut old = scene.streaming("f", Start::Fresh).unwrap();
        old.write(if part { &content } else { b"short" }, &mut go_on).unwrap();
        old.fall_silent();
        let new =
            scene.with("f", 2, |spec| StreamingUpload::begin(spec, Start::End, None)).unwrap();
        assert_eq!(new.kept(), if part { content.len() as u64 } else { 0 });
        let superseded = |e: Error| matches!(e, Error::Superseded { .. });
        assert!(old.write(b"more", &mut go_on).is_err_and(superseded));
        let before = scene.figures();
        let ended = if part { old.keep().err() } else { old.finish(&mut go_on).err() };
        assert!(ended.is_some_and(superseded));
        assert_eq!(scene.figures(), before);
        let ready = new.finish(&mut go_on).unwrap();
        drop(ready);
        let dropped = scene.with("f", 3, |spec| scene.vfs.drop_part(spec.path)).unwrap();
        assert_eq!(dropped.bytes, before.0);
        credit(&scene.ledger, &scene.charged, dropped);
    }
    assert_eq!((scene.figures(), scene.stored_bytes()), ((0, 0, 0), 0));
}

/// Nobody wants it to end.
fn go_on(_: u64, _: u64) -> crate::error::Result<()> {
    Ok(())
}

#[test]
fn a_copy_that_is_broken_off_leaves_the_file_as_it_was_and_nothing_else() {
    let scene = Scene::new();
    let content = vec![7; LIMIT as usize / 3];
    let mut first = scene.streaming("f", Start::Fresh).unwrap();
    first.write(&content, &mut go_on).unwrap();
    commit(first.finish(&mut go_on).unwrap(), Durability::None, &mut go_on).unwrap();
    let stored = scene.figures();
    for ends in [false, true] {
        let begun = scene.with("f", 1, |spec| {
            StreamingUpload::begin(&Spec { replace: true, ..*spec }, Start::End, None)
        });
        let mut more = begun.unwrap();
        let mut calls = Vec::new();
        let mut aborted = |done, total| {
            calls.push((done, total));
            Err(Error::Interrupted)
        };
        let broken = if ends {
            more.finish(&mut aborted).err()
        } else {
            let broken = more.write(b"more", &mut aborted).err();
            assert_eq!(more.keep().unwrap(), 0);
            broken
        };
        assert!(matches!(broken, Some(Error::Interrupted)));
        let first = content.len().min(limits::CONTENT_BLOCK);
        assert_eq!(calls, [(first as u64, content.len() as u64)]);
        assert_eq!(scene.figures(), stored);
        assert_eq!(scene.stored_bytes(), content.len() as u64);
    }
}

#[test]
fn a_sync_is_left_alone_by_whoever_has_to_go_and_not_by_who_has_gone() {
    let (let_go, held) = crossbeam_channel::bounded::<()>(0);
    let (reported, learned) = crossbeam_channel::bounded(1);
    let mut looks = 0;
    let mut alive = |_, _| {
        looks += 1;
        if looks < 3 { Err(Error::Gone) } else { Err(Error::Stopping) }
    };
    let left = commit::watched(u64::MAX, &mut alive, move |left| {
        let _ = held.recv();
        let _ = reported.send(left.why().map(str::to_owned));
    });
    assert!(matches!(left, Err(Error::Stopping)));
    drop(let_go);
    assert!(learned.recv().unwrap().is_some_and(|why| why.contains("stopping")));
    assert_eq!(looks, 3);
    let lost = commit::watched(u64::MAX, &mut go_on, |_| panic!("in a sync"));
    assert!(matches!(lost, Err::<(), _>(Error::Io { .. })));
    let done = commit::watched(u64::MAX, &mut go_on, |left| left.why().is_none());
    assert!(done.unwrap());
}
