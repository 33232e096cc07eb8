//! ncftp's three commands: ncftpput, ncftpget, ncftpls.

use super::{Ground, USER, installed, same_tree};
use crate::harness::{Output, bytes, password};

const LARGE: usize = 3_000_001;

impl Ground {
    fn of_ncftp() -> Option<Ground> {
        installed(&["ncftpput", "ncftpget", "ncftpls"]).then(|| Ground::with_quota("unlimited"))
    }

    #[track_caller]
    fn ncftp(&self, program: &str, words: &[&str]) -> Output {
        let (port, password) = (self.port(), password(USER));
        let who = ["-u", USER, "-p", &password, "-P", &port];
        self.run(program, &[&who[..], words].concat())
    }
}

#[test]
fn a_file_there_and_back_in_both_modes() {
    let Some(ground) = Ground::of_ncftp() else { return };
    let content = bytes(1, LARGE);
    ground.write("file", &content);
    for (i, mode) in ["-F", "-E"].iter().enumerate() {
        let folder = format!("/folder {i}");
        ground.ncftp("ncftpput", &["-V", mode, "-m", "127.0.0.1", &folder, "file"]).ok();
        ground.assert_stored(&format!("{folder}/file"), &content);
        let (into, from) = (format!("into {i}"), format!("{folder}/file"));
        std::fs::create_dir(ground.local(&into)).unwrap();
        ground.ncftp("ncftpget", &["-V", mode, "127.0.0.1", &into, &from]).ok();
        ground.assert_local(&format!("{into}/file"), &content);
    }
}

/// Uploads do not go on here: `ncftpput -z` says REST and then sends the file from its beginning,
/// to other servers too.
#[test]
fn a_download_goes_on() {
    let Some(ground) = Ground::of_ncftp() else { return };
    let content = bytes(2, LARGE);
    ground.plant("file", &content);
    ground.write("file", &content[..1_000_000]);
    ground.ncftp("ncftpget", &["-V", "-z", "127.0.0.1", ".", "/file"]).ok();
    ground.assert_local("file", &content);
}

#[test]
fn trees() {
    let Some(ground) = Ground::of_ncftp() else { return };
    for name in ["plain", "two words", "it's", "ünï"] {
        ground.write(&format!("tree/{name}"), name.as_bytes());
        ground.write(&format!("tree/in {name}/x"), &bytes(3, 2000));
    }
    ground.ncftp("ncftpput", &["-V", "-R", "-m", "127.0.0.1", "/up", "tree"]).ok();
    same_tree(&ground.local("tree"), &ground.stored("up/tree"));
    std::fs::create_dir(ground.local("back")).unwrap();
    ground.ncftp("ncftpget", &["-V", "-R", "127.0.0.1", "back", "/up/tree"]).ok();
    same_tree(&ground.local("tree"), &ground.local("back/tree"));
}

#[test]
fn listings_and_refusals() {
    let Some(ground) = Ground::of_ncftp() else { return };
    ground.plant("folder/two words", b"12345");
    let url = "ftp://127.0.0.1/folder/";
    ground.ncftp("ncftpls", &[url]).ok().stdout_has("two words");
    ground.ncftp("ncftpls", &["-l", url]).ok().stdout_has(" 5 ");
    let wrong =
        ["-u", USER, "-p", "wrong", "-P", &ground.port(), "-r", "0", "127.0.0.1", ".", "/x"];
    assert_ne!(ground.run("ncftpget", &wrong).status.code(), Some(0));
}
