//! What runs remember of groups that `additional_groups` lead somewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Accepted, Earlier, Fewer, Seen, Selected, is_far_fewer, is_shrunk, share};

/// How many of those who were read are in groups that `additional_groups` leads somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Additional {
    /// The groups that are read by being in the mapping.
    groups: BTreeSet<String>,
    /// Those that can get far fewer.
    members: BTreeMap<String, usize>,
}

impl Earlier {
    /// The same with the counts of `additional_groups` in one place, which earlier versions kept in each selection: the latest
    /// of each group.
    pub(super) fn gathered(mut self) -> Self {
        for selection in &mut self.selections {
            let members = std::mem::take(&mut selection.additional);
            if members.is_empty() {
                continue;
            }
            let known = self.additional.entry(selection.asked_for.clone()).or_default();
            known.groups.clone_from(&selection.groups);
            known.members.extend(members);
        }
        self
    }

    /// The groups of `additional_groups` of an earlier run that read the same people; `None` where there is none, or one of its
    /// groups is not mapped any more.
    fn additional(&self, now: &Selected) -> Option<&Additional> {
        let known = self.additional.get(&now.asked_for);
        known.filter(|earlier| earlier.groups.is_subset(&now.groups))
    }

    /// Groups of `additional_groups` that far fewer people are in than before.
    pub(super) fn fewer_additional(&self, now: &Seen) -> BTreeMap<String, Fewer> {
        let selection = &now.selection;
        // With a filter that is new, all who were read stand for those who were selected.
        let (then, later) = match self.selection(selection) {
            Some(known) => (known.people, selection.people),
            None => (self.read(selection).unwrap_or(0), selection.read),
        };
        let known = self.additional(&now.selection).into_iter();
        let known = known.flat_map(|earlier| &earlier.members);
        let both = known.map(|(name, &before)| {
            let now = now.additional.get(name).copied().unwrap_or(0);
            (name.clone(), Fewer { before, now })
        });
        both.filter(|(_, Fewer { before, now: members })| {
            is_shrunk(before.saturating_sub(share(*before, then, later)), *members)
        })
        .collect()
    }

    pub(super) fn additional_after(
        &self,
        now: &Seen,
        accepted: Accepted,
        least: Option<f64>,
    ) -> BTreeMap<String, Additional> {
        let mut all = self.additional.clone();
        let shrunk = self.fewer_additional(now);
        // A narrow filter may find all whom it wants in a directory that is not whole.
        let in_doubt =
            self.is_in_doubt(now, accepted, least) || self.reads_far_fewer(&now.selection, accepted, least);
        let known = self.additional(&now.selection);
        if known.is_none() && in_doubt {
            return all;
        }
        let mut members = now.additional.clone();
        for (name, &before) in known.into_iter().flat_map(|known| &known.members) {
            if accepted.fewer && !in_doubt && !members.contains_key(name) {
                continue;
            }
            let count = members.entry(name.clone()).or_insert(before);
            if in_doubt || (shrunk.contains_key(name) && !accepted.fewer) {
                *count = before.max(*count);
            }
        }
        // So few can never be far fewer.
        members.retain(|_, count| is_shrunk(*count, 0));
        let asked_for = now.selection.asked_for.clone();
        if members.is_empty() {
            all.remove(&asked_for);
        } else {
            let groups = now.selection.groups.clone();
            all.insert(asked_for, Additional { groups, members });
        }
        all
    }

    /// Whether far fewer people were read than in the latest run that asked for the same ones, and nobody has said that it is
    /// meant.
    pub(super) fn reads_far_fewer(&self, now: &Selected, accepted: Accepted, least: Option<f64>) -> bool {
        let is_meant = accepted.fewer || (accepted.empty && now.read == 0);
        !is_meant
            && self
                .read(now)
                .is_some_and(|before| is_far_fewer(before, now.read, least))
    }
}
