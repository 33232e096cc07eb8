//! aria2: it closes its data connection when it has read everything, and a reply that comes before
//! that makes it wait for a minute.

use super::{Ground, USER};
use crate::harness::{bytes, password};

/// Downloads, of which a third to two thirds hung.
const TIMES: usize = 25;

#[test]
fn downloads_end_when_they_are_complete() {
    let Some(ground) = Ground::of("aria2c") else { return };
    let content = bytes(1, 2_000_000);
    ground.plant("file", &content);
    let (user, password) =
        (format!("--ftp-user={USER}"), format!("--ftp-passwd={}", password(USER)));
    let url = format!("ftp://{}/file", ground.addr());
    for number in 0..TIMES {
        let out = format!("--out=got-{number}");
        // Shorter than the minute, and no second attempt hides the first.
        let strict = ["--quiet", "--max-tries=1", "--timeout=20", "--no-conf"];
        ground.run("aria2c", &[&strict[..], &[&user, &password, &out, &url]].concat()).ok();
        ground.assert_local(&format!("got-{number}"), &content);
    }
    let sent = format!("get /file {} bytes", content.len());
    assert_eq!(ground.daemon.whole_log().matches(&sent).count(), TIMES);
}
