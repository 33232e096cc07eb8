//! Floods of names that no account has.

use proptest::prelude::*;

use super::*;

/// What can happen while somebody floods the counters with names that no account has.
#[derive(Clone, Debug)]
enum Flooded {
    Wait(u64),
    /// An account, and the address that fails.
    Real(usize, u8),
    /// So many names, each so often, from the addresses of a network.
    Flood(u16, u8, u8),
}

fn flooded() -> impl Strategy<Value = Flooded> {
    prop_oneof![
        (0..40u64).prop_map(Flooded::Wait),
        (0..4usize, 0..4u8).prop_map(|(target, from)| Flooded::Real(target, from)),
        (1..30u16, 1..4u8, 0..4u8).prop_map(|(names, each, net)| Flooded::Flood(names, each, net)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// The counts of accounts, and what accounts' failures are in the counts of addresses, are
    /// those of a list without bounds, whatever the flood.
    #[test]
    fn no_flood_of_made_up_names_changes_a_real_count(
        steps in prop::collection::vec(flooded(), 1..40),
    ) {
        const MOST: usize = 40;
        let mut tally = Tally::of_at_most(MOST);
        let (mut real, mut now, mut next) = (Vec::new(), 0, 0_u32);
        for step in steps {
            let time = Duration::from_secs(now);
            match step {
                Flooded::Wait(secs) => now += secs,
                Flooded::Real(target, from) => {
                    let from = admission::network(host(from));
                    real.push((now, target, from));
                    real.retain(|one: &(u64, usize, IpAddr)| now - one.0 < WITHIN.as_secs());
                    let counts = fail(&mut tally, Some(name(target)), from, time);
                    let network = Network::of(from);
                    let own = real.iter().filter(|one| one.1 == target);
                    let account = own.filter(|one| Network::of(one.2) == network).count();
                    let address = real.iter().filter(|one| one.2 == from).count();
                    prop_assert_eq!(counts.account as usize, account);
                    prop_assert!(counts.address as usize >= address);
                    prop_assert!(counts.address_knows_one);
                }
                Flooded::Flood(names, each, net) => {
                    for _ in 0..names {
                        next += 1;
                        let made_up = AccountName::parse(&format!("made-up{next}")).unwrap();
                        for _ in 0..each {
                            let from = IpAddr::from([10, net, (next >> 8) as u8, next as u8]);
                            fail(&mut tally, Some(made_up.clone()), from, time);
                        }
                    }
                }
            }
            for counter in tally.counters() {
                prop_assert!(counter <= MOST);
            }
        }
    }

}

proptest! {
    /// The same for the bans of addresses from which accounts were tried.
    #[test]
    fn no_flood_of_made_up_names_ends_a_real_ban(
        real in prop::collection::vec((0..50usize, 0..2u64), 1..20),
        floods in prop::collection::vec(1..100u32, 1..3),
    ) {
        const MOST: usize = 20;
        let (mut list, mut next) = (List::of_at_most(MOST), 0_u32);
        let short = Duration::from_secs(60);
        for (n, gap) in &real {
            let address = BanTarget::Address(IpAddr::from([192, 0, 2, *n as u8]));
            list.impose(&address, String::new(), short, at(*gap), false);
        }
        for flood in floods {
            for _ in 0..flood {
                next += 1;
                let long = Duration::from_secs(3600);
                let from = BanTarget::Address(IpAddr::from([10, 0, (next >> 8) as u8, next as u8]));
                list.impose(&from, String::new(), long, at(2), true);
            }
            for (n, _) in &real {
                let address = BanTarget::Address(IpAddr::from([192, 0, 2, *n as u8]));
                prop_assert!(list.seen(&address, at(2)).is_some());
            }
            let shown = list.book().len();
            prop_assert!(shown <= real.len() + MOST, "{}", shown);
        }
    }
}
