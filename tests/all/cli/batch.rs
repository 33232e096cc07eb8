//! Commands from standard input: one a line, to the first failure.

use super::site;
use crate::harness::write_file;

#[test]
fn a_batch_does_its_lines_in_order() {
    let (site, _daemon) = site();
    write_file(site.local().join("with blank"), b"x");
    let script = "# a remark\n\n   \nmkdir docs\n  cd docs  \r\npwd\nput 'with blank'\nls\n\
        ls with\\ blank\ncd \"..\"\n-rm nothing\n- ls docs\nquit\npwd\n";
    let said = site.client("ann").input(script).run(&["--no-progress"]);
    said.ok().stdout("/docs\nwith blank\nwith blank\nwith blank\n");
    said.stderr("miniftp: no such file or folder: `/nothing`\n");
    // The last line may lack its end.
    site.client("ann").input("pwd").run(&[]).ok().stdout("/\n").stderr("");
    site.client("ann").input("").run(&[]).ok().stdout("").stderr("");
}

#[test]
fn a_batch_stops_at_the_first_failure_and_says_where() {
    let (site, _daemon) = site();
    let long = format!("put '{}'\n", "x".repeat(5_000));
    let table: &[(&str, &str)] = &[
        ("rm nix\n", "no such file or folder: `/nix`\nmin: stopped at line 2: rm nix"),
        (
            "xyzzy\n",
            "unknown command `xyzzy`; `help` lists the commands\nmin: stopped at line 2: xyzzy",
        ),
        ("cd 'x\n", "the quote `'` is not closed\nmin: stopped at line 2: cd 'x"),
        (
            "pwd \u{1b}x\n",
            "`pwd` takes less; quote names with blanks; usage: pwd\nmin: stopped at line 2: pwd \
             \\u{1b}x",
        ),
    ];
    for (line, said) in table {
        let script = format!("pwd\n{line}mkdir never\n");
        let done = site.client("ann").input(script).run(&[]);
        let said = format!("miniftp: {}\n", said.replace("min:", "miniftp:"));
        done.fails(1).stdout("/\n").stderr(&said);
    }
    for line in [long.as_bytes(), b"ls \xff\xfe\n", b"ls \0\n"] {
        let script = [b"pwd\n", line, b"mkdir never\n"].concat();
        let done = site.client("ann").input(script).run(&[]);
        done.fails(1).stdout("/\n");
        assert!(!done.err.contains("panicked"), "{}", done.tell());
    }
    site.miniftp("ann", &["ls"]).ok().stdout("");
}

#[test]
fn wildcards_are_expanded_on_either_side() {
    let (site, _daemon) = site();
    for name in ["a.txt", "b.txt", "c.dat", ".hidden.txt", "d/e.txt", "star*"] {
        write_file(site.local().join(name), name.as_bytes());
    }
    let script = "mkdir all\nput *.txt d/?.txt all\nls all\nput 'star*' all\nrm all/star\\*\n\
        rm all/[ab].txt\nls all\n-rm *.nix\n-put *.nix\nrm all/*\nls all\n";
    let said = site.client("ann").input(script).run(&["--no-progress"]);
    said.fails(1).stdout("a.txt\nb.txt\ne.txt\n");
}
