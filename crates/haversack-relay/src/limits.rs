//! What a server allows before it gives up on a request, a connection or a stop.

use std::time::Duration;

/// A server's limits. Those of the protocol are in [`haversack_wire::limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// Requests served at once; further ones are told to come back (503).
    pub requests_max: usize,
    /// Devices that wait for news at once; further ones are told to come back (503).
    pub wakes_max: usize,
    /// How long a device may wait for news before it has to ask again.
    pub wake_time_max: Duration,
    /// How long a request's head may take, and how long a connection may be idle.
    pub head_time_max: Duration,
    /// How long the next bytes of a request's body may take.
    pub chunk_time_max: Duration,
    /// How long a request's body, or its answer, may take beside a second for each KiB of it.
    pub body_time_max: Duration,
    /// How long a device may take no byte of its answer.
    pub stall_time_max: Duration,
    /// How long running requests may go on after a stop was asked for.
    pub stop_time_max: Duration,
}

impl Default for Limits {
    /// Made for phones at the edge of a 2G cell: seconds of silence are normal there.
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            requests_max: 128,
            wakes_max: 768,
            wake_time_max: Duration::from_secs(30 * 60),
            head_time_max: Duration::from_secs(30),
            chunk_time_max: Duration::from_secs(60),
            body_time_max: Duration::from_secs(10 * 60),
            stall_time_max: Duration::from_secs(120),
            stop_time_max: Duration::from_secs(20),
        }
    }
}

/// What a line must carry a second, on the whole, not to be given up: a quarter of what 2G does.
const BYTES_A_SECOND_MIN: u64 = 1_024;

impl Limits {
    /// The time that so many bytes are given.
    pub(crate) const fn time_of(&self, bytes: usize) -> Duration {
        Duration::from_millis(bytes as u64 * 1_000 / BYTES_A_SECOND_MIN)
    }
}
