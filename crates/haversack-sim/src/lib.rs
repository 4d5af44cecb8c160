//! Room for the simulator: whole fleets of engines, relays and files in one thread under a seed.
//!
//! Nothing is here yet. `tests/e2e/convergence.rs` runs small fleets over the relay's machine meanwhile.
