//! haversack-core
