//! Folders that are moved to where not all of them could be named.

use crate::harness::Site;

use super::{count, leave_part, mount};

fn way(name: &str, many: usize) -> String {
    format!("/{name}").repeat(many)
}

#[test]
fn a_folder_is_not_moved_to_where_something_in_it_has_no_name() {
    let site = Site::new();
    site.account("ann", "8M");
    mount(&site, &[("m", "8M")]);
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let long = "L".repeat(250);
    ann.mkdir(&way("d", 50), true).expect(200);
    ann.mkdir(&way("e", 20), true).expect(200);
    ann.mkdir(&way(&long, 12), true).expect(200);
    ann.mkdir(&way("M".repeat(250).as_str(), 6), true).expect(200);
    ann.mkdir(&format!("/m{}", way("f", 20)), true).expect(200);
    leave_part(&mut ann, &format!("{}/x", way("d", 50)));
    leave_part(&mut ann, &format!("{}/y", way(&long, 12)));
    let (used, parts) = (ann.quota().used, ann.parts());
    assert_eq!(parts.len(), 2);
    for (from, to) in [
        ("/d".to_owned(), way("e", 20) + "/d"),
        // The folders fit, what is to be stored in the deepest does not.
        ("/d".to_owned(), way("e", 14) + "/d"),
        ("/d".to_owned(), format!("/m{}/d", way("f", 20))),
        (format!("/{long}"), way("M".repeat(250).as_str(), 6) + "/Z"),
    ] {
        ann.mv(&from, &to, false).expect(255).says("64 folders deep");
        assert_eq!((ann.quota().used, ann.parts()), (used, parts.clone()), "{from} {to}");
    }
    // What fits goes, and is found.
    ann.mv("/d", &(way("e", 13) + "/d"), false).expect(200);
    let there = way("e", 13) + &way("d", 50) + "/x";
    assert!(ann.parts().iter().any(|(path, _)| *path == there), "{:?}", ann.parts());
    ann.mv(&format!("/{long}"), "/m/short", false).expect(200);
    assert_eq!(ann.parts().len(), 2);
    assert_eq!(count(&site.home().join("m_")), 2);
}
