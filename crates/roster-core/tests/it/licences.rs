//! Who holds a licence and who waits (umapi.md 9.5).

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;
use roster_core::licence::{Pair, ProfileSeats, SeatBook, settle};
use roster_core::value::{AccountId, GroupId};

/// The queue of one product in memory.
#[derive(Debug, Clone, Default)]
struct Book {
    quota: Option<i64>,
    profiles: BTreeMap<GroupId, Option<i64>>,
    pairs: BTreeMap<Pair, bool>,
}

impl Book {
    fn held(&self, profile: GroupId) -> i64 {
        self.pairs
            .iter()
            .filter(|(pair, active)| **active && pair.profile == profile)
            .count() as i64
    }

    fn licensed(&self) -> BTreeSet<AccountId> {
        self.pairs
            .iter()
            .filter(|(_, active)| **active)
            .map(|(pair, _)| pair.account)
            .collect()
    }

    fn active(&self) -> BTreeSet<(i64, i64)> {
        self.pairs
            .iter()
            .filter(|(_, active)| **active)
            .map(|(pair, _)| (pair.account.0, pair.profile.0))
            .collect()
    }

    fn join(&mut self, account: i64, profile: i64, place: i64) {
        let known = self
            .pairs
            .keys()
            .any(|pair| pair.account.0 == account && pair.profile.0 == profile);
        if !known {
            let pair = Pair {
                place,
                tie: 0,
                profile: GroupId(profile),
                account: AccountId(account),
            };
            self.pairs.insert(pair, false);
        }
    }

    fn leave(&mut self, account: i64, profile: i64) {
        self.pairs
            .retain(|pair, _| pair.account.0 != account || pair.profile.0 != profile);
    }

    fn settle(&mut self) {
        let Ok(()) = settle(self);
    }

    /// Whether a waiting pair could hold a seat without anybody losing one.
    fn admits(&self, pair: &Pair) -> bool {
        let seat = self.profiles[&pair.profile].is_none_or(|quota| self.held(pair.profile) < quota);
        let licensed = self.licensed();
        let licence = licensed.contains(&pair.account)
            || self.quota.is_none_or(|quota| (licensed.len() as i64) < quota);
        seat && licence
    }
}

impl SeatBook for Book {
    type Error = Infallible;

    fn quota(&mut self) -> Result<Option<i64>, Infallible> {
        Ok(self.quota)
    }

    fn licences(&mut self) -> Result<i64, Infallible> {
        Ok(self.licensed().len() as i64)
    }

    fn profiles(&mut self) -> Result<Vec<ProfileSeats>, Infallible> {
        let seats = |(profile, quota): (&GroupId, &Option<i64>)| ProfileSeats {
            profile: *profile,
            quota: *quota,
            held: self.held(*profile),
        };
        Ok(self.profiles.iter().map(seats).collect())
    }

    fn first_waiting(&mut self, profile: GroupId, licensed: bool) -> Result<Option<Pair>, Infallible> {
        let holders = self.licensed();
        let fits = |(pair, active): &(&Pair, &bool)| {
            !**active && pair.profile == profile && (!licensed || holders.contains(&pair.account))
        };
        Ok(self.pairs.iter().find(fits).map(|(pair, _)| *pair))
    }

    fn last_holder(&mut self, profile: Option<GroupId>) -> Result<Option<Pair>, Infallible> {
        let fits = |(pair, active): &(&Pair, &bool)| {
            **active && profile.is_none_or(|profile| pair.profile == profile)
        };
        Ok(self.pairs.iter().rev().find(fits).map(|(pair, _)| *pair))
    }

    fn grant(&mut self, pair: Pair) -> Result<(), Infallible> {
        self.pairs.insert(pair, true);
        Ok(())
    }

    fn grant_first(&mut self, profile: GroupId, count: Option<i64>) -> Result<(), Infallible> {
        let waiting: Vec<Pair> = self
            .pairs
            .iter()
            .filter(|(pair, active)| !**active && pair.profile == profile)
            .map(|(pair, _)| *pair)
            .collect();
        let count = count.map_or(usize::MAX, |count| usize::try_from(count).unwrap());
        for pair in waiting.into_iter().take(count) {
            self.pairs.insert(pair, true);
        }
        Ok(())
    }

    fn take(&mut self, pair: Pair) -> Result<(), Infallible> {
        self.pairs.insert(pair, false);
        Ok(())
    }
}

const A: i64 = 1;
const B: i64 = 2;

/// R161.
#[test]
fn a_freed_seat_goes_to_the_longest_waiting_pair_that_both_quotas_admit() {
    let profiles = BTreeMap::from([(GroupId(A), Some(1)), (GroupId(B), None)]);
    let mut book = Book {
        quota: Some(2),
        profiles,
        ..Book::default()
    };
    let (r, w, x) = (10, 11, 12);
    for (place, (account, profile)) in (1..).zip([(r, A), (r, B), (w, A), (x, B)]) {
        book.join(account, profile, place);
        book.settle();
    }
    assert_eq!(book.active(), BTreeSet::from([(r, A), (r, B), (x, B)]));
    book.leave(r, A);
    book.settle();
    assert_eq!(
        book.active(),
        BTreeSet::from([(r, B), (x, B)]),
        "w still waits: both licences are in use"
    );
    book.leave(r, B);
    book.settle();
    assert_eq!(book.active(), BTreeSet::from([(w, A), (x, B)]));
}

#[test]
fn a_lowered_quota_takes_from_those_who_came_last_and_they_wait_at_their_old_place() {
    let mut book = Book {
        quota: None,
        profiles: BTreeMap::from([(GroupId(A), Some(3))]),
        ..Book::default()
    };
    for account in 1..=4 {
        book.join(account, A, account);
    }
    book.settle();
    book.profiles.insert(GroupId(A), Some(1));
    book.settle();
    assert_eq!(book.active(), BTreeSet::from([(1, A)]));
    book.profiles.insert(GroupId(A), Some(2));
    book.settle();
    assert_eq!(book.active(), BTreeSet::from([(1, A), (2, A)]));
}

#[derive(Debug, Clone)]
enum Event {
    Join(i64, i64),
    Leave(i64, i64),
    ProductQuota(Option<i64>),
    ProfileQuota(i64, Option<i64>),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let quota = || proptest::option::weighted(0.8, 0_i64..5);
    let event = prop_oneof![
        6 => (1_i64..9, 1_i64..4).prop_map(|(account, profile)| Event::Join(account, profile)),
        4 => (1_i64..9, 1_i64..4).prop_map(|(account, profile)| Event::Leave(account, profile)),
        1 => quota().prop_map(Event::ProductQuota),
        1 => (1_i64..4, quota()).prop_map(|(profile, quota)| Event::ProfileQuota(profile, quota)),
    ];
    proptest::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quotas_hold_nobody_waits_in_vain_and_nobody_loses_for_somebody_else(events in events()) {
        let profiles = (1..4).map(|profile| (GroupId(profile), Some(2))).collect();
        let mut book = Book { quota: Some(3), profiles, ..Book::default() };
        for (place, event) in (1..).zip(events) {
            let before = book.active();
            let gone = match event {
                Event::Join(account, profile) => { book.join(account, profile, place); None }
                Event::Leave(account, profile) => { book.leave(account, profile); Some((account, profile)) }
                Event::ProductQuota(quota) => { book.quota = quota; None }
                Event::ProfileQuota(profile, quota) => { book.profiles.insert(GroupId(profile), quota); None }
            };
            book.settle();
            for (profile, quota) in &book.profiles {
                prop_assert!(quota.is_none_or(|quota| book.held(*profile) <= quota));
            }
            prop_assert!(book.quota.is_none_or(|quota| book.licensed().len() as i64 <= quota));
            for (pair, active) in &book.pairs {
                prop_assert!(*active || !book.admits(pair), "{:?} waits in vain", pair);
            }
            if matches!(event, Event::Join(..) | Event::Leave(..)) {
                let after = book.active();
                for pair in before.difference(&after) {
                    prop_assert_eq!(Some(*pair), gone, "only who left may lose a seat");
                }
            }
        }
    }
}
