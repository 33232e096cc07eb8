//! Who gets in, and how little those learn who do not.

use miniftp::accounts::AccountState;
use miniftp::limits;
use miniftp::scram::ClientExchange;
use miniftp::wire::{Challenge, Hello, LoggedIn, Login, Nothing, Proof};

use crate::harness::{Answer, Daemon, Frames, Site, password};

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "10M");
    let daemon = site.start();
    (site, daemon)
}

/// Salt and iterations that a name is challenged with.
fn challenge_of(daemon: &Daemon, name: &str) -> (Vec<u8>, u32) {
    let mut frames = daemon.connect();
    frames.hello();
    let (exchange, first) = ClientExchange::begin(name).unwrap();
    let answer = frames.request("LOGIN", &Login::new(&first));
    let challenge: Challenge<'_> = answer.expect(280).message();
    let challenge = exchange.challenge(challenge.server_first).unwrap();
    (challenge.salt().to_vec(), challenge.iterations())
}

#[test]
fn the_right_password_opens_and_both_sides_prove_themselves() {
    let (_site, daemon) = site();
    let mut frames = daemon.connect();
    frames.hello();
    let (exchange, first) = ClientExchange::begin("ann").unwrap();
    let answer = frames.request("LOGIN", &Login::new(&first));
    let challenge: Challenge<'_> = answer.expect(280).message();
    let challenge = exchange.challenge(challenge.server_first).unwrap();
    let keys = challenge.derive(&password("ann")).unwrap();
    let (proof, last) = challenge.prove(&keys).unwrap();
    let answer = frames.request("PROOF", &Proof::new(&last));
    let end: LoggedIn<'_> = answer.expect(254).message();
    assert_eq!(end.account, "ann");
    proof.verify(end.server_final).expect("the server holds the record");
    // The same proof is good for one try.
    frames.request("PROOF", &Proof::new(&last)).expect(269);

    // One bit of the signature away is somebody else.
    let other = daemon.connect().prove_with_wrong_signature("ann");
    assert!(other, "a wrong signature was believed");
}

impl Frames {
    /// Logs in and asks whether a signature that differs a little would have been refused.
    fn prove_with_wrong_signature(mut self, name: &str) -> bool {
        self.hello();
        let (exchange, first) = ClientExchange::begin(name).unwrap();
        let answer = self.request("LOGIN", &Login::new(&first));
        let challenge: Challenge<'_> = answer.message();
        let challenge = exchange.challenge(challenge.server_first).unwrap();
        let keys = challenge.derive(&password(name)).unwrap();
        let (proof, last) = challenge.prove(&keys).unwrap();
        let answer = self.request("PROOF", &Proof::new(&last));
        let end: LoggedIn<'_> = answer.expect(254).message();
        let mut wrong = end.server_final.to_owned().into_bytes();
        wrong[2] = if wrong[2] == b'A' { b'B' } else { b'A' };
        proof.verify(std::str::from_utf8(&wrong).unwrap()).is_err()
    }
}

#[test]
fn a_stranger_cannot_tell_a_name_that_is_not_there_from_a_wrong_password() {
    let (site, mut daemon) = site();
    site.accounts()
        .edit(|draft| {
            draft.account("bob")?.state = AccountState::Closed;
            Ok(())
        })
        .unwrap();
    let told = |answer: Answer| (answer.code, answer.text, answer.fields);
    let wrong = told(daemon.connect().log_in("ann", "guess"));
    assert_eq!(wrong.0, 253);
    for name in ["nobody", "bob", "../ann", "Ann", "ünknown", "a,b=c"] {
        assert_eq!(told(daemon.connect().log_in(name, &password("bob"))), wrong, "{name}");
    }
    // The same salt each time, another one for another name, in the same form as real ones.
    let ghost = challenge_of(&daemon, "nobody");
    let real = challenge_of(&daemon, "ann");
    assert_eq!(challenge_of(&daemon, "nobody"), ghost);
    assert_eq!(challenge_of(&daemon, "ann"), real);
    assert_ne!(challenge_of(&daemon, "nobody2"), ghost);
    assert_eq!((ghost.0.len(), ghost.1), (real.0.len(), real.1));
    daemon.restart();
    assert_eq!(challenge_of(&daemon, "nobody"), ghost, "not even after a restart");
    // The operator is told what the stranger is not.
    daemon.connect().log_in("bob", &password("bob")).expect(253);
    daemon.wait_for_log("?@127.0.0.1 login bob refused: the account is closed");
}

#[test]
fn a_proof_that_was_overheard_is_worth_nothing() {
    let (_site, daemon) = site();
    let (exchange, first) = ClientExchange::begin("ann").unwrap();
    let mut frames = daemon.connect();
    frames.hello();
    let answer = frames.request("LOGIN", &Login::new(&first));
    let challenge: Challenge<'_> = answer.message();
    let challenge = exchange.challenge(challenge.server_first).unwrap();
    let keys = challenge.derive(&password("ann")).unwrap();
    let (_, last) = challenge.prove(&keys).unwrap();
    frames.request("PROOF", &Proof::new(&last)).expect(254);

    let mut thief = daemon.connect();
    thief.hello();
    thief.request("LOGIN", &Login::new(&first)).expect(280);
    thief.request("PROOF", &Proof::new(&last)).expect(253);
    thief.request("PWD", &Nothing::new()).expect(260);
}

#[test]
fn attempts_are_counted_and_the_connection_ends() {
    let (_site, daemon) = site();
    let mut frames = daemon.connect();
    frames.hello();
    for _ in 0..limits::LOGIN_TRIES {
        frames.prove("ann", "guess").expect(253);
    }
    frames.expect_bye(276).says("login attempts");
    daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
}

#[test]
fn messages_of_a_login_are_bounded_and_read_strictly() {
    let (_site, daemon) = site();
    let mut frames = daemon.connect();
    frames.request("HELLO", &Hello::new(2, "future")).expect(275);
    frames.hello();
    let long = format!("n,,n=ann,r={}", "x".repeat(limits::SCRAM_MESSAGE));
    let most = limits::ITERATIONS_MOST;
    for (first, code) in [
        (long.as_str(), 252),
        ("", 252),
        ("n,,n=,r=abcdefgh", 252),
        ("n,,n=ann", 252),
        ("n,,r=abcdefgh,n=ann", 252),
        ("p=tls-unique,,n=ann,r=abcdefgh", 275),
        ("n,a=bob,n=ann,r=abcdefgh", 252),
        ("n,,n=a=ZZ,r=abcdefgh", 252),
        ("n,,n=ann\n,r=abcdefgh", 252),
    ] {
        frames.request("LOGIN", &Login::new(first)).expect(code);
        frames.request("PROOF", &Proof::new("c=biws,r=a,p=b")).expect(269);
    }
    assert!(frames.prove("ann", &password("ann")).code == 254, "none of these was an attempt");
    // The client's side of the same: too cheap and too dear a challenge are refused.
    for iterations in [limits::ITERATIONS_LEAST - 1, most + 1] {
        let (exchange, first) = ClientExchange::begin("ann").unwrap();
        let nonce = first.rsplit_once("r=").unwrap().1;
        let challenge = format!("r={nonce}server,s=QSXCR+Q6sek8bf92,i={iterations}");
        assert!(exchange.challenge(&challenge).is_err(), "{iterations} iterations");
    }
}

#[test]
fn an_account_that_is_closed_or_gone_ends_its_sessions() {
    let (site, daemon) = site();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    site.accounts()
        .edit(|draft| {
            draft.account("ann")?.state = AccountState::Closed;
            draft.remove("bob").map(drop)
        })
        .unwrap();
    ann.send("PWD", &Nothing::new());
    ann.expect_bye(425);
    bob.send("PWD", &Nothing::new());
    bob.expect_bye(425);
}

#[test]
fn names_and_passwords_are_bounded_where_accounts_are_made() {
    let (site, daemon) = site();
    let name = "n".repeat(limits::ACCOUNT_NAME);
    let secret = "s".repeat(limits::PASSWORD);
    site.miniftpd(&["account", "add", &name, "--quota", "1M"], &format!("{secret}\n")).ok();
    daemon.connect().log_in(&name, &secret).expect(254);
    let add = |name: &str, secret: &str| {
        site.miniftpd(&["account", "add", name, "--quota", "1M"], &format!("{secret}\n"))
    };
    assert!(!add(&format!("{name}n"), "secret").status.success());
    assert!(!add("carl", &format!("{secret}s")).status.success());
    assert!(!add("carl", "").status.success());
    assert!(!add("x][root", "secret").status.success());
    assert!(!add("ann", "other").status.success(), "there is one already");
    daemon.login("ann");
}

#[test]
fn hello_and_login_may_be_said_in_one_breath() {
    let (_site, daemon) = site();
    let mut frames = Frames::raw(daemon.addr());
    let (exchange, first) = ClientExchange::begin("ann").unwrap();
    let mut both = crate::harness::request("HELLO", &Hello::new(1, "test"), &[]);
    both.extend(crate::harness::request("LOGIN", &Login::new(&first), &[]));
    frames.send_bytes(&both);
    frames.read_answer().expect(220);
    let answer = frames.read_answer();
    let challenge: Challenge<'_> = answer.expect(280).message();
    assert!(exchange.challenge(challenge.server_first).is_ok());
}
