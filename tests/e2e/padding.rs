//! How much of the lengths of frames shows: for teams to which a padding of one eighth is too little, five lengths.

use haversack_core::RelayRoute;
use haversack_wire::request::{Event, RequestReader};
use haversack_wire::{Frame, Padding};

use crate::fleet::Fleet;
use crate::removal::log;

/// The lengths of the chunks and roster segments of a device's next request.
fn lengths(fleet: &mut Fleet, n: usize) -> Vec<usize> {
    let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
    let exchange = fleet.device(n).begin_exchange(&route).unwrap();
    let mut reader = RequestReader::new();
    reader.feed(exchange.request());
    let mut lengths = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Frame(frame) = event
            && !matches!(Frame::parse(&frame), Ok(Frame::Grant(..)))
        {
            lengths.push(frame.len());
        }
    }
    lengths
}

#[test]
fn a_team_at_high_risk_sends_five_lengths_only() {
    let mut fleet = Fleet::new();
    // The first body of a lane has much to say of the team.
    log(&mut fleet, 1, 1);
    fleet.settle();
    log(&mut fleet, 1, 1);
    let usual = lengths(&mut fleet, 1);
    assert!(usual.iter().all(|length| *length < 2_048), "{usual:?}");
    while fleet.sync(1, 1_000) {}
    fleet.device(1).set_padding(Padding::HighRisk).unwrap();
    crate::removal::reopen(&mut fleet, 1);
    assert_eq!(fleet.device(1).padding().unwrap(), Padding::HighRisk, "it is remembered");
    for day in 0..40 {
        log(&mut fleet, 1, day);
        let some = lengths(&mut fleet, 1);
        let allowed = [2_048, 4_096, 8_192, 16_384, 32_768];
        assert!(!some.is_empty() && some.iter().all(|length| allowed.contains(length)), "{some:?}");
    }
    fleet.settle();
    assert_eq!(fleet.device(2).contact_count().unwrap(), 42);
    assert_eq!(fleet.device(2).status().unwrap().quarantined, 0);
}
