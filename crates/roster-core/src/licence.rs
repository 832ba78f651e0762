//! Who holds a licence and who waits (umapi.md 9.5).
//!
//! Pairs of (member, profile) stand in a queue where a quota is finite. The rule here works on a [`SeatBook`],
//! whose rows the store keeps; where neither the profile nor its product has a quota, there is no queue and
//! everybody is active.

use crate::value::{AccountId, GroupId};

/// A waiting or holding pair: its place in the queue, then the order in which a linked group's members stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// The place at which the member first joined the profile.
    pub place: i64,
    /// Breaks ties among members that came together.
    pub tie: i64,
    /// The profile.
    pub profile: GroupId,
    /// The member.
    pub account: AccountId,
}

/// The state of one profile's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileSeats {
    /// Which.
    pub profile: GroupId,
    /// `None` is unlimited.
    pub quota: Option<i64>,
    /// Seats held.
    pub held: i64,
}

/// The queue of one product, as the store (or a test's memory) keeps it.
pub trait SeatBook {
    /// What can go wrong while reading and writing.
    type Error;

    /// The product's quota; `None` is unlimited.
    fn quota(&mut self) -> Result<Option<i64>, Self::Error>;
    /// Members that hold at least one seat of the product.
    fn licences(&mut self) -> Result<i64, Self::Error>;
    /// The product's profiles.
    fn profiles(&mut self) -> Result<Vec<ProfileSeats>, Self::Error>;
    /// The longest-waiting pair of a profile; with `licensed`, among members that hold a seat of the product.
    fn first_waiting(&mut self, profile: GroupId, licensed: bool) -> Result<Option<Pair>, Self::Error>;
    /// The holder of a seat (of one profile, or of any) who came last.
    fn last_holder(&mut self, profile: Option<GroupId>) -> Result<Option<Pair>, Self::Error>;
    /// Gives a waiting pair its seat.
    fn grant(&mut self, pair: Pair) -> Result<(), Self::Error>;
    /// Gives the first `count` waiting pairs of a profile their seats (all of them for `None`).
    fn grant_first(&mut self, profile: GroupId, count: Option<i64>) -> Result<(), Self::Error>;
    /// Takes a seat away; the pair waits again, at its old place.
    fn take(&mut self, pair: Pair) -> Result<(), Self::Error>;
}

/// Brings a product's seats in order: lowered quotas take from those who came last, then free seats go to the
/// longest-waiting pairs that both quotas admit. Nobody else gains or loses anything.
pub fn settle<B: SeatBook>(book: &mut B) -> Result<(), B::Error> {
    let quota = book.quota()?;
    for seats in book.profiles()? {
        for _ in 0..seats.quota.map_or(0, |quota| seats.held - quota) {
            let Some(pair) = book.last_holder(Some(seats.profile))? else {
                break;
            };
            book.take(pair)?;
        }
    }
    if let Some(quota) = quota {
        while book.licences()? > quota {
            let Some(pair) = book.last_holder(None)? else {
                break;
            };
            book.take(pair)?;
        }
        return fill_limited(book, quota);
    }
    // Without a limit on the product, profiles do not compete with each other.
    for seats in book.profiles()? {
        let free = seats.quota.map(|quota| quota - seats.held);
        if free.is_none_or(|free| free > 0) {
            book.grant_first(seats.profile, free)?;
        }
    }
    Ok(())
}

fn fill_limited<B: SeatBook>(book: &mut B, quota: i64) -> Result<(), B::Error> {
    loop {
        let licensed_only = book.licences()? >= quota;
        let mut first: Option<Pair> = None;
        for seats in book.profiles()? {
            if seats.quota.is_some_and(|quota| seats.held >= quota) {
                continue;
            }
            if let Some(pair) = book.first_waiting(seats.profile, licensed_only)?
                && first.is_none_or(|best| pair < best)
            {
                first = Some(pair);
            }
        }
        match first {
            Some(pair) => book.grant(pair)?,
            None => return Ok(()),
        }
    }
}
