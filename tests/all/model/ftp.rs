//! What a session does over FTP with the content of files.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use super::content::Content;
use super::framed::STORING;
use super::history::{Effect, Event, Saw, Spot, State, Ticket};
use super::refusals::{Came, Refusal};
use super::worker::{Torn, Worker};
use crate::harness::FtpTalk;

/// What decides what an upload leaves that is not stored.
#[derive(Clone, Copy)]
struct Kind {
    /// It goes on behind a part.
    goes_on: bool,
    /// Its size was told before.
    announced: bool,
}

impl Worker<'_> {
    /// A session over FTP, as far as there is a server.
    pub fn log_in_by_ftp(&mut self) -> Option<FtpTalk> {
        let session = self.names.session;
        let who = format!("session {session} ({}): log in over FTP", self.name());
        match FtpTalk::attempt_login(self.world.doors().1, self.name()) {
            Ok(talk) => {
                self.world.count("log in over FTP");
                Some(talk)
            }
            Err(None) => {
                self.lost(&who);
                None
            }
            Err(Some(reply)) => {
                if !self.world.is_dying() {
                    self.world.finding(format!("{who}\n  was refused: {}", reply.text()));
                }
                None
            }
        }
    }

    /// Whether there is a session over FTP, perhaps a new one.
    pub fn have_ftp(&mut self) -> bool {
        if self.ftp.is_none() {
            self.ftp = self.log_in_by_ftp();
        }
        self.ftp.is_some()
    }

    /// Begins a transfer; what came of it if it did not begin.
    pub fn begin(&mut self, command: &str) -> Result<TcpStream, Came> {
        let begun = self.ftp.as_mut().unwrap().attempt_begin(command, None);
        begun.map_err(|reply| Came::from(reply.as_ref()))
    }

    /// The next reply.
    pub fn next(&mut self) -> Came {
        Came::from(self.ftp.as_mut().unwrap().next_reply().as_ref())
    }

    /// A whole upload, sometimes of a size that is told before.
    pub fn stor(&mut self) {
        let content = self.content(usize::MAX);
        self.stor_this(content);
    }

    /// The same of so many bytes.
    pub fn stor_content(&mut self, size: usize) {
        let content = self.content_of(size);
        self.stor_this(content);
    }

    fn stor_this(&mut self, content: Content) {
        let path = self.file();
        let announced = self.dice.percent(30);
        if !self.have_ftp() {
            return;
        }
        let who = self.announce(format!("STOR {path} {content:?} announced={announced}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        if announced {
            let _ = self.ftp.as_mut().unwrap().attempt(&format!("ALLO {}", content.len()));
        }
        let kind = Kind { goes_on: false, announced };
        let came = self.send(&format!("STOR {path}"), &content.bytes(), kind, (ticket, &spot));
        self.end_store(&who, ("STOR", &path, &spot), ticket, &came, &content);
    }

    /// Sends everything, and enters what becomes of the part unless the file is stored.
    fn send(
        &mut self,
        command: &str,
        all: &[u8],
        kind: Kind,
        (ticket, spot): (Ticket, &Spot),
    ) -> Came {
        let mut data = match self.begin(command) {
            Ok(data) => data,
            Err(came) => {
                self.did_not_begin(kind, (ticket, spot), &came);
                return came;
            }
        };
        // The server may hang up before it has everything.
        let _ = data.write_all(all);
        let _ = data.shutdown(Shutdown::Write);
        drop(data);
        let came = self.next();
        self.leaves(kind, (ticket, spot), &came);
        came
    }

    /// Enters what an upload that was not let begin did: whoever begins anew may have given up what
    /// was there before.
    fn did_not_begin(&self, kind: Kind, (ticket, spot): (Ticket, &Spot), came: &Came) {
        let gone = self.world.part_is_gone(self.account, spot);
        match came {
            _ if kind.goes_on => {}
            Came::Gone => self.world.enter_unanswered(ticket, vec![gone]),
            Came::Done(..) | Came::Refused(..) => self.world.enter(ticket, vec![gone.perhaps()]),
        }
    }

    /// Enters what an upload leaves that had begun and was not stored. What it goes on behind stays
    /// in any case. One whose size nobody knows, and for which there is no room, leaves nothing.
    fn leaves(&self, kind: Kind, (ticket, spot): (Ticket, &Spot), came: &Came) {
        let another = self.world.part_is_another(self.account, spot);
        match came {
            Came::Done(..) => {}
            _ if kind.goes_on => {}
            Came::Refused(Refusal::Quota, _) if !kind.announced => {
                self.world.enter(ticket, vec![self.world.part_is_gone(self.account, spot)]);
            }
            Came::Refused(..) => self.world.enter(ticket, another),
            Came::Gone => self.world.enter_unanswered(ticket, another),
        }
    }

    /// An upload that is cut: aborted, with fewer bytes than were announced, or by a client that is
    /// killed.
    pub fn stor_and_stop(&mut self) {
        let (path, content) = (self.file(), self.content(usize::MAX));
        let ending = self.dice.below(3);
        let sent = self.dice.below(content.len() + 1);
        if !self.have_ftp() {
            return;
        }
        let words = ["ABOR", "fewer than announced", "killed"][ending];
        let who = self.announce(format!("STOR {path} {content:?}, {words} at {sent}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        self.torn.retain(|torn| torn.path != path);
        if ending == 1 {
            let _ = self.ftp.as_mut().unwrap().attempt(&format!("ALLO {}", content.len()));
        }
        let came = match self.begin(&format!("STOR {path}")) {
            Ok(data) => self.stop(data, (ending, sent), (&path, &spot), ticket, &content),
            Err(came) => {
                let kind = Kind { goes_on: false, announced: ending == 1 };
                self.did_not_begin(kind, (ticket, &spot), &came);
                if let Came::Refused(why, _) = came {
                    self.learn(ticket, &spot, why, &who);
                }
                came
            }
        };
        let reasons = self.reasons(&path, &[&STORING[..], &[Refusal::Broken]].concat());
        if ending == 2 {
            world.count("STOR that is cut");
        } else {
            self.judge("STOR that is cut", &who, &came, &reasons);
        }
    }

    fn stop(
        &mut self,
        mut data: TcpStream,
        (ending, sent): (usize, usize),
        (path, spot): (&str, &Spot),
        ticket: Ticket,
        content: &Content,
    ) -> Came {
        let _ = data.write_all(&content.bytes()[..sent]);
        if ending == 2 {
            self.ftp = None;
            drop(data);
            let stored = self.stored(spot, &content.beginnings());
            let another = self.world.part_is_another(self.account, spot);
            self.world.enter_unanswered(ticket, [stored, another].concat());
            return Came::Gone;
        }
        if ending == 0 {
            let talk = self.ftp.as_mut().unwrap();
            // Behind the end of the transfer ABOR is answered itself; NOOP tells where that ends.
            talk.send("ABOR\r\nNOOP");
            let came = self.next();
            drop(data);
            let mut last = came.clone();
            while matches!(last, Came::Refused(..) | Came::Done(201.., _)) {
                last = self.next();
            }
            if let Came::Gone = last {
                self.ftp = None;
            }
            self.end_stop(came, (path, spot), ticket, (false, sent), content)
        } else {
            let _ = data.shutdown(Shutdown::Write);
            drop(data);
            let came = self.next();
            self.end_stop(came, (path, spot), ticket, (true, sent), content)
        }
    }

    fn end_stop(
        &mut self,
        came: Came,
        (path, spot): (&str, &Spot),
        ticket: Ticket,
        (announced, sent): (bool, usize),
        content: &Content,
    ) -> Came {
        let stored = self.stored(spot, &content.cut(sent));
        match &came {
            Came::Refused(_, text) if text.contains("what came is kept") && sent > 0 => {
                let there = self.world.part_is_there(self.account, spot);
                self.world.enter(ticket, vec![there]);
            }
            _ => self.leaves(Kind { goes_on: false, announced }, (ticket, spot), &came),
        }
        match &came {
            Came::Done(..) => self.world.enter(ticket, stored),
            Came::Gone => self.world.enter_unanswered(ticket, stored),
            Came::Refused(Refusal::Quota, _) => {}
            Came::Refused(..) => {
                // Only where nobody else writes it is known what a part holds.
                if path.contains(&format!("/{}/f", self.names.own())) {
                    let (path, spot, content) = (path.to_owned(), spot.clone(), content.clone());
                    self.torn.push(Torn { path, spot, content });
                }
            }
        }
        came
    }

    /// Goes on with an upload of one's own that broke off, by `SIZE` and `REST`.
    pub fn resume(&mut self) {
        let Some(torn) = self.torn.pop() else { return self.stor_and_stop() };
        if !self.have_ftp() {
            return;
        }
        let Torn { path, spot, content } = torn;
        let world = self.world;
        let table = world.table.read().unwrap();
        if table.spot(self.account, &path) != spot {
            return;
        }
        let who = self.announce(format!("resume STOR {path} {content:?}"));
        let talk = self.ftp.as_mut().unwrap();
        let is_there = talk.attempt(&format!("MLST {path}"));
        let size = talk.attempt(&format!("SIZE {path}"));
        let (Some(is_there), Some(size)) = (is_there, size) else { return self.lost(&who) };
        // Where a file is, `REST` would keep its beginning.
        if is_there.code == 250 || size.code != 213 {
            return;
        }
        let from: usize = size.text().parse().unwrap();
        if from > content.len() {
            let len = content.len();
            world.finding(format!("{who}\n  SIZE tells {from} bytes of a part of at most {len}"));
            return;
        }
        let _ = self.ftp.as_mut().unwrap().attempt(&format!("REST {from}"));
        let ticket = world.begin();
        // From its beginning it is one like any other.
        let kind = Kind { goes_on: from > 0, announced: false };
        let rest = &content.bytes()[from..];
        let came = self.send(&format!("STOR {path}"), rest, kind, (ticket, &spot));
        self.end_store(&who, ("STOR that goes on", &path, &spot), ticket, &came, &content);
    }

    /// Appends to a file of one's own.
    pub fn append(&mut self) {
        let (view, _) = self.place();
        let path = format!("{view}/{}/f{}", self.names.own(), self.dice.below(3));
        let content = self.content(100_000);
        if !self.have_ftp() {
            return;
        }
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, before) = (table.spot(self.account, &path), world.begin());
        let who = self.announce(format!("APPE {path} {content:?}"));
        let is_there = self.ftp.as_mut().unwrap().attempt(&format!("MLST {path}"));
        let Some(is_there) = is_there else { return self.lost(&who) };
        // Where no file is, it would go on with a part.
        if is_there.code != 250 {
            return;
        }
        world.saw(before, &spot, Saw::Something, &who);
        let ticket = world.begin();
        let kind = Kind { goes_on: false, announced: false };
        let came = self.send(&format!("APPE {path}"), &content.bytes(), kind, (ticket, &spot));
        let grows = Event::sure(&spot, Effect::Grows(content.clone()));
        let events = vec![grows, world.part_is_gone(self.account, &spot)];
        match &came {
            Came::Done(..) => world.enter(ticket, events),
            Came::Gone => world.enter_unanswered(ticket, events),
            Came::Refused(..) => {}
        }
        self.torn.retain(|torn| torn.path != path);
        let reasons = self.reasons(&path, &STORING);
        self.judge("APPE", &who, &came, &reasons);
    }

    /// Removes a file, or the unfinished upload where no file is.
    pub fn delete(&mut self) {
        let path = self.existing();
        if !self.have_ftp() {
            return;
        }
        let who = self.announce(format!("DELE {path}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let reply = self.ftp.as_mut().unwrap().attempt(&format!("DELE {path}"));
        let came = Came::from(reply.as_ref());
        let file = Event::sure(&spot, Effect::Becomes(State::Absent));
        let part = world.part_is_gone(self.account, &spot);
        match &came {
            Came::Done(_, text) if text.contains("unfinished") => world.enter(ticket, vec![part]),
            Came::Done(..) => world.enter(ticket, vec![file]),
            Came::Gone => world.enter_unanswered(ticket, vec![file, part]),
            Came::Refused(Refusal::Missing, _) => world.saw(ticket, &spot, Saw::Missing, &who),
            Came::Refused(..) => {}
        }
        let expected = [Refusal::Missing, Refusal::NotDirectory, Refusal::Busy];
        let reasons = self.reasons(&path, &[&expected[..], &[Refusal::IsDirectory]].concat());
        self.judge("DELE", &who, &came, &reasons);
    }
}
