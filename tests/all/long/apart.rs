//! All of it at once, and the server is told to stop.

use std::fs::File;
use std::io::Write;

use miniftp::wire;

use super::{HUGE, Scene};
use crate::harness::Site;

#[test]
fn a_server_in_the_middle_of_everything_stops_in_its_time() {
    let mut scene = Scene::new();
    // Another program holds the lock under which the last bans would be written.
    let lock = File::create(scene.site.conf().join("accounts.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let wrong = |mut talk: crate::harness::FtpTalk| talk.log_in("ann", "wrong").expect(530).code;
    wrong(crate::harness::FtpTalk::connect(scene.daemon.ftp_addr()));
    let mut digest = scene.daemon.ftp("ann");
    digest.send("XSHA256 huge");
    let mut compared = scene.daemon.login("ann");
    compared.send("PUT", &wire::Put::new("huge", HUGE, 0, 0, wire::NO_MODE, 1, &[7; 16]));
    let mut listed = scene.daemon.login("ann");
    listed.send("SUMS", &wire::SumsOf::new("huge", 0, u32::MAX, 0));
    let mut stored = scene.daemon.ftp("ann");
    let mut data = stored.begin("STOR new");
    data.write_all(b"some").unwrap();
    stored.until_moved(4);
    let mut waiting = scene.daemon.ftp("ann");
    let _port = waiting.epsv();
    waiting.send("RETR huge");
    digest.ask("NOOP").expect(200);
    scene.daemon.term();
    for talk in [&mut digest, &mut stored, &mut waiting] {
        talk.reply().expect(421);
        talk.expect_end();
    }
    compared.expect_bye(421);
    listed.expect_bye(421);
    assert_eq!(scene.daemon.wait().code(), Some(0));
    scene.daemon.wait_for_log("stopped: everybody has left");
    drop(lock);
    let _: &Site = &scene.site;
}
