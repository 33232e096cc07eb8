//! The same work by FTP: one large file by curl, many small ones by lftp, with every server that
//! is there.

use super::peers::Server;
use super::table::Table;
use super::{Bench, RUNS, Result, runs, same};

/// Both tables, as far as the clients are installed.
pub(crate) fn print(bench: &Bench, servers: &[&Server]) -> Result<()> {
    println!("by FTP{:34} {:>12} {:>8} {:>9}", "", "rate", "to cp", "to vsftpd");
    if runs("curl") {
        large(bench, servers)?;
    } else {
        println!("without curl: it is not installed");
    }
    if runs("lftp") {
        small(bench, servers)?;
    } else {
        println!("without lftp: it is not installed");
    }
    Ok(())
}

fn large(bench: &Bench, servers: &[&Server]) -> Result<()> {
    let mut table = Table::new("MB/s", bench.large_mib as f64 * 1.048_576);
    for round in 0..=RUNS {
        table.note(round, "cp", bench.time("cp", &["large.bin", "copied.bin"])?);
        bench.remove("copied.bin");
        for server in servers {
            let (user, password) = server.login;
            let (port, folder) = (&server.ftp_port, server.folder.0);
            let url = format!("ftp://{user}:{password}@127.0.0.1:{port}/{folder}l.bin");
            let put = bench.time("curl", &["-sS", "-T", "large.bin", &url])?;
            table.note_with(round, "curl put", server.name, put);
            let get = bench.time("curl", &["-sS", "-o", "got.bin", &url])?;
            table.note_with(round, "curl get", server.name, get);
            same(&bench.root.join("large.bin"), &bench.root.join("got.bin"))?;
            bench.remove("got.bin");
            let (port, delete) = (&server.ftp_port, format!("DELE {folder}l.bin"));
            let url = format!("ftp://{user}:{password}@127.0.0.1:{port}/");
            bench.time("curl", &["-sS", "-l", "-Q", &delete, &url])?;
        }
    }
    table.print();
    Ok(())
}

fn small(bench: &Bench, servers: &[&Server]) -> Result<()> {
    let mut table = Table::new("files/s", bench.small_files as f64);
    for round in 0..=RUNS {
        table.note(round, "cp -r", bench.time("cp", &["-r", "small", "copied"])?);
        bench.remove("copied");
        for server in servers {
            let folder = server.folder.0;
            let put = bench.lftp(server, &format!("mirror -R -p small {folder}s"))?;
            table.note_with(round, "lftp mirror -R", server.name, put);
            let get = bench.lftp(server, &format!("mirror -p {folder}s got"))?;
            table.note_with(round, "lftp mirror", server.name, get);
            let equal = bench.time("diff", &["-r", "small", "got"]);
            equal.map_err(|_| "the tree differs")?;
            bench.remove("got");
            bench.lftp(server, &format!("rm -r {folder}s"))?;
        }
    }
    table.print();
    Ok(())
}

impl Bench {
    /// Seconds of one command of lftp.
    fn lftp(&self, server: &Server, command: &str) -> Result<f64> {
        let (user, password) = server.login;
        let commands = format!(
            "set net:max-retries 1; set cmd:fail-exit yes; set ftp:ssl-allow no; {command}; bye"
        );
        let who = format!("{user},{password}");
        self.time("lftp", &["-u", &who, "-p", &server.ftp_port, "127.0.0.1", "-e", &commands])
    }
}
