//! `miniftpd demo`, the first thing that a visitor runs.

use crate::harness::{Miniftp, Site};

#[test]
fn the_demo_shows_each_step_and_ends_well() {
    let site = Site::new();
    let said = Miniftp::server_program(&site.local()).run(&["demo"]);
    said.ok().stderr_has(" trying again in 0.2 s\n");
    assert_eq!(said.err.lines().count(), 1, "{}", said.tell());
    let steps = [
        "\n1. A server listens on 127.0.0.1:",
        "\n2. The client logs in. ",
        "   With a wrong password: refused.\n",
        "\n3. It puts a file of ",
        "   The client connected again and went on: ",
        "\n4. It gets the file back.\n",
        "   Equal to the last byte. ",
        "   Put once more: it is there already, nothing travels.\n",
        "\n5. It puts another of the same size, for which there is no room.\n",
        "over quota: needs ",
        "\n6. It tries to leave its home.\n",
        "cd ..: ",
        "\n7. The server is told to stop: ",
        "   It ended with 0. That was all of it.\n",
    ];
    let mut at = 0;
    for step in steps {
        match said.out[at..].find(step) {
            Some(found) => at += found + step.len(),
            None => panic!("`{step}` is missing: {}", said.tell()),
        }
    }
    assert!(said.out.chars().all(|c| c == '\n' || c == '\r' || !c.is_control()), "{}", said.tell());
}
