//! Python's ftplib, driven by a script beside this file.

use super::{Ground, USER};
use crate::harness::{bytes, password};

const SCRIPT: &str = include_str!("with_ftplib.py");

#[test]
fn ftplib_does_everything_it_knows() {
    let Some(ground) = Ground::of("python3") else { return };
    ground.write("script.py", SCRIPT.as_bytes());
    let words = ["script.py", &ground.port(), USER, &password(USER)];
    ground.run("python3", &words).ok().stdout("done\n");
    ground.assert_stored("kept", b"by ftplib");
}

/// The system takes nothing more for a client before a third of its buffer is free, which is
/// seconds of what a slow one reads. A server that looked only at that took it for one that stood
/// still.
#[test]
fn a_client_that_reads_slowly_does_not_stand_still() {
    let Some(ground) = Ground::of("python3") else { return };
    ground.site.setting("ftp", "stall_secs", "1").setting("ftp", "min_rate", "100K");
    ground.write("script.py", include_bytes!("slow_reader.py"));
    let content = bytes(1, 12_000_000);
    ground.plant("file", &content);
    let words = ["script.py", &ground.port(), USER, &password(USER)];
    ground.run("python3", &words).ok().stdout("done\n");
    ground.assert_local("got", &content);
}
