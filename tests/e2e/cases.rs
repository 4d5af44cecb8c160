//! The nineteen cases that a team's keys were designed against, each with the tests that play it. Every one is played in many
//! orders of meeting, reaching a relay and losing the line, with what was delivered before delivered again.
//!
//! | case | in `haversack-core`, `members::histories::cases`: keys | with records, on whole engines |
//! | --- | --- | --- |
//! | 1 add beside rotate | `a_newcomer_beside_a_rotation_ends_with_every_key` | `engine::tests::matrix` |
//! | 2 two removals, far apart | `two_removals_far_apart_leave_neither_device_a_key` | |
//! | 3 an emptied group | `an_emptied_team_goes_on_with_whom_the_root_adds` | `cases::an_emptied_team_is_revived_by_its_root_key` |
//! | 4 identity; twice is once | `a_removal_is_of_all_keys_of_a_device`, `twice_removed_is_once_removed`, `removed_by_two_at_once_is_once_removed` | `renewal::a_removed_device_does_not_renew_itself_back_in` |
//! | 5 a crash before the key | `a_crash_between_removal_and_key_is_resumed` | `removal::a_crash_after_a_removal_forgets_nothing` |
//! | 6 no key under another | `no_key_travels_under_another` | |
//! | 7 sixty days late | | `cases::late::two_months_late_in_any_order_loses_nothing` |
//! | 8 no new mailbox, tag, volume | `a_removed_device_sees_no_new_mailbox` | `removal::a_removed_phone_reads_nothing_new_and_says_nothing_more` |
//! | 9 clocks | `only_rotations_and_removals_age_a_key` | `engine::team::tests::a_clock_that_jumps_rotates_and_destroys_nothing` |
//! | 10 restored, cloned | | `cases::late::a_restored_copy_in_any_order_repeats_and_loses_nothing`, `restored` |
//! | 11 an insider's bodies | | `engine::tests::insider::what_an_insider_forges_is_refused_by_everybody_in_any_order` |
//! | 12 granted by who saw only the adding | `a_removed_newcomer_gains_nothing_by_who_saw_only_its_adding` | |
//! | 13 a seized admin | `a_seized_admin_voids_itself_by_being_removed`, `a_root_undoes_what_a_seized_admin_said` | `engine::team::tests` |
//! | 14 two answers to one removal | `two_answers_to_one_removal_split_nobody_off` | |
//! | 15 three in a ring | `three_in_a_ring_are_all_out_in_any_order` | |
//! | 16 epochs in a row | `an_insider_ages_nothing`, `who_may_rotate_ages_by_rotating` | |
//! | 17 old work, sealed anew | | `cases::judged::old_work_is_judged_the_same_by_everybody` |
//! | 18 acknowledgements | | `cases::judged::only_who_keeps_the_work_frees_it`, `engine::tests::insider::an_acknowledgement_is_its_signer_s_alone` |
//! | 19 a relay that moved | `a_relay_that_moved_is_found` | `cases::relays` |

mod judged;
mod late;
mod relays;

use std::panic::{AssertUnwindSafe, catch_unwind};

use haversack_core::{CreateOptions, Engine, RelayRoute, Role};
use haversack_relay::exchange;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::fleet::{Fleet, passphrase};
use crate::removal::{log, same};

/// Orders in which each case is played; `HAVERSACK_ORDERS` asks for more.
const ORDERS: u64 = 6;

/// A fleet to which things happen in an order that is drawn.
pub(crate) struct Story {
    pub(crate) fleet: Fleet,
    dice: ChaCha20Rng,
    /// Every file that was ever written: any of them may be handed to anybody, at any time, again.
    pile: Vec<Vec<u8>>,
}

/// Plays a case in many orders.
fn play(case: fn(&mut Story)) {
    let asked = std::env::var("HAVERSACK_ORDERS").ok().and_then(|text| text.parse().ok());
    for order in 0..asked.unwrap_or(ORDERS) {
        let dice = ChaCha20Rng::seed_from_u64(order);
        let mut story = Story { fleet: Fleet::new(), dice, pile: Vec::new() };
        let caught = catch_unwind(AssertUnwindSafe(|| case(&mut story)));
        assert!(caught.is_ok(), "order {order}");
    }
}

impl Story {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.dice.next_u64() % n as u64) as usize
    }

    pub(crate) fn device(&mut self, n: usize) -> &mut Engine {
        self.fleet.device(n)
    }

    pub(crate) fn log(&mut self, n: usize, day: u16) {
        log(&mut self.fleet, n, day);
    }

    pub(crate) fn count(&mut self, n: usize) -> u64 {
        self.device(n).contact_count().unwrap()
    }

    /// One exchange with the relay, of whose answer so many thousandths arrive. Says whether another would bring more; not for
    /// a device that was removed.
    fn sync(&mut self, n: usize, thousandths: usize) -> bool {
        let route = RelayRoute { relay: self.fleet.id, admission: Vec::new() };
        let Ok(mut under_way) = self.device(n).begin_exchange(&route) else { return false };
        let answer = exchange(&self.fleet.relay, under_way.request()).unwrap();
        let arrives = &answer[..answer.len() * thousandths / 1_000];
        for piece in arrives.chunks(900) {
            self.device(n).feed(&mut under_way, piece).unwrap();
        }
        self.device(n).end_exchange(&under_way).unwrap().again
    }

    /// Opens a store that was closed. Nothing that is random comes twice.
    pub(crate) fn open(&mut self, n: usize) {
        let folder = self.fleet.folder.path().join(n.to_string());
        let random = Box::new(ChaCha20Rng::seed_from_u64(self.dice.next_u64()));
        self.fleet.devices[n] = Some(Engine::open(&folder, &passphrase(), random).unwrap());
    }

    fn reopen(&mut self, n: usize) {
        drop(self.fleet.devices[n].take());
        self.open(n);
    }

    /// Writes a file, for anybody to be handed some time.
    pub(crate) fn write_file(&mut self, n: usize) {
        if let Ok(file) = self.device(n).export_bundle() {
            self.pile.push(file);
        }
    }

    /// Hands a device any of the files. (Nothing in it may be for it, or for it yet.)
    fn hand_over(&mut self, to: usize) {
        if !self.pile.is_empty() {
            let file = self.below(self.pile.len());
            let file = self.pile[file].clone();
            let _ = self.device(to).import_bundle(&file);
        }
    }

    /// What befalls some devices for a while.
    pub(crate) fn wander(&mut self, of: &[usize]) {
        for _ in 0..self.below(12) {
            let n = of[self.below(of.len())];
            match self.below(6) {
                0 => self.write_file(n),
                1 => self.hand_over(n),
                2 => self.reopen(n),
                3 => drop(self.sync(n, 1_000)),
                _ => {
                    let thousandths = self.below(1_000);
                    self.sync(n, thousandths);
                }
            }
        }
    }

    /// Everybody reaches the relay until nothing new comes, in another order each time, and meets old files once more.
    pub(crate) fn settle(&mut self, of: &[usize]) {
        for round in 0..6 {
            let mut order = of.to_vec();
            while !order.is_empty() {
                let n = order.swap_remove(self.below(order.len()));
                if round % 2 == 0 {
                    self.hand_over(n);
                }
                let mut rounds = 0;
                while self.sync(n, 1_000) {
                    rounds += 1;
                    assert!(rounds < 6, "a sync asks for another for ever");
                }
            }
        }
    }

    /// All have the same records, so many contacts, and nothing waits or was refused.
    pub(crate) fn are_alike(&mut self, of: &[usize], contacts: u64) {
        same(&mut self.fleet, of);
        for n in of {
            let status = self.device(*n).status().unwrap();
            assert_eq!(
                (status.contacts, status.waiting, status.quarantined),
                (contacts, 0, 0),
                "{n}"
            );
        }
    }

    /// A new device that asks to join.
    fn stranger(&mut self) -> usize {
        let n = self.fleet.devices.len();
        let folder = self.fleet.folder.path().join(n.to_string());
        let random = Box::new(ChaCha20Rng::seed_from_u64(900 + n as u64));
        let options = CreateOptions::cheapest();
        let engine = Engine::create(&folder, &passphrase(), options, random).unwrap();
        self.fleet.devices.push(Some(engine));
        n
    }

    /// One lets another in.
    pub(crate) fn invite(&mut self, by: usize, role: Role) -> usize {
        let new = self.stranger();
        let request = self.device(new).request_to_join().unwrap();
        let (answer, words) = self.device(by).invite(&request, role, &[]).unwrap();
        assert_eq!(self.device(new).join(&answer).unwrap(), words);
        new
    }
}

/// Two coordinators remove each other and everybody else: nobody is left. Whoever puts the root key together, on whatever
/// device knows of it all, lets somebody in, and the team goes on, with its records.
fn an_emptied_team<const AT: usize>(s: &mut Story) {
    let second = s.device(1).device();
    s.device(0).set_role(second, Role::Coordinator).unwrap();
    let shares = s.device(0).split_root(2, 3).unwrap();
    s.device(0).forget_root().unwrap();
    (0..=3).for_each(|n| s.log(n, n as u16));
    s.settle(&[0, 1, 2, 3]);
    s.are_alike(&[0, 1, 2, 3], 4);
    let [first, third, fourth] = [0, 2, 3].map(|n| s.device(n).device());
    for lost in [third, fourth] {
        s.device(1).revoke(lost, false).unwrap();
    }
    s.settle(&[1, 0, 2, 3]);
    s.device(1).revoke(first, false).unwrap();
    s.device(0).revoke(second, false).unwrap();
    // What each of the two decided gets to everybody: by the relay, or where it has heard of its own removal first, by a file.
    s.wander(&[0, 1, 2, 3]);
    s.settle(&[0, 1, 2, 3]);
    for n in [1, 0] {
        let said = s.device(n).export_roster().unwrap();
        (0..=3).for_each(|to| drop(s.device(to).import_bundle(&said)));
    }
    let left: Vec<usize> = (0..=3).filter(|n| !s.device(*n).status().unwrap().removed).collect();
    assert_eq!(left, [0; 0], "nobody is left");

    s.device(AT).use_root(&shares[1..]).unwrap();
    let new = s.invite(AT, Role::Coordinator);
    s.device(AT).forget_root().unwrap();
    s.wander(&[0, 1, 2, 3, new]);
    s.settle(&[new]);
    s.log(new, 9);
    let more = s.invite(new, Role::Educator);
    s.settle(&[new, more, 0, 1]);
    s.log(more, 10);
    s.settle(&[new, more, 2, 3]);
    same(&mut s.fleet, &[new, more]);
    assert_eq!([s.count(new), s.count(more)], [6; 2], "with the records of before");
    assert_eq!([0, 1, 2, 3].map(|n| s.count(n)), [4; 4], "who is out reads no more");
    assert_eq!(s.device(new).members().unwrap().len(), 2);
}

#[test]
fn an_emptied_team_is_revived_by_its_root_key() {
    play(an_emptied_team::<0>);
    play(an_emptied_team::<2>);
}
