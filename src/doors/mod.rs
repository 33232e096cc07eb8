//! The doors: each turns what its peer sends into calls on a [`crate::session::Session`] and turns
//! the results into its own replies. A door owns its socket and its loop; nothing below calls up.

pub mod framed;
pub mod ftp;

use std::time::{Duration, Instant};

use crate::site::Site;
use crate::stream::{Patience, Stream};

/// How long each phase of a connection may take, by the settings.
pub fn patience(site: &Site) -> Patience {
    let config = site.config();
    let login = Duration::from_secs(config.login_secs);
    Patience {
        idle: Duration::from_secs(config.idle_secs),
        frame: Duration::from_secs(config.frame_secs),
        login: Some((Instant::now() + login, login)),
    }
}

/// The same for a connection that is there already, when the settings have changed; its login keeps
/// the deadline that it has.
fn be_as_patient(stream: &mut Stream, site: &Site) {
    let Patience { idle, frame, login: _ } = patience(site);
    stream.set_idle(idle);
    stream.set_frame(frame);
}
