//! haversack-sim
