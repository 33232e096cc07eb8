//! The operator at the terminal of the running server.

use std::io::Write;
use std::net::TcpStream;

use super::{ask, number, standing, stranger};
use crate::harness::{Pipe, Site, password};

#[test]
fn a_request_is_announced_and_answered() {
    let site = Site::new();
    let mut daemon = site.start_with_console();
    let mut guest = stranger(&site);
    let first = number(&ask(&mut guest, "ann", ""));
    daemon
        .wait_for_printed("registration 1: ann from 127.0.0.1; `approve 1` or `reject 1 REASON`\n");
    ask(&mut guest, "bob", "").expect(281);
    daemon.wait_for_printed("registration 2: bob from 127.0.0.1; ");
    daemon.type_line("pending");
    daemon.wait_for_printed("number  name  from       asked\n     1  ann   127.0.0.1  2");
    daemon.wait_for_printed("\n     2  bob   127.0.0.1  2");
    daemon.type_line("approve 1 quota=5M");
    daemon.wait_for_printed("approved registration 1: ann can log in now\n");
    daemon.type_line("reject 2 \"not in this class\"");
    daemon.wait_for_printed("refused registration 2: bob is shown the reason\n");
    assert_eq!(standing(&mut guest, first, "ann").0, "approved");
    let refused = ("refused".to_owned(), "not in this class".to_owned());
    assert_eq!(standing(&mut guest, 2, "bob"), refused);
    assert_eq!(daemon.login("ann").quota().limit, Some(5 << 20));
    daemon.wait_for_log("operator@terminal approve ann quota=5242880 registration 1\n");
    daemon.type_line("approve 1");
    daemon.wait_for_printed("registration 1 was approved already\n");
    daemon.type_line("approve 9");
    daemon.wait_for_printed("no registration `9`; `pending` shows those that wait\n");
}

#[test]
fn who_is_here_is_told_and_can_be_ended() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let mut daemon = site.start_with_console();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.put("big", 100_000, 0).expect(802);
    daemon.type_line("who");
    daemon.wait_for_printed(
        "id  account  from       protocol  since                doing  percent  rate  time  path\n",
    );
    daemon.wait_for_printed("  ann      127.0.0.1  framed    2");
    daemon.wait_for_printed("  put          0   0 B  ");
    daemon.wait_for_printed("  /big\n");
    daemon.wait_for_printed("  bob      127.0.0.1  framed    2");
    daemon.wait_for_printed("  idle         -     -  -     -\n");
    daemon.type_line("kick ann");
    daemon.wait_for_printed("one session ends\n");
    ann.expect_bye(427)
        .says("this session was ended by an administrator, or by its owner elsewhere");
    assert_eq!(bob.pwd(), "/");
    assert_eq!(daemon.login("ann").parts().len(), 1, "what was sent is kept");
    daemon.type_line("kick nobody");
    daemon.wait_for_printed("no session of `nobody`\n");
}

#[test]
fn an_ftp_client_is_listed_and_ended_too() {
    let site = Site::new();
    site.account("ann", "1M");
    let mut daemon = site.start_with_console();
    let mut tcp = TcpStream::connect(daemon.ftp_addr()).unwrap();
    tcp.write_all(format!("USER ann\r\nPASS {}\r\n", password("ann")).as_bytes()).unwrap();
    let replies = Pipe::collect(tcp.try_clone().unwrap());
    let said = |words: &str| replies.wait_for(|text| text.contains(words).then_some(())).is_some();
    assert!(said("230 logged in"));
    daemon.type_line("who");
    daemon.wait_for_printed("  ann      127.0.0.1  ftp       2");
    daemon.wait_for_printed("  idle   -        -     -     -\n");
    daemon.type_line("kick ann");
    assert!(
        said("421 this session was ended by an administrator, or by its owner elsewhere\r\n"),
        "{}",
        replies.text()
    );
    assert!(replies.wait_for_end());
}

#[test]
fn what_is_not_understood_is_answered_with_what_is() {
    let site = Site::new();
    let mut daemon = site.start_with_console();
    let wrong = "The information you entered is incorrect. Please re-enter it.\n";
    let too_long = "x".repeat(miniftp::limits::CONSOLE_LINE + 1);
    let lines = [
        ("2", "unknown admin command `2`"),
        ("approve", "approve: N is missing; usage: approve N [--quota SIZE]"),
        ("approve x", "number: `x` is not valid; expected the number of a registration"),
        ("approve 1 50M", "approve: `50M` is too much; usage: approve N [--quota SIZE]"),
        ("reject", "reject: N is missing; usage: reject N [REASON...]"),
        ("kick", "kick: NAME|ID is missing; usage: kick NAME|ID"),
        (&too_long, "unknown admin command `??`; `help` lists them"),
        ("\u{1b}", "unknown admin command `\\u{1b}`; `help` lists them"),
    ];
    for (times, (line, said)) in lines.iter().enumerate() {
        daemon.type_line(line);
        crate::harness::eventually("the answer", || {
            daemon.printed().matches(wrong).count() == times + 1
        });
        daemon.wait_for_printed(said);
    }
    daemon.type_line("");
    daemon.type_line("help");
    daemon.wait_for_printed("\nstop     stop the server, as Ctrl-C does\n");
    daemon.type_line("who");
    daemon.wait_for_printed("nobody is connected\n");
}

#[test]
fn the_end_of_the_console_is_not_the_end_of_the_server_and_stop_is() {
    let site = Site::new();
    site.account("ann", "1M");
    let mut daemon = site.start_with_console();
    daemon.stop_typing();
    let mut guest = stranger(&site);
    ask(&mut guest, "bob", "").expect(281);
    daemon.connect().log_in("ann", &password("ann")).expect(254);
    drop(daemon);

    let mut daemon = site.start_with_console();
    // What came while nobody was there is announced again.
    daemon.wait_for_printed("registration 1: bob from 127.0.0.1; `approve 1`");
    daemon.type_line("stop");
    assert!(daemon.wait().success());
}
