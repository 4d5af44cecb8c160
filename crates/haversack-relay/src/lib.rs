//! haversack-relay
