//! A figure as a line of text.

use serde_json::Value;

/// The line: value, budget, reference, and whatever else was measured.
pub(super) fn line(figure: &Value) -> String {
    if let Some(reason) = figure.get("skipped").and_then(Value::as_str) {
        return format!("{:32} skipped: {reason}", text(figure, "row"));
    }
    let mut line =
        format!("{:32} {:>10} {:11}", name(figure), number(figure, "value"), text(figure, "unit"));
    let budget = text(figure, "budget");
    if !budget.is_empty() {
        let met = if is_met(figure) { "met" } else { "NOT MET" };
        line += &format!("  budget {budget}: {met}");
    }
    if figure.get("reference").is_some() {
        let [ratio, value] = ["ratio", "reference_value"].map(|field| number(figure, field));
        line += &format!("  {ratio} × {value}, {}", text(figure, "reference"));
    }
    line + &others(figure)
}

/// Fields of a figure that its line shows by name.
fn others(figure: &Value) -> String {
    const SHOWN: [&str; 10] = [
        "row",
        "name",
        "value",
        "unit",
        "budget",
        "met",
        "reference",
        "reference_value",
        "ratio",
        "runs",
    ];
    let fields = figure.as_object().into_iter().flatten();
    let others = fields.filter(|(field, _)| !SHOWN.contains(&field.as_str()));
    others.map(|(field, _)| format!("  {field} {}", number(figure, field))).collect()
}

/// Whether a figure is within its budget; one without a budget is.
pub(super) fn is_met(figure: &Value) -> bool {
    figure.get("met").and_then(Value::as_bool).unwrap_or(true)
}

pub(super) fn name(figure: &Value) -> &str {
    text(figure, "name")
}

pub(super) fn text<'a>(figure: &'a Value, field: &str) -> &'a str {
    figure.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A number with three digits that count, or as it is where it is no number.
fn number(figure: &Value, field: &str) -> String {
    match figure.get(field).and_then(Value::as_f64) {
        Some(number) if number.abs() >= 100.0 || number == number.trunc() => format!("{number:.0}"),
        Some(number) if number.abs() >= 10.0 => format!("{number:.1}"),
        Some(number) => format!("{number:.2}"),
        None => figure.get(field).map(ToString::to_string).unwrap_or_default(),
    }
}

#[test]
fn a_line_shows_the_figure_its_budget_and_its_reference() {
    let figure = serde_json::json!({
        "row": "push", "name": "push", "value": 38.24, "unit": "B/contact", "budget": "≤ 40", "met": true,
        "reference": "something else", "reference_value": 19.12, "ratio": 2.0, "requests": 1,
    });
    let expect = "push                                   38.2 B/contact    budget ≤ 40: met  2 × 19.1, something else  requests 1";
    assert_eq!(line(&figure), expect);
    let skipped = serde_json::json!({ "row": "network", "skipped": "needs root" });
    assert_eq!(line(&skipped), "network                          skipped: needs root");
    assert!(!is_met(&serde_json::json!({ "met": false })) && is_met(&skipped));
}
