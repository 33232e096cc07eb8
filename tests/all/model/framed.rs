//! What a session does through the framed protocol.

use miniftp::digest::Algorithm;
use miniftp::wire;

use super::content::{Content, Found};
use super::history::{Saw, Spot, Ticket};
use super::refusals::{Came, Refusal};
use super::worker::{Open, Worker};
use crate::harness::{CHUNK, Frames, digests, row, whole};

const TIME: (i64, u32) = (1_650_000_000, 7);
/// What is there is the same, and nothing was done.
const EQUAL: u16 = 801;
/// What may stand against a file.
pub const STORING: [Refusal; 8] = [
    Refusal::Missing,
    Refusal::Exists,
    Refusal::IsDirectory,
    Refusal::NotDirectory,
    Refusal::Busy,
    Refusal::Superseded,
    Refusal::Quota,
    Refusal::Changed,
];
/// The message of a `STORE`, and its content.
pub fn store_of(path: &str, content: &Content, replace: bool) -> (Vec<u8>, Vec<u8>) {
    let bytes = content.bytes();
    let (each, all) = digests(Algorithm::Md5, &bytes);
    let message = wire::Store::new(path, TIME.0, TIME.1, replace.into(), all.as_bytes(), &each);
    (crate::harness::request("STORE", &message, &bytes), bytes)
}

impl Worker<'_> {
    /// A session of the framed protocol, as far as there is a server.
    fn log_in(&mut self) -> Option<Frames> {
        let session = self.names.session;
        let who = format!("session {session} ({}): log in", self.name());
        match Frames::attempt_login(self.world.doors().0, self.name(), &mut self.keys) {
            Ok(frames) => {
                self.world.count("log in");
                Some(frames)
            }
            Err(None) => {
                self.lost(&who);
                None
            }
            Err(Some(answer)) => {
                if !self.world.is_dying() {
                    self.world.finding(format!("{who}\n  was refused: {}", answer.text));
                }
                None
            }
        }
    }

    /// Whether there is a session of the framed protocol, perhaps a new one.
    pub fn have_framed(&mut self) -> bool {
        if self.framed.is_none() {
            self.framed = self.log_in();
        }
        self.framed.is_some()
    }

    /// A small file in one request.
    pub fn store(&mut self) {
        let (path, replace) = (self.file(), self.dice.percent(75));
        let content = self.content(16 * CHUNK);
        if !self.have_framed() {
            return;
        }
        let who = self.announce(format!("STORE {path} {content:?} replace={replace}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let (request, _) = store_of(&path, &content, replace);
        let frames = self.framed.as_mut().unwrap();
        frames.send_bytes(&request);
        let came = Came::from(frames.next_answer().as_ref());
        self.end_store(&who, ("STORE", &path, &spot), ticket, &came, &content);
    }

    /// The end of an upload: it was stored, refused, or nobody knows.
    pub fn end_store(
        &mut self,
        who: &str,
        (what, path, spot): (&str, &str, &Spot),
        ticket: Ticket,
        came: &Came,
        content: &Content,
    ) {
        let events = self.stored(spot, content);
        self.torn.retain(|torn| torn.path != path);
        match came {
            Came::Done(EQUAL, _) => {
                let found = Found::of(&content.bytes());
                self.world.saw(ticket, spot, Saw::Content(found), who);
            }
            Came::Done(..) => {
                self.world.enter(ticket, events);
                self.world.is_there(spot);
            }
            Came::Gone => self.world.enter_unanswered(ticket, events),
            Came::Refused(why, _) => self.learn(ticket, spot, *why, who),
        }
        let reasons = self.reasons(path, &STORING);
        self.judge(what, who, came, &reasons);
    }

    /// What a refusal tells of what is there.
    pub fn learn(&self, ticket: Ticket, spot: &Spot, why: Refusal, who: &str) {
        match why {
            Refusal::Missing => {
                // Of a file that is stored the directory is missing, which is nearest above.
                let above = spot.above();
                if let Some(above) = above.last() {
                    self.world.saw(ticket, above, Saw::Missing, who);
                }
            }
            Refusal::Exists | Refusal::IsDirectory => {
                self.world.saw(ticket, spot, Saw::Something, who);
            }
            _ => {}
        }
    }

    /// Several small files in flight.
    pub fn burst(&mut self) {
        if !self.have_framed() {
            return;
        }
        let world = self.world;
        let table = world.table.read().unwrap();
        let mut sent = Vec::new();
        let (mut frame, mut texts) = (Vec::new(), Vec::new());
        for _ in 0..self.dice.within(2..7) {
            let (path, content) = (self.file(), self.content(CHUNK));
            frame.extend(store_of(&path, &content, true).0);
            texts.push(format!("{path} {content:?}"));
            sent.push((table.spot(self.account, &path), path, content));
        }
        let who = self.announce(format!("STOREs in flight: {}", texts.join(", ")));
        let ticket = world.begin();
        self.framed.as_mut().unwrap().send_bytes(&frame);
        for (number, (spot, path, content)) in sent.iter().enumerate() {
            // Each is an operation of its own, though all began at one moment.
            let own = world.begin();
            let ticket = Ticket { operation: own.operation, ..ticket };
            let came = match self.framed.as_mut() {
                Some(frames) => Came::from(frames.next_answer().as_ref()),
                None if number > 0 => Came::Gone,
                None => return,
            };
            self.end_store(&who, ("STORE in flight", path, spot), ticket, &came, content);
        }
    }

    /// Opens an upload, and enters what that did; gives how much is held of it, where that was
    /// told. From here on the part stays until the upload is stored or given up.
    fn open_upload(
        &mut self,
        frames: &mut Frames,
        (path, spot, ticket): (&str, &Spot, Ticket),
        size: usize,
        flags: u8,
    ) -> (Came, usize) {
        let put = wire::Put::new(path, size as u64, TIME.0, TIME.1, flags, &[]);
        let answer = frames.attempt("PUT", &put);
        let held = match &answer {
            Some(answer) if matches!(answer.code, 800 | 802) => {
                answer.message::<wire::Opened<'_>>().held_bytes
            }
            _ => 0,
        };
        let came = Came::from(answer.as_ref());
        let (world, account) = (self.world, self.account);
        let is_fresh = flags & wire::FRESH != 0;
        match came {
            Came::Done(..) => world.enter(ticket, vec![world.part_is_there(account, spot)]),
            Came::Gone if is_fresh => {
                world.enter_unanswered(ticket, world.part_is_another(account, spot));
            }
            Came::Gone => {
                world.enter_unanswered(ticket, vec![world.part_is_there(account, spot)]);
            }
            // Whoever begins anew has given up what was there before, even if it is refused then.
            Came::Refused(..) if is_fresh => {
                world.enter(ticket, vec![world.part_is_gone(account, spot).perhaps()]);
            }
            Came::Refused(..) => {}
        }
        (came, usize::try_from(held).unwrap())
    }

    /// Sends what is missing of the first `until` bytes; compares first if something is held.
    fn send_chunks(&mut self, frames: &mut Frames, all: &[u8], held: usize, until: usize) -> Came {
        let ours = row(all);
        let mut equal = Vec::new();
        if held > 0 {
            let Some(answer) = frames.attempt("HELD", &wire::Held::new(0, 16_384)) else {
                return Came::Gone;
            };
            if answer.code != 258 {
                return Came::from(Some(&answer));
            }
            for part in &answer.parts {
                equal.extend_from_slice(&part.fields[8..]);
            }
        }
        for (number, chunk) in all[..until].chunks(CHUNK).enumerate() {
            let digest = &ours[number * 16..number * 16 + 16];
            let partial = number * CHUNK + chunk.len() < all.len() && chunk.len() < CHUNK;
            if partial || equal.get(number * 16..number * 16 + 16) == Some(digest) {
                continue;
            }
            let message = wire::Chunk::new((number * CHUNK) as u64, digest);
            let answer = frames.attempt_with_data("CHUNK", &message, chunk);
            let came = Came::from(answer.as_ref());
            if !matches!(came, Came::Done(..)) {
                return came;
            }
        }
        Came::Done(900, String::new())
    }

    /// A whole upload in chunks, which goes on with what is held.
    pub fn put(&mut self) {
        let (path, content) = (self.file(), self.content(usize::MAX));
        let flags = self.dice.pick(&[0, 1, 1, 1, 2, 3, 3]);
        if !self.have_framed() {
            return;
        }
        let who = self.announce(format!("PUT {path} {content:?} flags={flags}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let mut frames = self.framed.take().unwrap();
        let all = content.bytes();
        let place = (path.as_str(), &spot, ticket);
        let (mut came, held) = self.open_upload(&mut frames, place, all.len(), flags);
        let mut finishing = None;
        if matches!(came, Came::Done(..)) {
            came = self.send_chunks(&mut frames, &all, held, all.len());
            // Where a chunk was refused this closes the upload.
            if !matches!(came, Came::Gone) {
                finishing = Some(world.go_on(ticket));
                let done = frames.attempt("DONE", &wire::Done::new(&whole(&all)));
                came = Came::from(done.as_ref());
            }
        }
        if !matches!(came, Came::Gone) {
            self.framed = Some(frames);
        }
        self.end_put(&who, ("PUT", &path, &spot), (ticket, finishing), &came, &content);
    }

    /// The end of an upload in chunks, of which nothing was stored before it was `finishing`.
    fn end_put(
        &mut self,
        who: &str,
        place: (&str, &str, &Spot),
        (begun, finishing): (Ticket, Option<Ticket>),
        came: &Came,
        content: &Content,
    ) {
        match (finishing, came) {
            (None, Came::Gone) => self.judge(place.0, who, came, &[]),
            (None, _) => self.end_store(who, place, begun, came, content),
            (Some(ticket), _) => self.end_store(who, place, ticket, came, content),
        }
    }

    /// An upload that ends in the middle: the part is kept or dropped, or the client hangs up.
    pub fn put_and_stop(&mut self) {
        let (path, content) = (self.file(), self.content(usize::MAX));
        let ending = self.dice.below(3);
        if !self.have_framed() {
            return;
        }
        self.torn.retain(|torn| torn.path != path);
        let words = ["DROP 0", "DROP 1", "hang up"][ending];
        let who = self.announce(format!("PUT {path} {content:?}, then {words}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let mut frames = self.framed.take().unwrap();
        let all = content.bytes();
        let until = self.dice.below(all.len() + 1);
        let place = (path.as_str(), &spot, ticket);
        let (mut came, held) = self.open_upload(&mut frames, place, all.len(), wire::REPLACE);
        if matches!(came, Came::Done(..)) {
            came = self.send_chunks(&mut frames, &all, held, until);
            if matches!(came, Came::Done(..)) && ending < 2 {
                let dropping = world.go_on(ticket);
                let drop = wire::Drop::new(u8::try_from(ending).unwrap());
                came = Came::from(frames.attempt("DROP", &drop).as_ref());
                let gone = vec![world.part_is_gone(self.account, &spot)];
                match came {
                    Came::Done(..) if ending == 0 => world.enter(dropping, gone),
                    Came::Gone if ending == 0 => world.enter_unanswered(dropping, gone),
                    _ => {}
                }
            } else if ending < 2 && !matches!(came, Came::Gone) {
                // The upload is refused and still open.
                let _ = frames.attempt("DROP", &wire::Drop::new(1));
            }
        } else if let Came::Refused(why, _) = came {
            self.learn(ticket, &spot, why, &who);
        }
        if ending < 2 && !matches!(came, Came::Gone) {
            self.framed = Some(frames);
        }
        let reasons = self.reasons(&path, &STORING);
        self.judge("PUT that stops", &who, &came, &reasons);
    }

    /// Opens an upload and leaves it so.
    pub fn put_and_leave_open(&mut self) {
        if self.open.is_some() {
            return self.go_on_with_open();
        }
        let (path, content) = (self.file(), self.content(usize::MAX));
        let Some(mut frames) = self.log_in() else { return };
        self.torn.retain(|torn| torn.path != path);
        let who = self.announce(format!("PUT {path} {content:?}, left open"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, begun) = (table.spot(self.account, &path), world.begin());
        let all = content.bytes();
        let sent = self.dice.below(all.len() + 1);
        let (place, flags) = ((path.as_str(), &spot, begun), wire::REPLACE | wire::FRESH);
        let (mut came, _) = self.open_upload(&mut frames, place, all.len(), flags);
        if matches!(came, Came::Done(..)) {
            came = self.send_chunks(&mut frames, &all, 0, sent);
            if matches!(came, Came::Done(..)) {
                let path = path.clone();
                self.open = Some(Open { frames, path, spot, content, sent, begun });
            }
        }
        drop(table);
        let reasons = self.reasons(&path, &STORING);
        self.judge("PUT left open", &who, &came, &reasons);
    }

    /// Ends the upload that was left open, if there is one, however its directory is called now.
    pub fn go_on_with_open(&mut self) {
        let Some(open) = self.open.take() else { return self.store() };
        let Open { mut frames, path, spot, content, sent, begun } = open;
        let who = self.announce(format!("DONE of the open {path} {content:?} at {sent}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let ticket = Ticket { since: begun.since, ..world.begin() };
        let all = content.bytes();
        // Of a chunk that was not whole nothing was sent.
        let from = if sent == all.len() { sent } else { sent - sent % CHUNK };
        let mut came = Came::Done(0, String::new());
        for (number, chunk) in all[from..].chunks(CHUNK).enumerate() {
            let digest = row(chunk);
            let message = wire::Chunk::new((from + number * CHUNK) as u64, &digest);
            came = Came::from(frames.attempt_with_data("CHUNK", &message, chunk).as_ref());
            if !matches!(came, Came::Done(..)) {
                break;
            }
        }
        let mut finishing = None;
        if matches!(came, Came::Done(..)) {
            finishing = Some(world.go_on(ticket));
            let digest = whole(&all);
            came = Came::from(frames.attempt("DONE", &wire::Done::new(&digest)).as_ref());
        }
        if matches!(came, Came::Done(..)) && table.spot(self.account, &path) != spot {
            world.finding(format!("{who}\n  is stored, but its path leads elsewhere by now"));
        }
        let place = ("DONE of an open PUT", path.as_str(), &spot);
        self.end_put(&who, place, (ticket, finishing), &came, &content);
    }

    /// Fetches a file.
    pub fn get(&mut self) {
        let path = self.existing();
        if !self.have_framed() {
            return;
        }
        let who = self.announce(format!("GET {path}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let get = wire::Get::new(&path, 0, u64::MAX, 0);
        let answer = self.framed.as_mut().unwrap().attempt("GET", &get);
        let came = Came::from(answer.as_ref());
        match (&came, &answer) {
            (Came::Done(..), Some(answer)) => {
                let data = answer.parts.iter().flat_map(|part| part.data.iter().copied());
                let found = Found::of(&data.collect::<Vec<u8>>());
                world.saw(ticket, &spot, Saw::Content(found), &who);
            }
            (Came::Refused(Refusal::Missing, _), _) => {
                world.saw(ticket, &spot, Saw::Missing, &who);
            }
            _ => {}
        }
        let reasons = self.reasons(
            &path,
            &[Refusal::Missing, Refusal::IsDirectory, Refusal::NotDirectory, Refusal::Changed],
        );
        self.judge("GET", &who, &came, &reasons);
    }
}
