//! A proxy on loopback between a client and a server that does harm where it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use super::DEADLINE;

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What happens to one connection.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    refuse: bool,
    cut: Option<(Way, u64)>,
    stall: Option<(Way, u64)>,
    flip: Option<(Way, u64)>,
    dribble: Option<Way>,
    /// For all connections to come, not for one.
    stays: bool,
}

/// See the module. It runs from [`Proxy::to`] until it is dropped. What is told to it counts for
/// the next connection; [`Proxy::then`] goes on to the one after it, [`Proxy::each_time`] lets the
/// last plan stay for all that come. Without a plan everything passes.
///
/// `Proxy::to(addr).cut_after(Way::Up, 1_000_000).then().flip_bit(Way::Down, 70_000)`
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    plans: VecDeque<Plan>,
    /// Both sides of every connection, by its number.
    sockets: Vec<(usize, TcpStream)>,
    /// By the number of the connection.
    up: BTreeMap<usize, u64>,
    down: BTreeMap<usize, u64>,
    connections: usize,
    stalled: usize,
    closing: bool,
}

impl Proxy {
    /// Begins to stand before a server.
    pub fn to(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { server, state: Mutex::default(), changed: Condvar::new() });
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ours.state().closing {
                    return;
                }
                ours.connect(client);
            }
        });
        Proxy { addr, shared }
    }

    /// Where clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends the connection both ways once exactly so many bytes passed this way.
    pub fn cut_after(self, way: Way, bytes: u64) -> Proxy {
        self.plan(|plan| plan.cut = Some((way, bytes)))
    }

    /// Passes nothing more either way once exactly so many bytes passed this way; nobody is told.
    pub fn stall_after(self, way: Way, bytes: u64) -> Proxy {
        self.plan(|plan| plan.stall = Some((way, bytes)))
    }

    /// Turns one bit of the byte at this offset.
    pub fn flip_bit(self, way: Way, at: u64) -> Proxy {
        self.plan(|plan| plan.flip = Some((way, at)))
    }

    /// Passes one byte at a time.
    pub fn dribble(self, way: Way) -> Proxy {
        self.plan(|plan| plan.dribble = Some(way))
    }

    /// Hangs up at once.
    pub fn refuse(self) -> Proxy {
        self.plan(|plan| plan.refuse = true)
    }

    /// What is told from now on is for the connection after.
    pub fn then(self) -> Proxy {
        self.shared.state().plans.push_back(Plan::default());
        self
    }

    /// The last plan is for all connections to come.
    pub fn each_time(self) -> Proxy {
        self.plan(|plan| plan.stays = true)
    }

    fn plan(self, change: impl FnOnce(&mut Plan)) -> Proxy {
        let mut state = self.shared.state();
        if state.plans.is_empty() {
            state.plans.push_back(Plan::default());
        }
        change(state.plans.back_mut().unwrap());
        drop(state);
        self
    }

    /// Bytes that were passed this way, all connections together.
    pub fn count(&self, way: Way) -> u64 {
        self.shared.state().count(way)
    }

    /// Bytes that each connection has passed this way.
    pub fn counts(&self, way: Way) -> Vec<u64> {
        self.shared.state().counts(way).values().copied().collect()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Waits until so many bytes were passed this way.
    #[track_caller]
    pub fn wait_for_bytes(&self, way: Way, bytes: u64) {
        self.wait_until(|state| state.count(way) >= bytes);
    }

    /// Waits until a connection stalls.
    #[track_caller]
    pub fn wait_for_stall(&self) {
        self.wait_until(|state| state.stalled > 0);
    }

    #[track_caller]
    fn wait_until(&self, holds: impl Fn(&State) -> bool) {
        let until = Instant::now() + DEADLINE;
        let mut state = self.shared.state();
        while !holds(&state) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the proxy waited in vain");
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Ends all connections now; new ones are still taken.
    pub fn cut_now(&self) {
        for (_, socket) in self.shared.state().sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.cut_now();
        // The listener waits in `accept`; this is what it wakes up by.
        let _ = TcpStream::connect(self.addr);
    }
}

impl State {
    fn counts(&self, way: Way) -> &BTreeMap<usize, u64> {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn count(&self, way: Way) -> u64 {
        self.counts(way).values().sum()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The number of a new connection and what is to happen to it.
    fn next_plan(&self) -> (usize, Plan) {
        let mut state = self.state();
        state.connections += 1;
        let plan = state.plans.front().copied().unwrap_or_default();
        if !plan.stays {
            state.plans.pop_front();
        }
        (state.connections, plan)
    }

    /// Begins to pass bytes both ways.
    fn connect(self: &Arc<Shared>, client: TcpStream) {
        let (number, plan) = self.next_plan();
        if plan.refuse {
            return;
        }
        // A server that does not answer is a proxy that hangs up.
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let held = Arc::new(Mutex::new(false));
        for (way, from, to) in [(Way::Up, &client, &server), (Way::Down, &server, &client)] {
            let _ = from.set_nodelay(true);
            self.state().sockets.push((number, from.try_clone().unwrap()));
            let pump = Pump {
                number,
                way,
                plan,
                from: from.try_clone().unwrap(),
                to: to.try_clone().unwrap(),
                passed: 0,
                held: Arc::clone(&held),
                shared: Arc::clone(self),
            };
            thread::spawn(move || pump.run());
        }
    }
}

/// One direction of one connection.
struct Pump {
    number: usize,
    way: Way,
    plan: Plan,
    from: TcpStream,
    to: TcpStream,
    passed: u64,
    /// Whether this connection stalls, told to the other direction.
    held: Arc<Mutex<bool>>,
    shared: Arc<Shared>,
}

impl Pump {
    fn run(mut self) {
        let mut block = vec![0; 64 * 1024];
        loop {
            let n = self.from.read(&mut block).unwrap_or(0);
            if n == 0 {
                let _ = self.to.shutdown(Shutdown::Write);
                return;
            }
            let step = if self.plan.dribble == Some(self.way) { 1 } else { n };
            for piece in block[..n].chunks_mut(step) {
                if !self.pass(piece) {
                    return;
                }
            }
        }
    }

    /// Passes a piece, as far as the plan lets it; `false` if this was the end.
    fn pass(&mut self, piece: &mut [u8]) -> bool {
        let ends = [self.plan.cut, self.plan.stall].into_iter().flatten();
        let end = ends.filter(|(way, _)| *way == self.way).map(|(_, at)| at).min();
        let left = end.map_or(u64::MAX, |end| end.saturating_sub(self.passed));
        let n = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = &mut piece[..n];
        if let Some((way, at)) = self.plan.flip {
            let here = at.checked_sub(self.passed).and_then(|at| usize::try_from(at).ok());
            if let Some(byte) = here.filter(|_| way == self.way).and_then(|at| piece.get_mut(at)) {
                *byte ^= 0x10;
            }
        }
        if *self.held.lock().unwrap() {
            return false;
        }
        if self.to.write_all(piece).is_err() {
            return false;
        }
        self.passed += n as u64;
        let mut state = self.shared.state();
        let counts = match self.way {
            Way::Up => &mut state.up,
            Way::Down => &mut state.down,
        };
        *counts.entry(self.number).or_default() += n as u64;
        drop(state);
        self.shared.changed.notify_all();
        if end != Some(self.passed) {
            return true;
        }
        self.end();
        false
    }

    /// Does what the plan has for this point.
    fn end(&mut self) {
        if self.plan.stall == Some((self.way, self.passed)) {
            *self.held.lock().unwrap() = true;
            self.shared.state().stalled += 1;
            self.shared.changed.notify_all();
        } else {
            let _ = self.from.shutdown(Shutdown::Both);
            let _ = self.to.shutdown(Shutdown::Both);
            // Closed for good, or who still writes would not learn of it.
            self.shared.state().sockets.retain(|(number, _)| *number != self.number);
        }
    }
}

/// Holds a port of this machine that refuses every connection, so that no server of another test
/// gets it meanwhile.
#[track_caller]
pub fn refusing(port: u16) -> rustix::fd::OwnedFd {
    use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};
    let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_reuseaddr(&held, true).unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    super::eventually("its last listener has gone", || bind(&held, &at).is_ok());
    held
}
