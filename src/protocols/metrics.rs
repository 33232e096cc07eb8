//! Figures for monitoring: `GET /metrics` by HTTP, answered in the text form of Prometheus
//! (exposition format 0.0.4), on this machine only.
//!
//! Never: says anything of an account or a file by name. Each request has a deadline, and where
//! several connections say nothing the oldest gives way: nobody keeps a monitor from its figures.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Instant;

use super::listening::Listening;
use crate::audit::{Outcome, Verb};
use crate::limits;
use crate::lock::lock;
use crate::shared::Shared;

/// One figure, or several of one kind.
#[derive(Debug)]
pub struct Metric {
    /// Its name, without the `miniftp_` that all have.
    pub name: &'static str,
    /// `counter` only grows, `gauge` goes up and down.
    pub kind: &'static str,
    /// What it counts, in one line.
    pub help: &'static str,
    samples: fn(&Shared) -> Vec<(String, u64)>,
}

/// A metric: name, kind, help, and its samples, each with its labels.
macro_rules! metric {
    ($name:literal $kind:ident $help:literal, $samples:expr) => {
        Metric { name: $name, kind: stringify!($kind), help: $help, samples: $samples }
    };
}

/// All figures, in the order of the answer and of docs/OPERATING.md.
#[rustfmt::skip]
pub static METRICS: &[Metric] = &[
    metric!("build_info" gauge "1, with the version as a label", |_| {
        vec![(format!("version=\"{}\"", env!("CARGO_PKG_VERSION")), 1)]
    }),
    metric!("start_time_seconds" gauge "when the server started, seconds since 1970", |shared| {
        one(u64::try_from(shared.since_secs()).unwrap_or(0))
    }),
    metric!("connections" gauge "connections now, by protocol", |shared| {
        by_protocol(shared, false)
    }),
    metric!("connections_max" gauge "connections that the settings let in", |shared| {
        one(shared.config().server.connections as u64)
    }),
    metric!("sessions" gauge "connections that are logged in now, by protocol", |shared| {
        by_protocol(shared, true)
    }),
    metric!("transfers" gauge "transfers under way, by direction", |shared| {
        let (up, down) = shared.transfers();
        by_direction(up as u64, down as u64)
    }),
    metric!("bytes_total" counter "bytes of content moved, by direction", |shared| {
        let (up, down) = shared.log().totals().bytes();
        by_direction(up, down)
    }),
    metric!("events_total" counter "events as the log has them, by event and result", events),
    metric!("accounts" gauge "accounts", |shared| one(shared.accounts().len() as u64)),
    metric!("registrations_waiting" gauge "registrations that wait for an answer", |shared| {
        // A file with a mistake is no reason to answer nothing at all.
        shared.queue.pending().map_or_else(|_| Vec::new(), |waiting| one(waiting.len() as u64))
    }),
    metric!("bans" gauge "bans in force", |shared| one(shared.bans.in_force().len() as u64)),
    metric!("disk_free_bytes" gauge "bytes free on the disk of the homes", |shared| {
        shared.free_bytes().map_or_else(Vec::new, one)
    }),
    metric!("hooks_total" counter "hooks, by result; dropped: too many waited", |shared| {
        let counts = shared.log().hooks().counts();
        labelled("result", [
            ("done", counts.done), ("failed", counts.failed), ("dropped", counts.dropped),
        ])
    }),
    metric!("hooks" gauge "hooks that run, and events that wait for theirs", |shared| {
        let counts = shared.log().hooks().counts();
        labelled("state", [
            ("running", counts.running as u64), ("waiting", counts.waiting as u64),
        ])
    }),
    metric!("log_lines_lost_total" counter "lines of the log that could not be written", |shared| {
        one(shared.log().lost())
    }),
];

fn one(value: u64) -> Vec<(String, u64)> {
    vec![(String::new(), value)]
}

fn labelled<const N: usize>(name: &str, values: [(&str, u64); N]) -> Vec<(String, u64)> {
    values.into_iter().map(|(label, value)| (format!("{name}=\"{label}\""), value)).collect()
}

fn by_direction(up: u64, down: u64) -> Vec<(String, u64)> {
    labelled("direction", [("up", up), ("down", down)])
}

fn by_protocol(shared: &Shared, only_sessions: bool) -> Vec<(String, u64)> {
    let online = shared.online();
    let count = |protocol: &str| {
        let of = online.iter().filter(|one| one.protocol == protocol);
        of.filter(|one| !only_sessions || one.account.is_some()).count() as u64
    };
    labelled("protocol", ["framed", "ftp"].map(|protocol| (protocol, count(protocol))))
}

fn events(shared: &Shared) -> Vec<(String, u64)> {
    let totals = shared.log().totals();
    let all = Verb::ALL.into_iter().flat_map(|verb| Outcome::ALL.map(|outcome| (verb, outcome)));
    let sample = |(verb, outcome): (Verb, Outcome)| {
        let labels = format!("event=\"{}\",result=\"{}\"", verb.name(), outcome.name());
        (labels, totals.events(verb, outcome))
    };
    all.map(sample).collect()
}

/// All figures as they are now.
fn figures(shared: &Shared) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let (name, kind, help) = (metric.name, metric.kind, metric.help);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# HELP miniftp_{name} {help}\n# TYPE miniftp_{name} {kind}");
        for (labels, value) in (metric.samples)(shared) {
            let _ = match labels.as_str() {
                "" => writeln!(text, "miniftp_{name} {value}"),
                labels => writeln!(text, "miniftp_{name}{{{labels}}} {value}"),
            };
        }
    }
    text
}

/// The listening socket, and its thread once it is served.
#[derive(Debug)]
pub struct MetricsListener(Listening<TcpListener>);

impl MetricsListener {
    /// Whoever connects to the socket from now on is served later.
    pub fn new(listener: TcpListener) -> MetricsListener {
        MetricsListener(Listening::new(listener))
    }

    /// Where it listens, with the real port.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.listener().local_addr()
    }

    /// Serves whoever connects, until it is stopped.
    ///
    /// # Errors
    /// A thread or a descriptor that cannot be had.
    pub fn start(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        let open = OpenRequests::default();
        self.0.start(shared, ("metrics", "for the metrics"), move |shared, tcp| {
            let (shared, tcp) = (Arc::clone(shared), open.enter(tcp));
            let thread = thread::Builder::new().name("metrics".into());
            // Whoever does not take the answer has gone, or will ask again, as where there is no
            // thread.
            let serve = move || drop(serve(&shared, &tcp));
            drop(thread.stack_size(limits::THREAD_STACK).spawn(serve));
        })
    }

    /// Listens no more; the server is stopping.
    pub fn stop(self) {
        self.0.stop();
    }
}

/// The connections that are served, the oldest first.
#[derive(Default)]
struct OpenRequests(Mutex<VecDeque<Weak<TcpStream>>>);

impl OpenRequests {
    /// Adds one, and ends the oldest if there are [`limits::METRICS_AT_ONCE`].
    fn enter(&self, tcp: TcpStream) -> Arc<TcpStream> {
        let tcp = Arc::new(tcp);
        let mut open = lock(&self.0);
        open.retain(|other| other.strong_count() > 0);
        if open.len() >= limits::METRICS_AT_ONCE {
            if let Some(oldest) = open.pop_front().and_then(|oldest| oldest.upgrade()) {
                let _ = oldest.shutdown(Shutdown::Both);
            }
        }
        open.push_back(Arc::downgrade(&tcp));
        tcp
    }
}

/// One request and its answer; then the connection ends.
fn serve(shared: &Shared, mut tcp: &TcpStream) -> io::Result<()> {
    tcp.set_write_timeout(Some(limits::METRICS_WAIT))?;
    let answer = match read_head(tcp)? {
        Some((method, path)) => match (method.as_str(), path.as_str()) {
            ("GET", "/metrics") => response("200 OK", "", &figures(shared)),
            ("HEAD", "/metrics") => head("200 OK", "", figures(shared).len()),
            ("GET" | "HEAD", _) => response("404 Not Found", "", "only /metrics is here\n"),
            _ => {
                let allowed = "Allow: GET, HEAD\r\n";
                response("405 Method Not Allowed", allowed, "only GET and HEAD\n")
            }
        },
        None => response("400 Bad Request", "", "this is no HTTP request\n"),
    };
    tcp.write_all(answer.as_bytes())?;
    tcp.shutdown(Shutdown::Write)
}

fn response(status: &str, more: &str, text: &str) -> String {
    head(status, more, text.len()) + text
}

fn head(status: &str, more: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n{more}\r\n"
    )
}

/// Reads the head of a request within the deadline: method and path, without a query. `None` if it
/// is no request.
fn read_head(mut tcp: &TcpStream) -> io::Result<Option<(String, String)>> {
    let until = Instant::now() + limits::METRICS_WAIT;
    let (mut head, mut block) = (Vec::new(), [0; 1024]);
    loop {
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        tcp.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        let n = match tcp.read(&mut block) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        head.extend_from_slice(block.get(..n).unwrap_or_default());
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => {
                let (method, path) =
                    (request.method.unwrap_or_default(), request.path.unwrap_or_default());
                let path = path.split('?').next().unwrap_or_default();
                return Ok(Some((method.to_owned(), path.to_owned())));
            }
            Ok(httparse::Status::Partial) if n > 0 && head.len() <= limits::METRICS_HEAD => {}
            Ok(httparse::Status::Partial) | Err(_) => return Ok(None),
        }
    }
}
