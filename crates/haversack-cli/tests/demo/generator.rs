//! Data sets with other numbers than the fixture's: another period, other sites, people and habits.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

/// The period: it begins and ends inside of months, and leaves a rest after its last block of 30 days.
pub(crate) const FROM: &str = "2011-03-15";
/// The day after the last.
pub(crate) const TO: &str = "2011-07-02";

struct Dice(ChaCha20Rng);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n
    }
}

fn pick<T: Copy>(dice: &mut Dice, among: &[T]) -> T {
    among[dice.below(among.len() as u64) as usize]
}

/// A data set in the shape of the fixture.
pub(crate) fn dataset(seed: u64) -> Value {
    let mut dice = Dice(ChaCha20Rng::seed_from_u64(seed));
    let educators = 2 + dice.below(4);
    let clients = 10 + dice.below(15);
    let contacts = 150 + dice.below(150);
    let contacts: Vec<Value> =
        (0..contacts).map(|n| contact(&mut dice, n, educators, clients)).collect();
    json!({
        "note": "Generated; nobody is meant.",
        "period": [FROM, TO],
        "sites": [
            {"site": "NORTH", "kind": "drop_in", "closes": "20:30"},
            {"site": "ROAD-2", "kind": "backpack"},
            {"site": "PH", "kind": "pharmacy"}
        ],
        "educators": (0..educators).map(|n| format!("PE-{n}")).collect::<Vec<_>>(),
        "clients": (0..clients).map(|n| client(&mut dice, n)).collect::<Vec<_>>(),
        "contacts": contacts,
        "something_newer": {"is": "ignored"}
    })
}

fn client(dice: &mut Dice, n: u64) -> Value {
    match dice.below(4) {
        0 => json!({"client": format!("LOTUS-{n}")}),
        1 => json!({"client": format!("LOTUS-{n}"), "sex": "other", "inj_per_day": 0}),
        _ => {
            json!({"client": format!("LOTUS-{n}"), "sex": "F", "birth_year": 1980, "inj_per_day": 1 + dice.below(2)})
        }
    }
}

/// A contact; some lie before or after the period, and the last two clients are never met.
fn contact(dice: &mut Dice, n: u64, educators: u64, clients: u64) -> Value {
    let (month, day) = (3 + dice.below(5), 1 + dice.below(28));
    let known = dice.below(8) > 0;
    let client = known.then(|| format!("LOTUS-{}", dice.below(clients - 2)));
    let mut contact = json!({
        "id": format!("g{n:04}"),
        "type": "contact",
        "client": client,
        "educator": format!("PE-{}", dice.below(educators)),
        "site": pick(dice, &["NORTH", "ROAD-2", "PH"]),
        "date": format!("2011-{month:02}-{day:02}"),
        "fixed": pick(dice, &[0, 0, 5, 10, 40]),
        "barrels": dice.below(12),
        "needles": dice.below(12),
        "returned": dice.below(20),
        "condoms": dice.below(3),
        "secondary": dice.below(5) == 0,
    });
    if !known {
        contact["sex"] = "M".into();
        contact["age_band"] = "<25".into();
    }
    contact
}
