//! Python's ftplib, driven by a script beside this file.

use super::{Ground, USER};
use crate::harness::password;

const SCRIPT: &str = include_str!("with_ftplib.py");

#[test]
fn ftplib_does_everything_it_knows() {
    let Some(ground) = Ground::of("python3") else { return };
    ground.write("script.py", SCRIPT.as_bytes());
    let words = ["script.py", &ground.port(), USER, &password(USER)];
    ground.run("python3", &words).ok().stdout("done\n");
    ground.assert_stored("kept", b"by ftplib");
}
