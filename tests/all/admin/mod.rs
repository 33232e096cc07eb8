//! One table of admin commands, six ways to it: every way answers every line in the same words, by
//! the same rules, and leaves the same line in the log.

mod account;
mod cases;
mod last_admin;
mod rows;

use crate::harness::{Daemon, FtpTalk, Site, eventually, password};

/// How a line comes to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Terminal,
    Ftp,
    Framed,
    Client,
    /// `miniftpd account` beside a running server.
    Socket,
    /// The same without one.
    Files,
}

const WAYS: [Way; 6] = [Way::Terminal, Way::Ftp, Way::Framed, Way::Client, Way::Socket, Way::Files];

impl Way {
    /// Whether it is somebody on the server's machine.
    fn is_operator(self) -> bool {
        matches!(self, Way::Terminal | Way::Socket | Way::Files)
    }

    /// Who did it, as the log says.
    fn who(self) -> &'static str {
        match self {
            Way::Terminal => "operator@terminal",
            Way::Socket | Way::Files => "operator@command-line",
            Way::Ftp | Way::Framed | Way::Client => "root@127.0.0.1",
        }
    }
}

/// What a line was answered.
#[derive(Debug)]
struct Said {
    text: String,
    /// Whether it was done; the terminal does not say.
    is_done: Option<bool>,
    /// Whether it was refused as misused, where that is told apart.
    is_misused: Option<bool>,
}

/// A site with an admin and a user, and a server but for [`Way::Files`].
struct Scene {
    way: Way,
    daemon: Option<Daemon>,
    ftp: Option<FtpTalk>,
    count: usize,
    // It goes after the server.
    site: Site,
}

impl Scene {
    fn new(way: Way) -> Scene {
        let site = Site::new();
        site.admin("root").account("ann", "1M");
        site.setting("log", "file", "server.log");
        let daemon = site.start_with_console();
        let mut scene = Scene { way, daemon: Some(daemon), ftp: None, count: 0, site };
        match way {
            Way::Ftp => {
                let daemon = scene.daemon.as_ref().unwrap();
                scene.ftp = Some(FtpTalk::login(daemon.ftp_addr(), "root"));
            }
            Way::Files => {
                let mut daemon = scene.daemon.take().unwrap();
                daemon.term();
                daemon.wait();
            }
            _ => {}
        }
        scene
    }

    /// Has a line done; where a password is asked for, it is this.
    #[track_caller]
    fn run(&mut self, line: &str, secret: &str) -> Said {
        match self.way {
            Way::Terminal => self.at_the_terminal(line),
            Way::Ftp => self.by_ftp(line, secret),
            Way::Framed => self.by_frames(line, secret),
            Way::Client => {
                let client = self.site.client("root").env("MINIFTP_NEW_PASSWORD", secret);
                let words = words(&format!("admin {line}"));
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let said = client.run(&words);
                Said::of(said.status.code(), &said.out, &said.err, "miniftp: ")
            }
            Way::Socket | Way::Files => {
                let words = words(&format!("account {line}"));
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let said = self.site.miniftpd(&words, &format!("{secret}\n"));
                Said::of(said.status.code(), &said.out, &said.err, "miniftpd: ")
            }
        }
    }

    fn at_the_terminal(&mut self, line: &str) -> Said {
        let daemon = self.daemon.as_mut().unwrap();
        let before = daemon.printed().len();
        self.count += 1;
        // What is answered to the next line shows where the answer to this one ends.
        let mark = format!("mark-{}", self.count);
        daemon.type_line(line);
        daemon.type_line(&mark);
        daemon.wait_for_printed(&format!("unknown admin command `{mark}`"));
        let printed = daemon.printed()[before..].to_owned();
        let wrong = "The information you entered is incorrect. Please re-enter it.\n";
        let end = printed.rfind(wrong).unwrap();
        let text = printed[..end].replace(wrong, "");
        Said { text, is_done: None, is_misused: Some(printed[..end].contains(wrong)) }
    }

    fn by_ftp(&mut self, line: &str, secret: &str) -> Said {
        // The password is the word behind the account's name.
        let mut words: Vec<&str> = line.splitn(3, ' ').collect();
        if !secret.is_empty() && words.len() > 1 {
            words.insert(2, secret);
        }
        let talk = self.ftp.as_mut().unwrap();
        let reply = talk.ask(&format!("SITE ADMIN {}", words.join(" ")));
        let text = reply.text();
        let inner = text.strip_prefix("Here it is:\n").and_then(|text| text.strip_suffix("\nEnd"));
        let text = match inner {
            Some(lines) => lines.lines().map(|line| format!("{}\n", &line[1..])).collect(),
            None => format!("{text}\n"),
        };
        let is_misused = Some(reply.code == 501 || reply.code == 504);
        Said { text, is_done: Some(reply.code == 200), is_misused }
    }

    fn by_frames(&mut self, line: &str, secret: &str) -> Said {
        let mut frames = self.daemon.as_ref().unwrap().login("root");
        let mut answer = frames.admin(line);
        if answer.code == 278 {
            let least = miniftp::limits::ITERATIONS_LEAST;
            let record = miniftp::scram::Verifier::derive(secret, least).unwrap();
            answer = frames.admin_with(line, &record.to_string());
        }
        let is_json = line.contains("--json");
        let text = match answer.code {
            200 => answer.cells().lines(is_json).iter().map(|line| format!("{line}\n")).collect(),
            _ => format!("{}\n", answer.text),
        };
        let is_misused = Some(answer.code == 277);
        Said { text, is_done: Some(answer.code == 200), is_misused }
    }

    /// Everything that the log has, of a server too that is started to find what was left for it.
    fn log(&mut self) -> String {
        if self.daemon.is_none() {
            self.daemon = Some(self.site.start());
        }
        let daemon = self.daemon.as_ref().unwrap();
        let path = self.site.conf().join("server.log");
        let tcp = std::net::TcpStream::connect(daemon.addr()).unwrap();
        let mark = format!("{} came in as", tcp.local_addr().unwrap());
        let mut log = String::new();
        eventually("the log has what is in the queue", || {
            log = std::fs::read_to_string(&path).unwrap_or_default();
            log.contains(&mark)
        });
        log
    }
}

impl Said {
    fn of(code: Option<i32>, out: &str, err: &str, program: &str) -> Said {
        let complaints = err.lines().map(|line| line.strip_prefix(program).unwrap_or(line));
        let complaints: String = complaints.map(|line| format!("{line}\n")).collect();
        let text = format!("{out}{complaints}");
        Said { text, is_done: Some(code == Some(0)), is_misused: Some(code == Some(2)) }
    }
}

/// The words of a line as a shell gives them to a program.
fn words(line: &str) -> Vec<String> {
    miniftp::text::words::split(line).into_iter().map(|word| word.text).collect()
}

/// Does the same by every way, each on a site of its own.
#[track_caller]
fn by_every_way(work: impl Fn(&mut Scene)) {
    for way in WAYS {
        work(&mut Scene::new(way));
    }
}

/// Whether an account comes in with a password.
fn comes_in(scene: &Scene, name: &str, secret: &str) -> bool {
    let accounts = scene.site.accounts().current();
    let account = accounts.account(name).unwrap();
    account.state == miniftp::accounts::AccountState::Active
        && account.verifier.accepts(secret, miniftp::limits::ITERATIONS_LEAST)
}

/// The password that the harness gives an account.
fn is_as_before(scene: &Scene, name: &str) -> bool {
    comes_in(scene, name, &password(name))
}
