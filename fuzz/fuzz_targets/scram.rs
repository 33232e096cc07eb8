//! Both sides' login messages, and records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use miniftp::scram::{
    Channel, ClientExchange, ClientFirst, RecordShape, ServerExchange, Verifier,
};

fuzz_target!(|input: &str| {
    if let Some(record) = Verifier::parse(input) {
        assert_eq!(record.to_string(), input);
    }
    let (first, last) = input.split_once('\n').unwrap_or((input, ""));
    if let Ok(first) = ClientFirst::parse(first) {
        let record = Verifier::mock(&[7; 32], first.name(), RecordShape::of_new(4096));
        let tls = Channel::Tls { exporter: vec![7; 32], server_end_point: vec![8; 32] };
        for channel in
            [tls, Channel::Clear { is_offered: true }, Channel::Clear { is_offered: false }]
        {
            if let Ok((exchange, _)) = ServerExchange::begin(&first, record.clone(), &channel) {
                assert!(exchange.finish(last).is_err(), "nobody knows that password");
            }
        }
    }
    if let Ok((exchange, _)) = ClientExchange::begin("ann") {
        let _ = exchange.challenge(input);
    }
});
