//! The only list of settings: section, key, type, default, form and meaning of each.
//!
//! From a row come the field of [`Config`] with its documentation, its reading from
//! conf/server.ini, the texts of its mistakes, the shipped file itself and the table in
//! docs/OPERATING.md.
//! Never: reads a file. Invariant: a setting has only values that its form reads.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::forms::{
    FILE_NAME, FTP_LISTEN, IPV4, LISTEN, LOG_FILE, LOOPBACK, LogFormat, PEM_FILE, PORTS, PROGRAM,
    PROXIES, Proxies, Rate, SIZE, USER,
};
use crate::accounts::register::Mode;
use crate::audit::HookCommand;
use crate::conffile::keys::{Key, Number, OneOf, Or, key};
use crate::digest::Algorithm;
use crate::limits;
use crate::tls::TlsMode;
use crate::transfer::Durability;

/// One setting, as files and documents have it.
pub struct Setting {
    /// The section.
    pub section: &'static str,
    help: &'static str,
    /// Whether it counts when the server starts and not before: an address is bound once, and a
    /// lock taken once.
    pub at_start: bool,
    pub(crate) key: Key<Config>,
}

impl Setting {
    /// The setting's name in its section.
    pub fn name(&self) -> &'static str {
        self.key.name
    }

    /// What it means, in a sentence or two.
    pub fn help(&self) -> &'static str {
        // A line of documentation begins with a space, which is also what joins two of them.
        self.help.trim_start()
    }

    /// What it is in these settings, as it stands in the file.
    pub fn text(&self, config: &Config) -> String {
        (self.key.text)(config)
    }
}

/// From the rows below: a struct for each section, with a documented field for each setting;
/// [`Config`] with a field for each section; and [`SETTINGS`].
///
/// A row is `key: type = default, form;` below its help. It may end in `, at_start = true`.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        [$section:ident] $Section:ident {
            $(
                $(#[doc = $help:literal])+
                $key:ident: $type:ty = $default:expr, $form:expr $(, at_start = $at_start:literal)?;
            )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $Section {
                $($(#[doc = $help])+ pub $key: $type,)+
            }

            impl Default for $Section {
                fn default() -> $Section {
                    $Section { $($key: $default,)+ }
                }
            }
        )+

        /// All settings: `config.server.idle_secs` is `idle_secs` in the section `[server]`.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $about])+ pub $section: $Section,)+
        }

        /// All settings, in the order of the file.
        pub static SETTINGS: &[Setting] = &[$($(
            Setting {
                section: stringify!($section),
                help: concat!($($help),+),
                at_start: false $(|| $at_start)?,
                key: key!(stringify!($key), Config.$section.$key, $form).or(""),
            },
        )+)+];
    };
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

settings! {
    /// Connections to the server, over either protocol.
    [server] ServerSettings {
        /// Where the server listens. 127.0.0.1 and ::1 are reached from this machine only, 0.0.0.0
        /// and :: from every network it is in.
        listen: SocketAddr = local(2020), LISTEN, at_start = true;
        /// Whom the server runs as when root starts it: a name, or numbers such as 1000 or
        /// 1000:1000. It has to be able to write in this directory and in the homes. none: root
        /// stays root, which is warned of.
        user: Option<String> = None, Or(USER, "none"), at_start = true;
        /// Whether connections are encrypted. required: without it nobody logs in, but by FTP with
        /// a temporary password. preferred: whenever the client can. auto: required of other
        /// machines, preferred on this one; by FTP what is required is that no password travels in
        /// clear. off: never.
        tls: TlsMode = TlsMode::Auto, OneOf(TlsMode::WORDS);
        /// The certificate of the server, a PEM file, with those that it was signed with behind it.
        /// own: the server makes one with its key, in tls-cert.pem and tls-key.pem beside this
        /// file. It is read again at HUP.
        certificate: Option<PathBuf> = None, Or(PEM_FILE, "own");
        /// The private key of that certificate, a PEM file that only the server can read.
        key: Option<PathBuf> = None, Or(PEM_FILE, "own");
        /// auto: once it serves, the kernel (Linux, Landlock) lets the server open only this
        /// directory, the homes, the mounts and the logs as they are named at the start, and begin
        /// no connections unless active is on for FTP. off: it may open whatever its user may.
        landlock: bool = true, OneOf(&[("auto", true), ("off", false)]), at_start = true;
        /// Proxies and balancers in front of the server, by their addresses or networks, separated
        /// by commas. Each of their connections has to begin with a PROXY header (version 2), and
        /// counts as that of whom the header names; a header from anybody else is refused. none:
        /// there are no proxies.
        proxies: Option<Proxies> = None, Or(PROXIES, "none");
        /// What the server may take of memory in the worst case, such as 512M. Settings whose
        /// limits allow more are refused, at the start and when they are edited; `miniftpd check`
        /// prints what they come to. The kernel's buffers of sockets are not counted. any: there is
        /// no budget.
        memory: Option<u64> = None, Or(SIZE, "any");
        /// Connections at one time, in all. Each costs some memory, and a thread while it is
        /// served.
        connections: usize = 2000, Number("a whole number", 1, 100_000);
        /// Connections at one time from one address, or from one network of 64 bits where the
        /// address is of IPv6. This machine itself is exempt.
        connections_per_address: usize = 200, Number("a whole number", 1, 100_000);
        /// Connections at one time that have not logged in yet. When there are so many, a newcomer
        /// takes the place of the one that has waited longest at the address that holds most; never
        /// of one whose password is being checked.
        connections_before_login: usize = 800, Number("a whole number", 1, 100_000);
        /// Connections before login from one address through each protocol, this machine included.
        /// Newcomers from there take the places of those that have waited longest there, for two
        /// seconds at least; if nobody has, they are refused for now.
        connections_before_login_per_address: usize = 100, Number("a whole number", 1, 100_000);
        /// Sessions of one account at one time, through both protocols together. Guests have a
        /// limit of their own. It should be far below connections_per_address, or one account could
        /// keep all others out of an address that they share.
        sessions_per_account: usize = 40, Number("a whole number", 1, 100_000);
        /// The time from the connection to the end of the login, all attempts together.
        login_secs: u64 = 60, Number("whole seconds", 1, 3600);
        /// A logged-in connection that makes no request for this long is closed.
        idle_secs: u64 = 600, Number("whole seconds", 1, 86_400);
        /// The time to finish a message that has begun. Over this time, a transfer must move at
        /// least 1 KiB a second.
        frame_secs: u64 = 30, Number("whole seconds", 1, 3600);
        /// How long running transfers have, when the server stops, to reach a point from which they
        /// can be resumed later.
        drain_secs: u64 = 10, Number("whole seconds", 0, 3600);
    }

    /// Failed logins.
    [login] LoginSettings {
        /// How long the answer to a failed login waits. Each further failure of the account's name,
        /// the address or the connection doubles it. 0: it never waits.
        delay_millis: u64 = 250, Number("whole milliseconds", 0, 60_000);
        /// The longest of these waits: it slows whoever guesses, and a typing error is forgiven.
        delay_most_millis: u64 = 4000, Number("whole milliseconds", 0, 60_000);
        /// After so many failed logins as one account from one network (/24, or /64 of IPv6)
        /// further ones from there are answered one at a time; a right password is accepted. It was
        /// called ban_after, which is still read.
        slow_after: u32 = 10, Number("a whole number", 2, 1000);
        /// The time from one of these failures to the next attempt: 30 leave 2,880 guesses a day.
        slow_secs: u64 = 30, Number("whole seconds", 1, 30);
        /// Failed logins a minute as one account from all networks together; further attempts wait.
        /// Networks from which the account has logged in within 90 days neither count nor wait.
        failures_per_minute: u32 = 20, Number("a whole number", 1, 1000);
        /// After so many failed logins from one address, or one network of 64 bits of IPv6, nobody
        /// comes in from there for a while; of one account at most slow_after count. This machine
        /// itself is exempt. Many people may share an address.
        ban_address_after: u32 = 30, Number("a whole number", 2, 1000);
        /// Failed logins count for so long.
        ban_within_secs: u64 = 600, Number("whole seconds", 1, 86_400);
        /// The first ban. Each further one of the same is twice as long, up to a day, until a day
        /// has passed without one.
        ban_secs: u64 = 600, Number("whole seconds", 1, 86_400);
    }

    /// The FTP listener and its connections.
    [ftp] FtpSettings {
        /// Where the server listens for FTP clients. off: no FTP.
        listen: Option<SocketAddr> = Some(local(2121)), Or(FTP_LISTEN, "off"), at_start = true;
        /// Whether the server connects to clients that ask for it (PORT, EPRT). off: they are asked
        /// to connect to the server (PASV, EPSV), and the kernel lets the server begin no
        /// connection at all.
        active: bool = true, OneOf(&[("on", true), ("off", false)]);
        /// Where the server listens for FTP clients that encrypt from the first byte (implicit TLS,
        /// usually port 990). off: they say AUTH TLS to the other one.
        implicit: Option<SocketAddr> = None, Or(FTP_LISTEN, "off"), at_start = true;
        /// Whether an encrypted data connection must continue the session of its control
        /// connection. require: a client that cannot do that transfers nothing. prefer: where it
        /// does not, its address must be that of the control connection, as without encryption.
        resumption: bool = false, OneOf(&[("prefer", false), ("require", true)]);
        /// Ports for passive data connections, so that a firewall can let them through.
        passive_ports: Option<RangeInclusive<u16>> = None, Or(PORTS, "any");
        /// The address that PASV returns. own: the one that the client connected to. Behind address
        /// translation, set the outer one.
        passive_address: Option<Ipv4Addr> = None, Or(IPV4, "own");
        /// A data connection must come about in so long; a passive port is closed after it.
        data_secs: u64 = 30, Number("whole seconds", 1, 3600);
        /// A transfer that stands still for so long, or is slower than min_rate over so long, is
        /// ended. Clients that limit their rate may read nothing for a minute or more.
        stall_secs: u64 = 300, Number("whole seconds", 1, 3600);
        /// Bytes a second below which a transfer is ended. 0: it may be as slow as it likes, but
        /// must not stand still.
        min_rate: u64 = 1024, SIZE;
        /// From where a login in clear is taken. anywhere: whoever can read the line can read the
        /// password.
        clear_passwords: bool = false, OneOf(&[("loopback", false), ("anywhere", true)]);
        /// For how many days at most an account may make itself a temporary password
        /// (`ftp-password` of the client): one is taken from everywhere in clear, for clients that
        /// cannot encrypt, on a network that its owner trusts. off: none is made or taken.
        temporary_days: Option<u64> = Some(30), Or(Number("whole days", 1, 3650), "off");
        /// The upload of an FTP client that was killed ends like one that is complete. Before an
        /// upload replaces a file, the control connection is therefore watched for this long, to
        /// see whether it ends too. Between machines that are far apart it should be longer.
        grace_millis: u64 = 20, Number("whole milliseconds", 0, 10_000);
    }

    /// Anonymous logins.
    [guests] GuestSettings {
        /// yes: whoever logs in as anonymous is let in without a password, from anywhere. Guests
        /// read home/anonymous and what conf/mounts.ini mounts for them.
        anonymous: bool = false, OneOf(&[("no", false), ("yes", true)]);
        /// Guests at one time.
        sessions: usize = 20, Number("a whole number", 1, 100_000);
        /// How long the server may compute the digest of a file for a guest; it does so for one
        /// guest at a time. Guests can fetch the file and compute it themselves.
        digest_secs: u64 = 30, Number("whole seconds", 1, 86_400);
    }

    /// How fast content travels.
    [rates] RateSettings {
        /// What each account may send to the server, over both protocols and in all its sessions
        /// together, which share it equally. Only the content of files counts.
        account_up: Option<u64> = None, Or(Rate, "unlimited");
        /// What each account may fetch, counted in the same way.
        account_down: Option<u64> = None, Or(Rate, "unlimited");
        /// What all guests together may send: if each had a rate, opening more sessions would give
        /// more. The rates of accounts do not apply to guests.
        guest_up: Option<u64> = None, Or(Rate, "unlimited");
        /// What all guests together may fetch.
        guest_down: Option<u64> = None, Or(Rate, "unlimited");
        /// What everybody together may send. Accounts share it equally, however many sessions each
        /// has; all guests count as one account.
        all_up: Option<u64> = None, Or(Rate, "unlimited");
        /// What everybody together may fetch, shared in the same way.
        all_down: Option<u64> = None, Or(Rate, "unlimited");
    }

    /// What is stored, and how safely.
    [storage] StorageSettings {
        /// full: a file is reported as stored only when it would survive a power cut. none: faster,
        /// but a power cut can lose files that were reported as stored.
        durability: Durability = Durability::Full,
            OneOf(&[("full", Durability::Full), ("none", Durability::None)]);
        /// How long an unfinished upload is kept, so that its owner can resume it.
        part_days: u64 = 7, Number("whole days", 1, 3650);
        /// What uploads leave free on the disk, whatever the quotas say, so that accounts and logs
        /// can still be written. 0 leaves nothing.
        min_free: u64 = 16 << 20, SIZE;
        /// Whether other machines can use the same homes. yes: the lock of the homes is renewed
        /// every second, so that a server on another machine knows of this one. no: the lock of
        /// this machine's kernel is enough. auto: yes on network file systems and FUSE.
        shared: Option<bool> = None,
            OneOf(&[("auto", None), ("yes", Some(true)), ("no", Some(false))]), at_start = true;
        /// How many names (inodes) uploads and new directories leave free on the disk, where it has
        /// a fixed number of them.
        min_free_entries: u64 = 1000, Number("a whole number", 0, 1_000_000_000);
        /// How many entries (files, directories, unfinished uploads) an account or a mount may have
        /// if it does not say so itself. A name takes room on the disk even if its file is empty.
        entries: u64 = 100_000, Number("a whole number", 1, 1_000_000_000);
    }

    /// How content travels.
    [transfer] TransferSettings {
        /// How transfers are checked for damage. auto measures both sides and takes the digest that
        /// is faster on the slower side.
        digest: Option<Algorithm> = None,
            OneOf(&[
                ("auto", None),
                ("md5", Some(Algorithm::Md5)),
                ("blake3", Some(Algorithm::Blake3)),
            ]);
    }

    /// New accounts and new passwords.
    [accounts] AccountSettings {
        /// How often a new password is hashed. More makes guessing costlier for anyone who steals
        /// the records, and each login slower for the client.
        iterations: u32 = 100_000,
            Number("a whole number", limits::ITERATIONS_LEAST, limits::ITERATIONS_MOST);
        /// What a new account may store if nothing else is said. 0 is nothing at all.
        default_quota: u64 = 100 << 20, SIZE;
    }

    /// Requests for accounts.
    [registration] RegistrationSettings {
        /// Who can register from the client. open: everybody, at once. ask: the operator approves;
        /// whoever is on conf/class.csv or has an invitation from conf/invites.ini is let in at
        /// once. invite: only with an invitation. closed: nobody.
        mode: Mode = Mode::Ask, OneOf(Mode::WORDS);
        /// Requests that wait for an answer at one time. With mode = open: requests in a day.
        waiting: usize = 200, Number("a whole number", 1, 1000);
        /// Requests from one address within a day. This machine itself is exempt.
        per_address: usize = 5, Number("a whole number", 1, 1000);
        /// How long an answered request is kept, so that the applicant can ask.
        keep_days: u64 = 30, Number("whole days", 1, 3650);
    }

    /// Texts for the users.
    [words] TextSettings {
        /// The file in conf/ that FTP shows in its 220 greeting, to everybody who connects and
        /// before any login. Nothing in it is replaced. The framed protocol greets programs only.
        greeting: Option<String> = None, Or(FILE_NAME, "none");
        /// The file in conf/ that is shown after a login. {user}, {used}, {quota} and {sessions} in
        /// it are replaced. An edit counts at the next login; without the file nothing is said.
        welcome: Option<String> = Some("welcome.txt".into()), Or(FILE_NAME, "none");
        /// The file in conf/ that is shown when a client logs out, with the same replacements.
        goodbye: Option<String> = Some("goodbye.txt".into()), Or(FILE_NAME, "none");
        /// A file of this name in a directory is shown to anyone who enters the directory and may
        /// read there.
        folder: Option<String> = Some(".message".into()), Or(FILE_NAME, "none");
    }

    /// The log.
    [log] LogSettings {
        /// Where the log is written; a name that does not begin with / is below the directory of
        /// this file. The file is reopened at HUP. off: standard error.
        file: Option<PathBuf> = None, Or(LOG_FILE, "off");
        /// people: a line that reads as a sentence. json: one object a line, for programs.
        format: LogFormat = LogFormat::People,
            OneOf(&[("people", LogFormat::People), ("json", LogFormat::Json)]);
        /// A second file with a line for each transfer, in the form that wu-ftpd and vsftpd write
        /// and that programs for statistics read.
        xferlog: Option<PathBuf> = None, Or(LOG_FILE, "off");
    }

    /// Programs that are run after something has happened.
    [hooks] HookSettings {
        /// Run after a file was stored, with the file as its last argument. There is no shell; a
        /// name that does not begin with / is below the directory of this file.
        upload: Option<HookCommand> = None, Or(PROGRAM, "none");
        /// Run after a login, with the account's name as its last argument.
        login: Option<HookCommand> = None, Or(PROGRAM, "none");
        /// Run after somebody asked for an account, with the request's number as its last argument.
        registration: Option<HookCommand> = None, Or(PROGRAM, "none");
        /// How many of these programs run at one time. Up to 1,000 further events wait; nobody
        /// waits for them.
        running: usize = 4, Number("a whole number", 1, limits::HOOKS_RUNNING);
        /// How long one may run before it is ended.
        secs: u64 = 60, Number("whole seconds", 1, 86_400);
    }

    /// Figures for monitoring.
    [metrics] MetricsSettings {
        /// Where the figures can be fetched by HTTP, in the text form of Prometheus. Whoever is on
        /// this machine can read them; there is no login.
        listen: Option<SocketAddr> = None, Or(LOOPBACK, "off"), at_start = true;
    }
}
