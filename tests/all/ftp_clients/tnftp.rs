//! tnftp, the BSDs' `ftp`: a session as a person types it, and transfers from the command line.

use super::{Ground, USER};
use crate::harness::{Output, bytes, password};

const LARGE: usize = 3_000_001;

impl Ground {
    /// A session, logged in and in image mode.
    #[track_caller]
    fn tnftp(&self, commands: &str) -> Output {
        let (port, password) = (self.port(), password(USER));
        let login = format!("open 127.0.0.1 {port}\nuser {USER} {password}\nbinary\n");
        self.program("tnftp").input(format!("{login}{commands}\nquit\n")).run(&["-n", "-i", "-v"])
    }
}

#[test]
fn a_session() {
    let Some(ground) = Ground::of("tnftp") else { return };
    let content = bytes(1, LARGE);
    ground.write("file", &content);
    let said = ground.tnftp(
        "put file one\nmkdir \"a b\"\ncd \"a b\"\nput file \"two words\"\npwd\n\
         get \"two words\" passive\npassive off\nget \"two words\" active\nput file three\nls\n\
         rename three four\nsize four\nmodtime four\nnlist\ncdup\nrmdir \"a b\"",
    );
    ground.assert_stored("one", &content);
    ground.assert_stored("a b/two words", &content);
    ground.assert_stored("a b/four", &content);
    ground.assert_local("passive", &content);
    ground.assert_local("active", &content);
    said.ok().stdout_has("/a b").stdout_has(" two words").stdout_has("550 ");
}

#[test]
fn text_in_text_mode() {
    let Some(ground) = Ground::of("tnftp") else { return };
    ground.write("text", b"one\ntwo\n");
    ground.tnftp("ascii\nput text up\nget up back").ok();
    ground.assert_stored("up", b"one\ntwo\n");
    ground.assert_local("back", b"one\ntwo\n");
}

#[test]
fn going_on_and_appending() {
    let Some(ground) = Ground::of("tnftp") else { return };
    let content = bytes(2, LARGE);
    ground.plant("file", &content);
    ground.write("got", &content[..1_000_000]);
    ground.write("tail", &content[1_000_000..]);
    ground.plant("half", &content[..1_000_000]);
    ground.tnftp("reget file got\nappend tail half").ok();
    ground.assert_local("got", &content);
    ground.assert_stored("half", &content);
}

#[test]
fn from_the_command_line() {
    let Some(ground) = Ground::of("tnftp") else { return };
    let content = bytes(3, LARGE);
    ground.write("file", &content);
    ground.run("tnftp", &["-V", "-u", &ground.url("up"), "file"]).ok();
    ground.assert_stored("up", &content);
    ground.run("tnftp", &["-V", "-o", "got", &ground.url("up")]).ok();
    ground.assert_local("got", &content);
    let missing = ground.run("tnftp", &["-V", "-o", "x", &ground.url("missing")]);
    assert_ne!(missing.status.code(), Some(0));
}
