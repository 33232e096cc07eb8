//! Every ceiling of the program on one page: name, unit, reason.
//!
//! What an operator may want to change is a setting instead (conf/server.ini); its bounds stand
//! there. Each line here is attacked from outside by tests/all/limits/.

pub mod memory;

use std::sync::LazyLock;
use std::time::Duration;

/// Bytes in front of every frame: head length, data length, checksum.
pub const FRAME_PREFIX: usize = 12;
/// Bytes of a whole frame before login. A greeting and a login need under 600.
pub const FRAME_BEFORE_LOGIN: usize = 4 * 1024;
/// Bytes of a frame's head after login: the longest path and the digests of a full data frame fit
/// twenty times; listings are cut into heads of half of this.
pub const FRAME_HEAD: usize = 64 * 1024;
/// Bytes of a frame's data: large writes are what makes a transfer fast, and 1 MiB is where the
/// curve is flat (2,900 MB/s, against 1,500 with 64 KiB).
pub const FRAME_DATA: usize = 1024 * 1024;

/// Bytes of a chunk, the unit of digest and resume.
pub const CHUNK: usize = 64 * 1024;
/// Chunks that one data frame may carry.
pub const CHUNKS_IN_FRAME: usize = FRAME_DATA / CHUNK;
/// Chunks whose digests one upload holds in memory before they are settled in order (512 KiB of
/// digests): the window of a comparison, and the most that damaged chunks can hold others up.
pub const CHUNKS_UNSETTLED: usize = 16 * 1024;
/// Times that one chunk is asked for again before the transfer fails.
pub const CHUNK_TRIES: u32 = 3;
/// Bytes of content that are moved at once where both sides are fast; see `transfer::Block`.
pub const CONTENT_BLOCK: usize = 256 * 1024;
/// The same with md5: as many chunks as are digested side by side.
pub const CONTENT_BLOCK_MOST: usize = 512 * 1024;
/// Bytes of a file that may travel inside a single request.
pub const STORE_INLINE: usize = FRAME_DATA;

/// Bytes of a line of FTP's control connection, without the LF: a verb and a path, which the
/// kernel does not take much longer either ([`PATH`]).
pub const FTP_LINE: usize = 4096;
/// Commands that come while another one runs and are kept for its end, each of at most a line. An
/// `ABOR` is read behind them, and not behind more.
pub const FTP_PENDING: usize = 32;

/// Bytes of a path on the wire, as the kernel's PATH_MAX.
pub const PATH: usize = 4096;
/// Bytes of one name in a path, as in every Linux file system.
pub const NAME: usize = 255;
/// Folders in one path: deep enough for people, shallow enough for a walk that never recurses.
pub const DEPTH: usize = 64;
/// Directories above one another on the host's disk: what a path of [`PATH`] bytes can name.
pub const DEPTH_ON_DISK: usize = PATH / 2;
/// Bytes of a line of text in an answer.
pub const TEXT: usize = 2048;
/// Bytes of a SCRAM message (RFC 5802 names no bound; ours need under 300).
pub const SCRAM_MESSAGE: usize = 1024;
/// Bytes of a password.
pub const PASSWORD: usize = 1024;
/// Bytes of an account's name.
pub const ACCOUNT_NAME: usize = 32;
/// Least PBKDF2 iterations that either side accepts (RFC 7677, section 4).
pub const ITERATIONS_LEAST: u32 = 4096;
/// Most iterations that a client computes for a server it does not know: about half a second.
pub const ITERATIONS_MOST: u32 = 5_000_000;
/// How many times the iterations of the setting a record may have whose password arrives in clear:
/// records stay good that were made under a higher setting, and none, made by hand, keeps everybody
/// else's login waiting.
pub const ITERATIONS_SLACK: u32 = 4;
/// How long a connection that has not logged in keeps its place though others of its address, or of
/// one that holds as many, would have it: a login by a program takes a few tenths of a second, on a
/// busy machine a second.
pub const SLOT_KEPT: Duration = Duration::from_secs(2);
/// Logins in clear that wait until their password can be checked: fewer than there are places
/// before login by the shipped settings.
pub const DERIVATIONS_WAITING: usize = 256;
/// Connections before login from one address: fewer than it has places before login by the shipped
/// settings, so that beside a flood a client whose password is remembered still finds a place.
pub const DERIVATIONS_WAITING_PER_ADDRESS: usize = 64;
/// How many times as long as it computed a derivation pauses if the password was wrong, so that a
/// flood of guesses leaves downloads four fifths of their rate on two cores.
pub const DERIVATION_RESTS: u32 = 5;
/// How long a login in clear waits for its turn: what a slow board needs for fifty.
pub const DERIVATION_WAIT: Duration = Duration::from_secs(30);
/// How often an answer that is held back looks whether the server stops.
pub const PENDING_LOOK: Duration = Duration::from_millis(100);
/// Login attempts of one connection before it is closed.
pub const LOGIN_TRIES: u32 = 6;

/// How long a change of a file waits for another program that changes one, which takes
/// milliseconds. Whoever only keeps house does not wait at all.
pub const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How long a server waits to write when it leaves.
pub const LOCK_WAIT_LAST: Duration = Duration::from_secs(2);
/// Bytes of conf/accounts.ini: about 10,000 accounts.
pub const ACCOUNTS_FILE: u64 = 4 * 1024 * 1024;
/// Bytes of conf/registrations.ini: about 4,000 requests.
pub const REGISTRATIONS_FILE: u64 = 1024 * 1024;
/// Requests that are kept, answered ones included; beyond them the oldest answered one is
/// forgotten.
pub const REGISTRATIONS: usize = 2000;
/// Bytes of conf/invites.ini and of conf/class.csv, each: a big school.
pub const LIST_FILE: u64 = 256 * 1024;
/// Bytes of the reason that goes with a refused request, and of a remark: one line of a terminal
/// and a half.
pub const REMARK: usize = 200;
/// Bytes of an invitation's code.
pub const INVITATION: usize = 64;
/// Announcements of requests that wait for an operator's terminal to take them.
pub const ANNOUNCEMENTS: usize = 64;
/// Connections of `miniftpd account` to the running server at one time: an operator types one
/// command after the other, and a script runs a few beside each other.
pub const LOCAL_CONNECTIONS: usize = 8;
/// How long such a connection may take to say what it wants, and to read the answer.
pub const LOCAL_WAIT: Duration = Duration::from_secs(10);
/// Bytes of a line that the operator types.
pub const CONSOLE_LINE: usize = 4096;
/// How long the sessions of an account that is to be removed are waited for.
pub const REMOVAL_WAIT: Duration = Duration::from_secs(5);
/// Names of removed accounts that are kept, an empty file each: as many as there can be accounts.
pub const FORMER_NAMES: usize = 10_000;
/// How long an attempt waits for its turn where others have failed, before it is refused without a
/// look at the password: two turns of the longest kind, and as long as a login may take.
pub const ATTEMPT_WAIT: Duration = Duration::from_secs(60);
/// How long an attempt that ended before its turn keeps its place in the line, for whoever makes it
/// again: a person types a password in that time.
pub const POSITION_KEPT: Duration = Duration::from_secs(120);
/// How long an attempt must have waited to keep its place: connections that come and go fill no
/// memory.
pub const POSITION_EARNED: Duration = Duration::from_secs(5);
/// Places in line that are kept, about 100 bytes each; beyond them the youngest goes.
pub const POSITIONS_KEPT: usize = 4096;
/// Days that a network is remembered from which an account has logged in: longer than any holidays.
pub const FAMILIAR_DAYS: i64 = 90;
/// Networks that are remembered of one account: home, work, school, and those of a journey.
pub const NETWORKS_OF_ACCOUNT: usize = 16;
/// Networks of all accounts, about 200 bytes each: two for as many accounts as there can be.
pub const NETWORKS: usize = 20_000;
/// Bytes of conf/networks.ini: twice what these need.
pub const NETWORKS_FILE: u64 = 4 * 1024 * 1024;
/// Failed logins that are remembered of accounts, of names that no account has, and of addresses,
/// so many of each, about 150 bytes each; beyond them the oldest goes of whoever failed least, and
/// of an address first what was no account's, so that made-up names push no real count out.
pub const FAILURES: usize = 8192;
/// Bans of addresses that failed as an account, of other addresses, and by hand: so many of each,
/// ended ones that are remembered included. Of the automatic ones beyond it that goes which ends
/// first.
pub const BANS: usize = 2000;
/// Bytes of conf/bans.ini: all the bans that there can be.
pub const BANS_FILE: u64 = 4 * 1024 * 1024;
/// The longest automatic ban; each of the same is twice as long as the one before.
pub const BAN_MOST: Duration = Duration::from_secs(24 * 3600);
/// How long after its end a ban still makes the next one of the same longer.
pub const BAN_MEMORY: Duration = Duration::from_secs(24 * 3600);
/// How often conf/bans.ini is written at most for automatic bans.
pub const BANS_PAUSE: Duration = Duration::from_secs(1);
/// Temporary passwords of one account at one time: one for each device that cannot encrypt.
pub const TEMPORARY_OF_ACCOUNT: usize = 20;
/// Temporary passwords of all accounts, about 450 bytes each: one for every fifth account.
pub const TEMPORARY: usize = 2000;
/// Bytes of conf/ftp-passwords.ini: twice what these need.
pub const TEMPORARY_FILE: u64 = 2 * 1024 * 1024;
/// Logins that a temporary password may be limited to; more are no limit that anybody means.
pub const TEMPORARY_USES: u32 = 1_000_000;
/// Bytes of a text that a server says: to newcomers, at parting, on entering a folder.
pub const GREETING_FILE: usize = 4 * 1024;
/// Lines of such a text: two screens.
pub const GREETING_LINES: usize = 50;
/// Bytes of a line of it: old FTP clients keep 512 of a reply, and some take no more than 8,192.
pub const GREETING_LINE: usize = 500;
/// Bytes of conf/server.ini.
pub const SETTINGS_FILE: u64 = 256 * 1024;
/// Bytes of a PEM file with a key, or with certificates.
pub const CREDENTIALS_FILE: u64 = 256 * 1024;

/// Bytes of a file that are copied on the server between two looks at the client: some hundredths
/// of a second on a disk, and a second on a slow card.
pub const COPY_STEP: u64 = 8 * 1024 * 1024;

/// Bytes of names that a listing keeps at once to tell them in order, some 45,000 of 20 bytes: as
/// much as the buffers of a transfer, which does not run meanwhile.
pub const LISTING_RUN: usize = 3 * 1024 * 1024;

/// Bytes of a listing, as they travel, that a client keeps at once where it cannot use them one by
/// one: a directory of a million files. It is not for the server to say how much memory that takes.
pub const LISTING_KEPT: u64 = 64 * 1024 * 1024;
/// Rows of any other answer: all accounts, all unfinished uploads.
pub const ROWS_KEPT: u64 = 16 * 1024 * 1024;
/// Cells of an answer to an admin command, and its rows, about 32 bytes of memory each: 70,000
/// accounts with all that is shown of them.
pub const ANSWER_CELLS: usize = 1_000_000;
/// Bytes of the paths of directories that wait to be fetched, while the ones before them are.
pub const TREE_WAITING: usize = 64 * 1024 * 1024;

/// Bytes of directory names that a walk through a tree keeps at once: some 4,000 names.
pub const WALK_NAMES: usize = 256 * 1024;
/// Owners of files that are counted separately in one directory: as many as there can be accounts.
pub const FILE_OWNERS: usize = 10_000;
/// Levels that a walk goes down. Users reach [`DEPTH`]; what an operator makes deeper than this
/// counts as empty, so that a walk's memory has an end.
pub const WALK_DEPTH: usize = 4096;
/// How long a login waits for the first count of what its account stores. A home of some 10,000
/// files is counted by then; what takes longer is waited for by whoever needs the figures.
pub const COUNT_PATIENCE: Duration = Duration::from_millis(250);
/// Entries of a directory from which on a server that stops keeps what it counted: fewer are
/// counted again while a login waits.
pub const COUNT_KEPT: u64 = 10_000;
/// Bytes of the record of that: 60 for each home, and 30 for each owner of files in a mount. What
/// does not fit is counted again.
pub const COUNTS_FILE: u64 = 1024 * 1024;
/// How often whoever waits for a count looks whether it is still wanted.
pub const COUNT_LOOK: Duration = Duration::from_millis(100);

/// How long a mount's directory is waited for until it counts as not there: longer than a busy disk
/// or network takes for one look, short enough for whoever logs in meanwhile.
pub const MOUNT_WAIT: Duration = Duration::from_secs(2);
/// Wait for the whole opening of a mount whose directory has answered: its lock may have to be
/// watched, see [`LOCK_WATCH`] and [`LOCK_SETTLE`].
pub const MOUNT_OPENING: Duration = Duration::from_secs(20);
/// Threads that wait for the file systems of mounts.
pub const MOUNT_THREADS: usize = 64;

/// Bytes of a file whose sync is short enough to be waited for in silence.
pub const SYNC_UNWATCHED: u64 = 4 * 1024 * 1024;
/// Files that came without digests and wait to be digested: with their paths under 5 MiB. Of what
/// comes beyond that the digests are made when somebody asks for them.
pub const UNDIGESTED: usize = 1024;
/// How long a file must not have changed before its digests are made by reading it: the clock that
/// tells a later change from this one moves in steps of up to 10 ms.
pub const DIGEST_REST: Duration = Duration::from_secs(2);
/// How much longer the thread that digests such files rests than it computes: a low priority says
/// who gets a core, and not to which core a transfer had better move.
pub const DIGEST_RESTS: u32 = 3;
/// Bytes of a stream of unknown length that wait in memory before a part is made for it.
pub const STREAMING_SMALL: usize = 64 * 1024;
/// Names for which a session remembers that an upload of unknown size found no room.
pub const REFUSALS: usize = 64;
/// Files of one account that it has stored where it may not read, and still may rename, date and
/// look at, which clients do at once.
pub const DROPPED: usize = 64;
/// All accounts together, some 300 bytes each.
pub const DROPPED_ALL: usize = 4096;
/// Unfinished uploads of one account: empty ones cost no quota, but a name on the disk each.
pub const PARTS: usize = 1000;
/// Files and directories that get another owner in one move, 24 bytes of memory for each: more are
/// moved in several steps.
pub const MOVED_ENTRIES: usize = 1_000_000;
/// Small files that are committed together before their answers leave.
pub const GROUP_FILES: usize = 256;
/// Files of a group where each is synced by itself, on a thread of its own: then the wait is for a
/// network, and each file holds three descriptors.
pub const GROUP_SINGLY: usize = 4;
/// Bytes of files that are committed together.
pub const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a connection's thread stack: nothing recurses, a panic with its trace needs 32 KiB.
pub const THREAD_STACK: usize = 256 * 1024;
/// Bytes that a connection reads at once after a rest.
pub const REST_BUFFER: usize = 512;
/// Bytes that a busy connection reads at once, and collects before it writes.
pub const BUSY_BUFFER: usize = 64 * 1024;
/// Bytes that are encrypted before they are sent: four records.
pub const TLS_BLOCK: usize = 64 * 1024;
/// Bytes of a PROXY header behind its first sixteen: two addresses, and room for what is added.
pub const PROXY_HEADER: usize = 1024;
/// How long a proxy may take to say whose connection it is: it sends that with the connection.
pub const PROXY_WAIT: Duration = Duration::from_secs(5);
/// Connections of proxies at one time of which it is not known yet whose they are.
pub const PROXY_WAITING: usize = 200;
/// Connections of proxies at a passive port that have not said whose they are; the oldest one goes
/// when there are more.
pub const PROXY_UNNAMED: usize = 16;
/// How often it is looked whether they have.
pub const PROXY_LOOK: Duration = Duration::from_millis(5);
/// Bytes of the state of an encrypted connection that rests.
pub const TLS_STATE: usize = 45 * 1024;

/// A connection that stays silent this long gives its buffers and its thread back, and rests.
pub const REST_AFTER: Duration = Duration::from_secs(1);
/// A claim whose session has shown no life for this long may be taken over by the same account.
pub const CLAIM_STUCK: Duration = Duration::from_millis(500);
/// How often whoever waits for a claim looks whether its holder got stuck.
pub const CLAIM_LOOK: Duration = Duration::from_millis(20);
/// How long an operation waits for another one that is changing the same name, before it is
/// refused: of two that remove a file at once the second finds it gone.
pub const CLAIM_WAIT: Duration = Duration::from_secs(1);
/// Bytes a second that must move inside a frame: a byte now and then does not hold a place.
pub const PACE: u64 = 1024;
/// How long a client that is to be logged out or has gone (`QUIT`, `REIN`, `USER` or the end of its
/// control connection) may take to make a data connection that it asked for, or to move anything
/// over one: long enough for a slow network, short for whoever waits for the goodbye.
pub const LEAVING_WAIT: Duration = Duration::from_secs(2);
/// How long a client that has received a whole file, as its system says, is given to close its data
/// connection until it receives the reply that the file was sent: nearly all close at once, and a
/// few wait for the reply first.
pub const SENT_WAIT: Duration = Duration::from_millis(500);
/// How often it is asked how much of what is sent has arrived, while it is waited for.
pub const SENT_LOOK: Duration = Duration::from_millis(20);
/// The wait after `accept` fails for want of descriptors: without it the loop spins
/// (2 million failures in 0.4 s were measured).
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a refused or parting peer is given to read the last frame before the socket is closed.
pub const LINGER: Duration = Duration::from_millis(500);
/// How often a long operation of the server shows its client that it is alive.
pub const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How often a long operation looks whether its client is still there, says something, or has to
/// go: rare enough to cost nothing, often enough to be noticed at once.
pub const OPERATION_LOOK: Duration = Duration::from_millis(100);
/// How long a connection that an admin ended is given to say why, before it is cut off.
pub const ENDED_GRACE: Duration = Duration::from_secs(1);

/// What a rate gives at once to a session that did not use it before: it evens out what a busy
/// machine comes late for, and is small enough that a rate is kept within 2 % over 10 s.
pub const RATE_BURST: Duration = Duration::from_millis(200);
/// How long the turn of a session lasts that has a rate for itself; several share that time.
pub const RATE_STEP: Duration = Duration::from_millis(50);
/// Bytes of the shortest turn, so that many sessions with a small rate are not woken for single
/// bytes.
pub const RATE_PIECE: u64 = 1024;
/// Bytes a second of the smallest rate that can be set: below it no client keeps its patience.
pub const RATE_LEAST: u64 = 1024;
/// How long a session sleeps at most while it waits for its turn, before it looks whether somebody
/// has changed the rate, ended it or stops the server.
pub const RATE_LOOK: Duration = Duration::from_millis(100);

/// Bytes of log lines that wait to be written: some 5,000 acts, a tenth of a second at full speed.
pub const LOG_QUEUE: usize = 1024 * 1024;
/// Events that wait for their hooks; for further ones none is run, and the log says so. Some 500
/// bytes each.
pub const HOOKS_WAITING: usize = 1000;
/// Programs of hooks that run at one time, whatever the settings say.
pub const HOOKS_RUNNING: usize = 100;
/// Bytes of what the process that runs hooks is asked: two paths of the system and what is around
/// them, or a program with the arguments that a line of the settings holds.
pub const HOOK_REQUEST: usize = 128 * 1024;
/// How long a request for the metrics may take, and its answer: monitors are on this machine.
pub const METRICS_WAIT: Duration = Duration::from_secs(5);
/// Connections for the metrics at one time: there may be several monitors, and of more connections
/// than these the oldest is one that says nothing.
pub const METRICS_AT_ONCE: usize = 8;
/// Bytes of the head of such a request; monitors send some 300.
pub const METRICS_HEAD: usize = 8 * 1024;
/// How long a line waits for room in a full queue before it is counted as lost; while the disk
/// stands still only the first one waits.
pub const LOG_WAIT: Duration = Duration::from_secs(1);
/// How long a line waits at most for others to be written with it.
pub const LOG_GATHER: Duration = Duration::from_millis(10);
/// How long a server that stops waits for the lock under which the last bans are written, and for
/// the file systems of mounts to say whether what was counted there can be kept.
pub const SAVE_LAST: Duration = Duration::from_secs(1);
/// How long the end of the program waits for the last lines to be written.
pub const LOG_LAST: Duration = Duration::from_secs(2);

/// How often the holder of a tree looks at its lock and, where other machines may use the tree,
/// renews it.
pub const LOCK_RENEWAL: Duration = Duration::from_secs(1);
/// How old a renewal may be for anything to be changed; an older one is made good first. Together
/// with a renewal that takes a while it stays below [`LOCK_WATCH`].
pub const LOCK_FENCE: Duration = Duration::from_secs(3);
/// How long a start watches a lock that it cannot judge otherwise: longer than three renewals, and
/// than what network file systems keep in their caches by default.
pub const LOCK_WATCH: Duration = Duration::from_secs(5);
/// How long whoever took over a lock waits for rivals and for a holder that lives to notice: longer
/// than two renewals.
pub const LOCK_SETTLE: Duration = Duration::from_secs(3);
/// How long renewals may fail until the server stops: longer than anybody needs to take over.
pub const LOCK_UNREACHABLE: Duration = Duration::from_secs(10);
/// Slow derivations that the server computes at once, for passwords that arrive in clear: half of
/// the cores, so that a flood of logins leaves the others to the transfers.
pub fn derivations() -> usize {
    // Counting them reads files below /sys and /proc, and each login asks several times.
    static HALF: LazyLock<usize> = LazyLock::new(|| {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (cores / 2).max(1)
    });
    *HALF
}

/// The most iterations that the server computes for a password in clear, by the setting.
pub fn checked_iterations(setting: u32) -> u32 {
    let most = setting.saturating_mul(ITERATIONS_SLACK);
    most.min(ITERATIONS_MOST)
}
