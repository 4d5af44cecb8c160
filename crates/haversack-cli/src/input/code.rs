//! Codes and counts, as they are typed.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use haversack::EngineError;
use haversack::model::{
    AgeBand, Duration, Item, Label, Mode, Quantity, Service, Setting, Sex, SiteCode, SiteKind,
    SpaceName,
};

use crate::error::Error;

/// A code of one of the model's lists.
pub(crate) trait Code: Clone + Send + Sync + 'static {
    /// Its list, for messages.
    const WHAT: &'static str;
    /// Every code of the list.
    fn all() -> &'static [Self];
    /// The code as it is written.
    fn text(&self) -> &str;
    /// Takes a code that stands in full.
    fn exact(text: &str) -> Result<Self, EngineError>;
}

macro_rules! code_lists {
    ($($name:ident = $what:literal),* $(,)?) => {
        $(impl Code for $name {
            const WHAT: &'static str = $what;

            fn all() -> &'static [Self] {
                Self::ALL
            }

            fn text(&self) -> &str {
                self.as_str()
            }

            fn exact(text: &str) -> Result<Self, EngineError> {
                Self::new(text)
            }
        })*
    };
}

code_lists!(
    AgeBand = "age band",
    Duration = "duration",
    Item = "item",
    Mode = "mode",
    Service = "service",
    Setting = "setting",
    Sex = "sex",
    SiteKind = "site kind",
);

/// Takes a code, or as much of its beginning as no other code has.
pub(crate) fn code<T: Code>(text: &str) -> Result<T, Error> {
    let exact = T::exact(text);
    let begin_so: Vec<&T> = match text.is_empty() {
        true => Vec::new(),
        false => T::all().iter().filter(|code| code.text().starts_with(text)).collect(),
    };
    match (exact, begin_so.as_slice()) {
        (Ok(code), _) => Ok(code),
        (Err(_), [only]) => Ok((*only).clone()),
        (Err(error), []) => Err(error.into()),
        (Err(_), several) => {
            let could_be: Vec<&str> = several.iter().map(|code| code.text()).collect();
            Err(Error::Unclear { what: T::WHAT, could_be: could_be.join(", ") })
        }
    }
}

/// Every code of a list, for a help text.
pub(crate) fn codes<T: Code>() -> String {
    T::all().iter().map(Code::text).collect::<Vec<_>>().join(", ")
}

/// An option that takes one code of a list, which its help then shows.
pub(crate) fn one_of<T: Code>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::all().iter().map(Code::text)).try_map(|text| T::exact(&text))
}

/// A site's code.
pub(crate) fn site_code(text: &str) -> Result<SiteCode, EngineError> {
    SiteCode::new(text)
}

/// What a further space of a store is called.
pub(crate) fn space_name(text: &str) -> Result<SpaceName, EngineError> {
    SpaceName::new(text)
}

/// A client's label.
pub(crate) fn label(text: &str) -> Result<Label, EngineError> {
    Label::new(text)
}

/// A site with its kind: `KM-V=mobile_van`.
pub(crate) fn site_kind(text: &str) -> Result<(SiteCode, SiteKind), Error> {
    let (site, kind) = text.split_once('=').ok_or(Error::rule("must be written as CODE=KIND"))?;
    Ok((SiteCode::new(site)?, code(kind)?))
}

/// An item and how many of it: `swab=20`.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) item: Item,
    pub(crate) quantity: Quantity,
}

impl FromStr for Counted {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (item, number) =
            text.split_once('=').ok_or(Error::rule("must be written as ITEM=NUMBER"))?;
        Ok(Self { item: code(item)?, quantity: quantity(number)? })
    }
}

/// Pieces of an item.
pub(crate) fn quantity(text: &str) -> Result<Quantity, Error> {
    Ok(Quantity::new(whole("quantity", text)?)?)
}

/// A whole number. Those that do not fit are absurd, and answered like other absurd ones.
pub(crate) fn whole(what: &str, text: &str) -> Result<i64, Error> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().or_else(|error| match error.kind() {
        PosOverflow => Ok(i64::MAX),
        NegOverflow => Ok(i64::MIN),
        _ => Err(Error::rule(format!("{what} must be a whole number"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_items() {
        let check = |text: &str, expect: &str| {
            let read = text.parse::<Counted>();
            let shown = read.map(|counted| format!("{} {}", counted.item, counted.quantity.get()));
            let shown = shown.unwrap_or_else(|error| error.to_string());
            assert_eq!(shown, expect, "{text}");
        };
        check("swab=20", "swab 20");
        check("syringe_fixed_1=3", "syringe_fixed_1ml 3");
        check("needle=0", "needle 0");
        check("condom=1", "this item could be condom_m, condom_f");
        check("swab", "must be written as ITEM=NUMBER");
        check("swab=", "quantity must be a whole number");
        check("swab=1.5", "quantity must be a whole number");
        check("swab=-1", "quantity must lie between 0 and 10000");
        check("swab=99999999999999999999", "quantity must lie between 0 and 10000");
        assert!(
            "=5".parse::<Counted>().unwrap_err().to_string().starts_with("item must be one of")
        );
    }
}
