//! Documents that must follow the program do.

use std::fs;
use std::path::Path;

use miniftp::admin::ADMIN_COMMANDS;
use miniftp::config;
use miniftp::protocols::ftp::{SITE_VERBS, VERBS, VerbNeeds, admin_rows};
use miniftp::protocols::metrics::METRICS;

use crate::harness::Site;

#[path = "../../benches/throughput/report/mod.rs"]
#[allow(dead_code, reason = "the bench makes and prints what is only read here")]
mod report;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_settings_table_of_the_manual_is_the_programs() {
    let manual = document("docs/OPERATING.md");
    assert!(manual.contains(config::markdown().trim()), "expected:\n{}", config::markdown());
}

/// Of everything that the server makes in its own directory the manual says what it is.
#[test]
fn operating_md_says_what_lies_where() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.put("part", 100_000, 0).expect(802);
    ann.store("f", b"content", 0).expect(900);
    ann.rm("f", false).expect(200);
    site.miniftpd(&["account", "remove", "bob", "--files"], "").ok();
    let mut found = std::collections::BTreeSet::new();
    let mut look = || {
        for entry in fs::read_dir(site.home().join(".miniftp")).unwrap() {
            found.insert(entry.unwrap().file_name().into_string().unwrap());
        }
    };
    look();
    drop(ann);
    daemon.term();
    daemon.wait();
    look();
    let manual = document("docs/OPERATING.md");
    let table = manual.split("\n## What lies where\n").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    assert!(found.len() > 5, "{found:?}");
    for name in found {
        let is_named = table.contains(&format!("| `home/.miniftp/{name}"));
        assert!(is_named, "home/.miniftp/{name} is not in the table");
    }
}

#[test]
fn the_readme_names_every_shipped_account_and_document() {
    let readme = document("README.md");
    for account in ["`alex` (alex-demo)", "`wenjie` (wenjie-demo)", "`admin` (admin-demo)"] {
        assert!(readme.contains(account), "{account}");
    }
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(readme.contains(&format!("docs/{name}")), "README.md does not lead to docs/{name}");
    }
}

/// A text as code, in a cell of a table.
fn cell(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("`{}`", text.replace('|', "\\|")),
    }
}

#[test]
fn ftp_md_lists_what_site_knows() {
    let mut table =
        String::from("| SITE | argument | who | what it does |\n| --- | --- | --- | --- |");
    let rows = SITE_VERBS.iter().map(|row| {
        let who = match row.needs {
            VerbNeeds::Nobody => "anybody",
            VerbNeeds::Login => "who is logged in",
            VerbNeeds::Admin => "admins",
        };
        (row.verb.to_owned(), row.form.to_owned(), who, row.about)
    });
    let of_admins = admin_rows().map(|(form, about)| {
        let (verb, form) = form.split_once(' ').unwrap_or((&form, ""));
        (verb.to_owned(), form.to_owned(), "admins", about)
    });
    for (verb, form, who, about) in rows.chain(of_admins) {
        table += &format!("\n| {} | {} | {who} | {about} |", cell(&verb), cell(&form));
    }
    let manual = document("docs/FTP.md");
    assert!(manual.contains(&table), "docs/FTP.md, expected:\n{table}");
}

#[test]
fn operating_md_lists_the_admin_commands() {
    let mut table = String::from(
        "| command | options | also called | needs | in the log | what it does |\n\
         | --- | --- | --- | --- | --- | --- |",
    );
    for row in ADMIN_COMMANDS {
        let (short, form) = (row.short_form(), row.form());
        let options = cell(form[short.len()..].trim_start());
        let aliases: Vec<String> = row.aliases.iter().map(|alias| cell(alias)).collect();
        let (aliases, needs) = (aliases.join(", "), row.needs_text());
        let verb = cell(row.verb.map_or("", |verb| verb.name()));
        let (short, about) = (cell(&short), row.about);
        table += &format!("\n| {short} | {options} | {aliases} | {needs} | {verb} | {about} |");
    }
    let manual = document("docs/OPERATING.md");
    assert!(manual.contains(&table), "docs/OPERATING.md, expected:\n{table}");
}

#[test]
fn operating_md_lists_the_metrics() {
    let mut table = String::from("| metric | kind | what |\n| --- | --- | --- |");
    for metric in METRICS {
        table += &format!("\n| {} | {} | {} |", cell(metric.name), metric.kind, metric.help);
    }
    let manual = document("docs/OPERATING.md");
    assert!(manual.contains(&table), "docs/OPERATING.md, expected:\n{table}");
}

#[test]
fn ftp_md_lists_the_verbs() {
    let mut table =
        String::from("| verb | argument | RFC | what it does |\n| --- | --- | --- | --- |");
    for row in VERBS {
        let (verb, form) = (cell(row.verb), cell(row.form));
        table += &format!("\n| {verb} | {form} | {} | {} |", row.rfc, row.about);
    }
    let manual = document("docs/FTP.md");
    let (_, rest) = manual.split_once("<!-- verbs -->\n").expect("where the table begins");
    let (found, _) = rest.split_once("\n<!-- end -->").expect("where the table ends");
    assert!(found.trim() == table, "docs/FTP.md, expected:\n{table}");
}

/// Figures in a document that nobody measured would be worth less than none.
#[test]
fn performance_md_has_the_figures_of_the_recorded_run() {
    let record = report::record::Record::from_json(&document("docs/performance/last.json"));
    let record = record.unwrap();
    let (manual, again) =
        (document("docs/PERFORMANCE.md"), "`cargo bench --bench throughput -- --draw`");
    assert!(record.put_into(&manual).unwrap() == manual, "docs/PERFORMANCE.md: run {again}");
    for workload in record.workloads() {
        let plot = format!("docs/performance/{workload}.svg");
        assert!(document(&plot).contains("</svg>"), "{plot}: run {again}");
    }
    assert_eq!(report::record::Record::from_json(&record.to_json()).unwrap(), record);
}

/// A plot over sizes is drawn from a run that was kept.
#[test]
fn sizes_of_a_recorded_run_are_read_again() {
    use report::{record::Record, record::Row, size::Size};
    let mut record = Record::from_json(&document("docs/performance/last.json")).unwrap();
    let like = Row { workload: "sizes".to_owned(), ..record.rows.first().unwrap().clone() };
    for (size, text) in
        [(Size::Files(1_000_000), "1,000,000 files"), (Size::Bytes(1 << 34), "16 GiB")]
    {
        let (client_kib, server_kib) = (vec![4096.0], vec![8192.0]);
        record.rows.push(Row { size: Some(size), client_kib, server_kib, ..like.clone() });
        let table = record.cells("sizes").as_markdown();
        assert!(
            table.contains(&format!("| {text} |")) && table.contains("| 4,096 KiB |"),
            "{table}"
        );
    }
    assert_eq!(Record::from_json(&record.to_json()).unwrap(), record);
}
