//! Whether a group is a user's own, as many systems make one for each user.

use nix::unistd::{Gid, Group, Uid, User};

/// Whether nobody but this user is in the group, by their numbers.
pub(crate) fn is_own_group(uid: u32, gid: u32) -> bool {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    user.zip(group).is_some_and(|(user, group)| {
        user.gid == group.gid && group.mem.iter().all(|member| *member == user.name)
    })
}
