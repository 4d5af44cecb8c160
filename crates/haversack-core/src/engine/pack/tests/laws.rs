//! Laws: a pack and the rest are the chunks, whatever comes first and whatever is missing.

use proptest::prelude::*;

use super::*;

/// What somebody does.
#[derive(Debug, Clone)]
enum Act {
    Log(usize, i64),
    /// Corrects the newest contact that it knows.
    Correct(usize, i64),
    /// Signs what is unsent.
    Close(usize),
    /// Tells the admin, and hears of the others.
    Meet(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0..4_u8, 0..3_usize, 1..90_i64).prop_map(|(kind, who, n)| match kind {
        0 => Act::Log(who, n),
        1 => Act::Correct(who, n),
        2 => Act::Close(who),
        _ => Act::Meet(who),
    });
    proptest::collection::vec(act, 1..14)
}

fn run(team: &mut Team, acts: &[Act]) {
    for act in acts {
        match act {
            Act::Log(who, n) => {
                team.phones[*who].log(day(n % 4), &[draft(*n)]).unwrap();
            }
            Act::Correct(who, n) => {
                let phone = &mut team.phones[*who];
                let known = phone.contacts(&crate::view::ContactFilter::default()).unwrap();
                let line = Line { direction: crate::model::Direction::Out, item: Item::NEEDLE };
                if let Some(contact) = known.first() {
                    phone.correct(&contact.id, &line, Quantity::new(*n).unwrap()).unwrap();
                }
            }
            Act::Close(who) => {
                team.phones[*who].close_unsent().unwrap();
            }
            Act::Meet(who) => {
                give(&mut team.phones[*who], &mut team.admin);
                let mut all = Vec::new();
                team.phones.iter_mut().for_each(|phone| all.extend(frames(phone)));
                team.phones[*who].receive(&all, false).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Of the pack's frames and the chunks some come first, in any order and however often; then all.
    #[test]
    fn a_pack_and_the_rest_are_the_chunks(
        before in acts(),
        after in acts(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..24),
    ) {
        let mut team = Team::new(3);
        run(&mut team, &before);
        team.gather();
        let pack = team.pack();
        run(&mut team, &after);
        team.gather();
        let mut chunks: Vec<Vec<u8>> = frames(&mut team.admin);
        team.phones.iter_mut().for_each(|phone| chunks.extend(frames(phone)));
        let all = [pack.clone(), chunks.clone()].concat();
        let mut new = team.newcomer("new", Role::Archive);
        for place in order {
            new.receive(std::slice::from_ref(place.get(&all)), false).unwrap();
        }
        new.receive(&all, false).unwrap();
        prop_assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
        prop_assert_eq!(new.status().unwrap().quarantined, 0);
        let mut slow = team.newcomer("slow", Role::Archive);
        let (mut chunks, mut packs) = (chunks, pack);
        packs.reverse();
        chunks.reverse();
        slow.receive(&packs, false).unwrap();
        slow.receive(&chunks, false).unwrap();
        // The last to join knows of itself, as the admin does.
        prop_assert_eq!(slow.canonical().unwrap(), team.admin.canonical().unwrap());
    }
}
