//! One figure: what was measured, beside a reference of the same run, and beside its budget if it has one.

use serde_json::{Map, Value, json};

/// A figure in the making; [`Figure::print`] writes it as a line of JSON.
pub(crate) struct Figure(Map<String, Value>);

impl Figure {
    /// A value of a row.
    pub(crate) fn new(row: &str, name: &str, value: f64, unit: &str) -> Self {
        let fields = json!({ "row": row, "name": name, "value": value, "unit": unit });
        Self(fields.as_object().unwrap().clone())
    }

    /// With something else that is worth knowing.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap()
    }

    /// Beside what the same run measured of something else.
    pub(crate) fn beside(self, what: &str, value: f64) -> Self {
        let ratio = self.number("value") / value;
        self.with("reference", what).with("reference_value", value).with("ratio", ratio)
    }

    /// The value may be no more.
    pub(crate) fn at_most(self, budget: f64) -> Self {
        let met = self.number("value") <= budget;
        self.budget(format!("≤ {budget}"), met)
    }

    /// The value may be no less.
    pub(crate) fn at_least(self, budget: f64) -> Self {
        let met = self.number("value") >= budget;
        self.budget(format!("≥ {budget}"), met)
    }

    /// The value may be no more than so many times the reference.
    pub(crate) fn times_at_most(self, budget: f64) -> Self {
        let met = self.number("ratio") <= budget;
        self.budget(format!("≤ {budget} ×"), met)
    }

    /// The value may be no less than so many times the reference.
    pub(crate) fn times_at_least(self, budget: f64) -> Self {
        let met = self.number("ratio") >= budget;
        self.budget(format!("≥ {budget} ×"), met)
    }

    fn budget(self, budget: String, met: bool) -> Self {
        self.with("budget", budget).with("met", met)
    }

    pub(crate) fn print(self) {
        println!("{}", Value::Object(self.0));
    }
}
