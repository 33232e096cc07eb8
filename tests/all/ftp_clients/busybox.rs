//! busybox' ftpput and ftpget, which small boxes have.

use super::{Ground, USER};
use crate::harness::{Output, bytes, password};

const LARGE: usize = 3_000_001;

impl Ground {
    #[track_caller]
    fn busybox(&self, applet: &str, words: &[&str]) -> Output {
        let (port, password) = (self.port(), password(USER));
        let who = [applet, "-u", USER, "-p", &password, "-P", &port];
        self.run("busybox", &[&who[..], words].concat())
    }
}

#[test]
fn a_file_there_and_back() {
    let Some(ground) = Ground::of("busybox") else { return };
    let content = bytes(1, LARGE);
    ground.write("file", &content);
    ground.busybox("ftpput", &["127.0.0.1", "two words", "file"]).ok();
    ground.assert_stored("two words", &content);
    ground.busybox("ftpget", &["127.0.0.1", "got", "two words"]).ok();
    ground.assert_local("got", &content);
    ground.write("got", &content[..1_000_000]);
    ground.busybox("ftpget", &["-c", "127.0.0.1", "got", "two words"]).ok();
    ground.assert_local("got", &content);
}

#[test]
fn refusals() {
    let Some(ground) = Ground::of("busybox") else { return };
    ground.busybox("ftpget", &["127.0.0.1", "got", "missing"]).fails(1).stderr_has("550");
    let wrong = ["ftpget", "-u", USER, "-p", "no", "-P", &ground.port(), "127.0.0.1", "x", "y"];
    ground.run("busybox", &wrong).fails(1).stderr_has("530");
}
