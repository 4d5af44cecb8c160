/// What stands in place of a figure that has no denominator.
const NO_DATA: &str = "no data";

/// `100 · n / d`, rounded half up to one decimal from the exact integers.
#[must_use]
pub fn percent(n: u64, d: u64) -> String {
    rate(u128::from(n) * 100, d.into())
}

/// `n / d`, rounded half up to one decimal from the exact integers.
#[must_use]
pub fn rate(n: u128, d: u128) -> String {
    if d == 0 {
        return NO_DATA.to_owned();
    }
    let tenths = (n * 20 + d) / (d * 2);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_rounds_up_and_nothing_is_no_data() {
        let check = |n, d, expect: &str| assert_eq!(percent(n, d), expect, "{n}/{d}");
        check(74, 80, "92.5");
        check(4_681, 14_670, "31.9");
        check(1, 2_000, "0.1");
        check(1, 2_001, "0.0");
        check(3, 2, "150.0");
        check(0, 5, "0.0");
        check(0, 0, "no data");
        assert_eq!(rate(14_470 * 365, 182 * 74), "392.2");
    }
}
