//! What a server needs of the system while it serves, so that the kernel can keep it from the rest.
//!
//! Never: looks further than the settings say.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use miniftp::config::Config;
use miniftp::mounts;
use miniftp::sandbox::{Needs, Reach, State};
use miniftp::vfs::Threads;

use crate::args::Args;
use crate::search::Directories;

/// Holds the process to what a server with these settings needs, before its first thread.
pub(crate) fn confine(args: &Args, dirs: &Directories, config: &Config) -> State {
    if !config.server.landlock {
        return State::Off("as [server] landlock says");
    }
    let Directories { conf, home } = dirs;
    let programs = config.hooks.programs().into_iter().map(|(_, line)| line).collect();
    let needs = Needs { connects: config.ftp.active, programs, ..Needs::default() };
    let mut needs = needs.of_the_system();
    // Only what is there can be let in. Whatever is wrong with it is said by whoever opens it.
    let _ = DirBuilder::new().recursive(true).mode(0o755).create(home);
    needs.add_with_links(conf);
    needs.places.push((home.clone(), Reach::Change));
    let threads = Threads::default();
    for (dir, changes) in mounts::needed(conf) {
        let (path, reach) = (home.join(dir), if changes { Reach::Change } else { Reach::Read });
        let looked_at = path.clone();
        // A file system that does not answer now is reached through the directory that it is in.
        let answers = threads.within(&path, move || looked_at.is_dir()).is_some();
        let above = path.parent().map(Path::to_path_buf);
        needs.places.push((above.filter(|_| !answers).unwrap_or(path), reach));
    }
    let places = args.log.places(conf, config);
    // Those of the settings too where the command line names others: an edit goes by them.
    let own =
        [&config.log.file, &config.log.xferlog].map(|own| own.as_ref().map(|own| conf.join(own)));
    let [file, xferlog] = own;
    for log in [places.file, places.xferlog, file, xferlog].into_iter().flatten() {
        needs.add_file(&log, Reach::Change);
    }
    // Read again at HUP, perhaps through links to another directory.
    for file in [&config.server.certificate, &config.server.key].into_iter().flatten() {
        needs.add_file(&conf.join(file), Reach::Read);
    }
    needs.enforce()
}

/// The same for a server for a while, which needs what is in `needs` and its terminal.
pub(crate) fn confine_to(needs: Needs) {
    log::debug!("{}", needs.of_the_system().enforce());
}
