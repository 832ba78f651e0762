//! What a stretch of the log adds to the rows and takes from them, counted by [`Sums`].

use std::collections::{BTreeMap, BTreeSet};

use roster_core::change::{Change, Configured, OrgSettings};
use roster_core::org::{Account, Group};
use roster_core::value::{AccountId, Seq};

use super::sums::{
    Facet, Sums, account, country, directory, domain, group, group_name, link, member, membership, person,
    product, quota, settings, status, trusted,
};
use crate::audit::Rows;

/// Something that rows depend on which a change of the first stored form does not name: kept in the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Linked(i64, i64, Seq),
    Unlinked(i64, i64),
    /// A group is gone; whether its links are named beside the entry.
    GroupGone(i64, bool),
    Trusted(i64, i64),
    Revoked(i64, i64),
    /// A directory is gone; whether those it was shared with are named beside the entry.
    DirectoryGone(i64, bool),
}

/// What a stretch of the log adds and takes away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stretch {
    pub(crate) sums: Sums,
    pub(crate) events: Vec<Event>,
    /// A mirror came to be, and whom it took over is not named.
    pub(crate) took_over_unnamed: bool,
}

impl Stretch {
    /// Counts a change; `named` says whether the entry names all rows, `erased` whose personal values are gone from it.
    pub(crate) fn change(&mut self, change: &Change, named: bool, erased: &[AccountId]) {
        let sums = &mut self.sums;
        match change {
            Change::AccountCreated(created) => {
                let (id, digest) = (created.id.0, account_of(created));
                sums.add(Facet::Accounts, digest);
                sums.add(Facet::Statuses, status(id, created.status.as_str()));
                if !erased.contains(&created.id) {
                    sums.add(Facet::Persons, person(id, &(&created.person).into()));
                    sums.add(Facet::Persons, country(id, created.country.as_str()));
                }
            }
            Change::AccountDeleted(deleted) => {
                let (id, digest) = (deleted.id.0, account_of(deleted));
                sums.sub(Facet::Accounts, digest);
                sums.sub(Facet::Statuses, status(id, deleted.status.as_str()));
                if !erased.contains(&deleted.id) {
                    sums.sub(Facet::Persons, person(id, &(&deleted.person).into()));
                    sums.sub(Facet::Persons, country(id, deleted.country.as_str()));
                }
            }
            Change::AccountUpdated {
                account,
                before,
                after,
            } => {
                if !erased.contains(account) {
                    let (before, after) = (before.into(), after.into());
                    sums.turn(
                        Facet::Persons,
                        person(account.0, &before),
                        person(account.0, &after),
                    );
                }
            }
            Change::AccountStatusSet {
                account,
                before,
                after,
            } => sums.turn(
                Facet::Statuses,
                status(account.0, before.as_str()),
                status(account.0, after.as_str()),
            ),
            Change::MemberJoined { account, seq, .. } => sums.add(Facet::Members, member(account.0, seq.0)),
            Change::MemberLeft { account, seq, .. } => sums.sub(Facet::Members, member(account.0, seq.0)),
            Change::GroupCreated(created) => {
                sums.add(Facet::Groups, group(created));
                let named_digest = group_name(created.id, &created.name, created.description.as_deref());
                sums.add(Facet::GroupNames, named_digest);
                sums.add(Facet::Quotas, quota_of(created));
                self.took_over_unnamed |= created.source.is_some() && !named;
            }
            Change::GroupDeleted(deleted) => {
                sums.sub(Facet::Groups, group(deleted));
                let named_digest = group_name(deleted.id, &deleted.name, deleted.description.as_deref());
                sums.sub(Facet::GroupNames, named_digest);
                sums.sub(Facet::Quotas, quota_of(deleted));
                self.events.push(Event::GroupGone(deleted.id.0, named));
            }
            Change::GroupUpdated {
                group, before, after, ..
            } => sums.turn(
                Facet::GroupNames,
                group_name(*group, &before.0, before.1.as_deref()),
                group_name(*group, &after.0, after.1.as_deref()),
            ),
            Change::Joined {
                group, account, seq, ..
            } => sums.add(Facet::Memberships, membership(account.0, group.0, seq.0)),
            Change::Left {
                group, account, seq, ..
            } => sums.sub(Facet::Memberships, membership(account.0, group.0, seq.0)),
            Change::Linked {
                group, profile, seq, ..
            } => {
                sums.add(Facet::Links, link(group.0, profile.0, seq.0));
                self.events.push(Event::Linked(group.0, profile.0, *seq));
            }
            Change::Unlinked {
                group, profile, seq, ..
            } => {
                sums.sub(Facet::Links, link(group.0, profile.0, seq.0));
                self.events.push(Event::Unlinked(group.0, profile.0));
            }
            Change::Configured(configured) => self.configured(configured, named),
        }
    }

    fn configured(&mut self, configured: &Configured, named: bool) {
        let sums = &mut self.sums;
        match configured {
            Configured::OrgCreated(org) => {
                let digest = settings(&org.name, org.state, &org.identity_types);
                sums.add(Facet::Settings, digest);
            }
            Configured::OrgUpdated { before, after, .. } => {
                sums.turn(Facet::Settings, settings_of(before), settings_of(after));
            }
            Configured::DirectoryCreated(after) => sums.add(Facet::Directories, directory(after)),
            Configured::DirectoryUpdated(before, after) => {
                sums.turn(Facet::Directories, directory(before), directory(after));
            }
            Configured::DirectoryDeleted(before) => {
                sums.sub(Facet::Directories, directory(before));
                self.events.push(Event::DirectoryGone(before.id.0, named));
            }
            Configured::DomainClaimed(after) => sums.add(Facet::Domains, domain(after)),
            Configured::DomainUpdated(before, after) => {
                sums.turn(Facet::Domains, domain(before), domain(after));
            }
            Configured::DomainReleased(before) => sums.sub(Facet::Domains, domain(before)),
            Configured::Trusted {
                directory, trustee, ..
            } => {
                sums.add(Facet::Relations, trusted(directory.0, trustee.0));
                self.events.push(Event::Trusted(directory.0, trustee.0));
            }
            Configured::TrustRevoked {
                directory, trustee, ..
            } => {
                sums.sub(Facet::Relations, trusted(directory.0, trustee.0));
                self.events.push(Event::Revoked(directory.0, trustee.0));
            }
            Configured::ProductCreated(after) => sums.add(Facet::Products, product(after)),
            Configured::ProductUpdated(before, after) => {
                sums.turn(Facet::Products, product(before), product(after));
            }
            Configured::ProductDeleted(before) => sums.sub(Facet::Products, product(before)),
            Configured::ProfileQuotaSet {
                profile,
                before,
                after,
                ..
            } => sums.turn(Facet::Quotas, quota(*profile, *before), quota(*profile, *after)),
        }
    }

    /// Counts a set beside an entry.
    pub(crate) fn set(&mut self, rows: Option<Rows>, of: i64, keys: &[(i64, i64)]) {
        let sums = &mut self.sums;
        for (key, place) in keys {
            match rows {
                None => sums.sub(Facet::Memberships, membership(*key, of, *place)),
                Some(Rows::TakenOver) => sums.add(Facet::Memberships, membership(*key, of, *place)),
                Some(Rows::Listed) => sums.add(Facet::Members, member(*key, *place)),
                Some(Rows::UnlinkedProfiles) => sums.sub(Facet::Links, link(of, *key, *place)),
                Some(Rows::UnlinkedGroups) => sums.sub(Facet::Links, link(*key, of, *place)),
                Some(Rows::Untrusted) => sums.sub(Facet::Relations, trusted(of, *key)),
            }
        }
    }

    /// Takes away what ended with a group or directory without being named. `self.events` is everything that was
    /// counted, in order.
    pub(crate) fn settle(&mut self) {
        let mut links: BTreeMap<(i64, i64), Seq> = BTreeMap::new();
        let mut trust: BTreeSet<(i64, i64)> = BTreeSet::new();
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Linked(group, profile, seq) => {
                    links.insert((group, profile), seq);
                }
                Event::Unlinked(group, profile) => {
                    links.remove(&(group, profile));
                }
                Event::GroupGone(id, named) => links.retain(|(group, profile), seq| {
                    let ended = *group == id || *profile == id;
                    if ended && !named {
                        self.sums.sub(Facet::Links, link(*group, *profile, seq.0));
                    }
                    !ended
                }),
                Event::Trusted(directory, org) => {
                    trust.insert((directory, org));
                }
                Event::Revoked(directory, org) => {
                    trust.remove(&(directory, org));
                }
                Event::DirectoryGone(id, named) => trust.retain(|(directory, org)| {
                    let ended = *directory == id;
                    if ended && !named {
                        self.sums.sub(Facet::Relations, trusted(*directory, *org));
                    }
                    !ended
                }),
            }
        }
    }
}

fn account_of(of: &Account) -> u128 {
    account(of.id.0, &of.public_id, of.directory.0, of.kind.as_str())
}

fn quota_of(group: &Group) -> u128 {
    quota(group.id, group.profile.as_ref().and_then(|profile| profile.quota))
}

fn settings_of(of: &OrgSettings) -> u128 {
    settings(&of.name, of.state, &of.identity_types)
}
