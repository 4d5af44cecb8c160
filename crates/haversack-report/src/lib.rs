//! haversack-report
