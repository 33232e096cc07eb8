//! How transfers end: an upload whose client does not wait for the reply, one that a newer one
//! takes over, and a download whose client has everything, or has not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::Scene;
use crate::harness::{bytes, eventually, part_files, reset};

impl Scene {
    /// Waits until the log says how an upload of this name ended.
    #[track_caller]
    fn ended(&self, name: &str) -> String {
        let begin = format!("put /{name} ");
        let mut line = String::new();
        eventually("the upload has ended", || {
            let log = self.daemon.whole_log();
            line = log.lines().find(|line| line.contains(&begin)).unwrap_or_default().to_owned();
            !line.is_empty()
        });
        line
    }
}

/// How a client hangs up.
#[derive(Clone, Copy, Debug)]
enum HangUp {
    /// The control connection first, with replies in it that nobody read, as ffmpeg does.
    ControlFirst,
    /// The data first, and the control connection at once.
    DataFirst,
    /// The control connection is reset before the data has ended.
    ControlReset,
    /// The data comes long after the control connection has gone.
    Late,
}

#[test]
fn an_upload_whose_client_does_not_wait_for_the_reply_is_stored() {
    for how in [HangUp::ControlFirst, HangUp::DataFirst, HangUp::ControlReset, HangUp::Late] {
        for size in [0, 10, 300_000, 3_000_000] {
            for told in [false, true] {
                let scene = Scene::with(&[("ftp", "grace_millis", "10000")]);
                let content = bytes(1, size);
                let mut ann = scene.ann();
                if told {
                    // Its size is known, so that it may replace something too.
                    scene.put("f", b"the old one");
                    ann.ask(&format!("ALLO {size}")).expect(200);
                }
                let mut data = ann.data();
                ann.send("STOR f");
                match how {
                    HangUp::ControlFirst => {
                        data.write_all(&content).unwrap();
                        drop(ann);
                        drop(data);
                    }
                    HangUp::DataFirst => {
                        data.write_all(&content).unwrap();
                        drop(data);
                        drop(ann);
                    }
                    HangUp::ControlReset => {
                        ann.reply().expect(150);
                        reset(ann.into_tcp());
                        data.write_all(&content).unwrap();
                        drop(data);
                    }
                    HangUp::Late => {
                        ann.reply().expect(150);
                        drop(ann);
                        // Whenever the server sees that, it is before the data has ended.
                        for piece in content.chunks(100_000) {
                            data.write_all(piece).unwrap();
                            std::thread::yield_now();
                        }
                        drop(data);
                    }
                }
                let line = scene.ended("f");
                let what = format!("{how:?} {size} {told}: {line}");
                assert!(line.contains(&format!("put /f {size} bytes in")), "{what}");
                assert!(scene.stored("f").unwrap() == content, "{what}");
            }
        }
    }
}

#[test]
fn everything_in_one_go_and_gone_is_stored_too() {
    // No reply is waited for but that to the passive port: the 150 meets nobody.
    let scene = Scene::new();
    let mut ann = scene.ann();
    let there = ann.pasv();
    ann.send("STOR f");
    let mut data = TcpStream::connect(there).unwrap();
    data.write_all(b"everything").unwrap();
    ann.send("QUIT");
    drop((data, ann));
    assert!(scene.ended("f").contains("put /f 10 bytes in"));
    // And to an active one, where the server comes when the client has gone.
    let mut ann = scene.ann();
    let listener = ann.active();
    ann.send("STOR g");
    drop(ann);
    let mut data = listener.accept().unwrap().0;
    data.write_all(b"everything").unwrap();
    drop(data);
    assert!(scene.ended("g").contains("put /g 10 bytes in"));
    assert_eq!(scene.stored("g").unwrap(), b"everything");
}

#[test]
fn a_reset_keeps_every_byte_that_came_also_without_the_client() {
    for size in [10, 65_536, 300_000] {
        for (announced, resets) in [(false, true), (true, true), (true, false)] {
            let scene = Scene::new();
            let content = bytes(2, size);
            let mut ann = scene.ann();
            if announced {
                ann.ask(&format!("ALLO {}", size + 1)).expect(200);
            }
            let mut data = ann.begin("STOR f");
            data.write_all(&content).unwrap();
            ann.until_moved(size);
            drop(ann);
            if resets {
                reset(data);
            } else {
                drop(data);
            }
            let line = scene.ended("f");
            assert!(line.contains(&format!("{size} bytes are kept")), "{line}");
            assert_eq!(scene.stored("f"), None);
            let mut ann = scene.ann();
            ann.ask("SIZE f").expect(213).says(&size.to_string());
            ann.transmit("APPE f", b"the rest").expect(226);
            assert!(scene.stored("f").unwrap() == [&content[..], b"the rest"].concat());
        }
    }
}

#[test]
fn a_session_that_is_ended_stores_nothing_half_done() {
    let scene = Scene::new();
    scene.site.admin("root");
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(&bytes(3, 100_000)).unwrap();
    ann.until_moved(100_000);
    let mut root = scene.daemon.ftp("root");
    root.ask("SITE KICK ann").expect(200);
    ann.reply().expect(421);
    drop((data, ann));
    let line = scene.ended("f");
    assert!(line.contains("100000 bytes are kept"), "{line}");
    assert_eq!(scene.stored("f"), None);
    // One whose client has gone already is ended as well.
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR g");
    data.write_all(b"a piece").unwrap();
    ann.until_moved(7);
    drop(ann);
    eventually("the session is ended", || {
        root.ask("SITE KICK ann");
        scene.daemon.whole_log().contains("put /g ")
    });
    assert!(scene.ended("g").contains("7 bytes are kept"));
    drop(data);
}

/// The size says that nothing is missing, however the connections end.
#[test]
fn what_was_announced_and_has_all_come_is_stored_though_the_connection_breaks() {
    for size in [10, 65_536, 300_000] {
        for old in [false, true] {
            for way in ["reset", "stands still", "control first"] {
                let scene = Scene::with(&[("ftp", "data_secs", "1"), ("ftp", "stall_secs", "1")]);
                let content = bytes(8, size);
                if old {
                    scene.put("f", b"the old one");
                }
                let mut ann = scene.ann();
                ann.ask(&format!("ALLO {size}")).expect(200);
                let mut data = ann.begin("STOR f");
                data.write_all(&content).unwrap();
                ann.until_moved(size);
                let mut ann = Some(ann);
                match way {
                    "reset" => reset(data),
                    "control first" => {
                        ann = None;
                        reset(data);
                    }
                    _ => scene.daemon.wait_for_log(&format!("put /f {size} bytes in")),
                }
                if let Some(mut ann) = ann {
                    ann.reply().expect(226).says(&format!("stored, {size} bytes"));
                }
                assert!(scene.ended("f").contains(&format!("put /f {size} bytes in")), "{way}");
                assert!(scene.stored("f").unwrap() == content, "{way} {size}");
                assert!(part_files(&scene.site.home(), "ann").is_empty());
            }
        }
    }
    // More than was said, or less, is not what was meant.
    for announced in [9, 11] {
        let scene = Scene::new();
        let mut ann = scene.ann();
        ann.ask(&format!("ALLO {announced}")).expect(200);
        let mut data = ann.begin("STOR f");
        data.write_all(&[0; 10]).unwrap();
        ann.until_moved(10);
        reset(data);
        ann.reply().expect(426);
        assert_eq!(scene.stored("f"), None);
        ann.ask("SIZE f").expect(213).says("10");
    }
}

/// Bytes that fit into the buffers on the way, so that the server has sent all of them at once.
const BUFFERED: usize = 2_000_000;

#[test]
fn a_download_is_told_to_be_done_when_the_client_has_it() {
    let scene = Scene::new();
    let content = bytes(4, BUFFERED);
    scene.put("f", &content);
    let mut ann = scene.ann();
    let mut data = ann.begin("RETR f");
    // However often it is asked: what nobody has read is not done.
    ann.until_moved(BUFFERED);
    ann.ask("STAT").expect(211).says("a transfer is running");
    let mut all = Vec::new();
    data.read_to_end(&mut all).unwrap();
    assert!(all == content);
    drop(data);
    ann.reply().expect(226);
    scene.daemon.wait_for_log(&format!("get /f {BUFFERED} bytes in"));
}

#[test]
fn a_client_that_resets_a_download_is_not_told_that_it_was_sent() {
    let half_closed = [false, true];
    for (command, is_half_closed) in
        ["RETR f", "LIST many"].into_iter().flat_map(|line| half_closed.map(|it| (line, it)))
    {
        let scene = Scene::new();
        scene.put("f", &bytes(5, BUFFERED));
        for n in 0..4000 {
            scene.put(&format!("many/{n:0>200}"), b"");
        }
        let mut ann = scene.ann();
        let mut data = ann.begin(command);
        if is_half_closed {
            // It sends nothing itself, which it may say at any time.
            data.shutdown(Shutdown::Write).unwrap();
        }
        if command == "RETR f" {
            // All of it is on its way, as far as the buffers hold it.
            ann.until_moved(BUFFERED);
        }
        data.read_exact(&mut [0; 1000]).unwrap();
        reset(data);
        ann.reply().expect(426).says("the data connection broke");
        ann.ask("PWD").expect(257);
        if command == "RETR f" {
            let log = scene.daemon.whole_log();
            let line = log.lines().find(|line| line.contains("get /f broke off")).unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            let at = words.iter().position(|word| *word == "bytes").unwrap();
            let sent: usize = words[at - 1].parse().unwrap();
            assert!((1000..BUFFERED).contains(&sent), "{line}");
        }
    }
}

#[test]
fn a_client_that_closes_only_after_the_reply_gets_it() {
    let scene = Scene::new();
    scene.put("f", b"hello");
    let mut ann = scene.ann();
    let mut data = ann.begin("RETR f");
    let mut all = Vec::new();
    data.read_to_end(&mut all).unwrap();
    ann.reply().expect(226);
    drop(data);
    // Nor does it matter that a client has said early that it sends nothing itself.
    let mut data = ann.begin("RETR f");
    data.shutdown(Shutdown::Write).unwrap();
    data.read_to_end(&mut all).unwrap();
    ann.reply().expect(226);
    assert_eq!(all, b"hellohello");
}

#[test]
fn a_newer_upload_of_the_same_account_takes_over_at_once() {
    let scene = Scene::new();
    let content = bytes(6, 300_000);
    for newer in ["STOR f", "APPE f", "REST"] {
        for waits in ["for data", "for a connection"] {
            let mut old = scene.ann();
            // It has vanished: nothing is heard of it any more, and nothing says so.
            let stuck = if waits == "for data" {
                let mut stuck = old.begin("STOR f");
                stuck.write_all(&content[..200_000]).unwrap();
                old.until_moved(200_000);
                Some(stuck)
            } else {
                old.epsv();
                old.send("STOR f");
                old.ask("NOOP").expect(200).says("a transfer is running");
                None
            };
            let mut new = scene.ann();
            let kept = match (newer, stuck.is_some()) {
                ("STOR f", _) | (_, false) => 0,
                _ => {
                    let all = "200000";
                    eventually("what came is kept", || new.ask("SIZE f").text() == all);
                    200_000
                }
            };
            let mut command = newer;
            if newer == "REST" {
                new.ask(&format!("REST {kept}")).expect(350);
                command = "STOR f";
            }
            new.transmit(command, &content[kept..]).expect(226);
            assert!(scene.stored("f").unwrap() == content, "{newer} {waits}");
            if let Some(mut stuck) = stuck {
                let _ = stuck.write_all(b"late");
                drop(stuck);
                old.reply().expect(450).says("a newer session of yours");
            }
            new.ask("DELE f").expect(250);
            assert!(part_files(&scene.site.home(), "ann").is_empty());
        }
    }
    // Names that nobody chose are no reason to push anybody aside, and the framed door's uploads
    // are not given up as long as they show life.
    let mut old = scene.ann();
    let mut first = old.data();
    old.ask("STOU twin").expect(150).says("FILE: twin");
    first.write_all(b"first").unwrap();
    let mut new = scene.ann();
    let second = new.data();
    new.ask("STOU twin").expect(150).says("FILE: twin.1");
    drop((first, second));
    old.reply().expect(226);
    new.reply().expect(226);
    assert_eq!(scene.stored("twin").unwrap(), b"first");
}
