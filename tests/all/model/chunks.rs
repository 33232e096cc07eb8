//! Uploads in chunks through the framed protocol: whole ones, and some that end in the middle or
//! are left open while others are served.

use miniftp::wire;

use super::content::Content;
use super::framed::{STORING, TIME};
use super::history::{Spot, Ticket};
use super::refusals::Came;
use super::worker::{Open, Worker};
use crate::harness::{CHUNK, Frames, row, whole};

impl Worker<'_> {
    /// Opens an upload, and enters what that did; gives how much is held of it, where that was
    /// told. From here on the part stays until the upload is stored or given up.
    fn open_upload(
        &mut self,
        frames: &mut Frames,
        (path, spot, ticket): (&str, &Spot, Ticket),
        size: usize,
        flags: u8,
    ) -> (Came, usize) {
        let put = wire::Put::new(path, size as u64, TIME.0, TIME.1, wire::NO_MODE, flags, &[]);
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
}
