//! haversack
