//! A server that greets, lets anybody in as a guest, and then does what a test says.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use miniftp::wire::{
    self, Code, Fields, FrameKind, Greeted, Greeting, Message, Nothing, Sink, Using,
};

use super::{Frames, eventually, frame};

/// See the module. Dropped, it takes no more connections.
pub struct Hostile {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    requests: std::sync::Mutex<Vec<String>>,
    closing: AtomicBool,
}

/// One connection of it.
pub struct Victim {
    frames: Frames,
    request: Vec<u8>,
    shared: Arc<Shared>,
}

/// What it does with a request: `None` answers it as any server would.
pub type Attack = fn(&str, &mut Victim) -> Option<()>;

impl Hostile {
    /// Begins to listen.
    pub fn start(attack: Attack) -> Hostile {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                if ours.closing.load(Ordering::Relaxed) {
                    return;
                }
                let (frames, shared) = (Frames::over(tcp), Arc::clone(&ours));
                let victim = Victim { frames, request: Vec::new(), shared };
                thread::spawn(move || victim.serve(attack));
            }
        });
        Hostile { addr, shared }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The names of the requests that came, in order.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits until it has sent so many bytes of its attacks.
    #[track_caller]
    pub fn wait_for_bytes(&self, bytes: u64) {
        eventually("the client reads on", || self.shared.sent.load(Ordering::Relaxed) >= bytes);
    }

    /// Waits until this was asked for.
    #[track_caller]
    pub fn wait_for_request(&self, name: &str) {
        eventually(name, || self.requests().iter().any(|request| request == name));
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // The listener waits in `accept`; this is what it wakes up by.
        let _ = TcpStream::connect(self.addr);
    }
}

impl Victim {
    fn serve(mut self, attack: Attack) {
        let greeting = Greeting::new("miniftp", 1, "bad", 65_536, 1_048_576, 65_536, "md5 blake3");
        let greeting = frame(FrameKind::Greeting, greeting.fields().as_bytes(), &[]);
        if self.frames.tcp().write_all(&greeting).is_err() {
            return;
        }
        while let Some(request) = self.frames.read_frame() {
            let mut fields = Fields::new(&request.fields);
            let name = wire::request_name(&mut fields).unwrap().to_owned();
            self.shared.requests.lock().unwrap().push(name.clone());
            self.request = request.fields;
            if attack(&name, &mut self).is_none() {
                self.answer_as_others_do(&name);
            }
        }
    }

    fn answer_as_others_do(&mut self, name: &str) {
        match name {
            "HELLO" => self.answer(Code::Greeted, &Greeted::new(1)),
            "GUEST" => self.answer(Code::LoggedIn, &wire::LoggedIn::new("", "anonymous", "")),
            "USE" => self.answer(Code::Done, &Using::new("md5")),
            "PWD" => self.answer(Code::Done, &wire::Here::new("/", "")),
            "BYE" => self.answer(Code::Parting, &wire::Goodbye::new("")),
            _ => self.answer(Code::Done, &Nothing::new()),
        }
    }

    /// Sends an answer.
    pub fn answer<'a>(&mut self, code: Code, message: &impl Message<'a>) {
        let mut sink = Sink::new();
        wire::put_answer_head(&mut sink, code, "");
        message.encode(&mut sink);
        self.send(&frame(FrameKind::Answer, sink.as_bytes(), &[]));
    }

    /// Sends bytes; gives whether the client still takes them.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self.frames.tcp().write_all(bytes).is_ok();
        self.shared.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        sent
    }

    /// Sends what `next` makes of 0, 1, 2 and so on, for as long as the client takes it.
    pub fn flood(&mut self, mut next: impl FnMut(u64) -> Vec<u8>) -> Option<()> {
        let mut block = Vec::new();
        for number in 0.. {
            block.append(&mut next(number));
            if block.len() >= 32 * 1024 {
                if !self.send(&block) {
                    break;
                }
                block.clear();
            }
        }
        Some(())
    }

    /// Answers with a refusal.
    pub fn refuse(&mut self, code: Code) -> Option<()> {
        self.answer(code, &Nothing::new());
        Some(())
    }

    /// The fields of the request that is to be answered, its name included.
    pub fn last_request(&self) -> &[u8] {
        &self.request
    }

    /// The socket.
    pub fn tcp(&self) -> &TcpStream {
        self.frames.tcp()
    }
}
