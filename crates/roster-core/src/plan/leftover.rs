//! Adobe-only accounts: listing, limit, and what is done to them.

use std::collections::BTreeSet;

use crate::plan::compare::{Comparison, Stray};
use crate::plan::output::{AdobeOnlyAction, AdobeOnlyWork, Note};
use crate::plan::people::UserKey;
use crate::plan::settings::{AdobeOnly, Limit};

/// Settles what happens to the accounts that were left over.
pub(crate) fn settle(comparison: &mut Comparison<'_>) {
    let settings = comparison.settings;
    if !settings.wants_adobe_only() {
        return;
    }
    let only_with_groups = settings.group_removals_only;
    if only_with_groups && !settings.process_groups {
        comparison.note(Note::GroupRemovalsOnlyWithoutGroups);
    }
    for strays in &mut comparison.strays {
        if only_with_groups {
            strays.retain(|stray| stray.groups.as_ref().is_some_and(|groups| !groups.is_empty()));
        }
    }
    if settings.adobe_only == AdobeOnly::WriteFile && !settings.hold_adobe_only {
        comparison.plan.list = Some(listing(comparison));
    }
    if !settings.acts_on_adobe_only() {
        return;
    }
    let count = comparison.strays.first().map_or(0, Vec::len);
    if settings.hold_adobe_only {
        if count > 0 {
            comparison.note(Note::Withheld { count });
        }
        return;
    }
    let limit = limit(comparison);
    if over(count, limit) {
        if settings.listed && matches!(settings.limit, Limit::Percent(_)) {
            comparison.note(Note::PercentOfList);
        }
        comparison.note(Note::OverLimit { count, limit });
        return;
    }
    if settings.listed && matches!(settings.adobe_only, AdobeOnly::Preserve) {
        comparison.note(Note::ListWithoutGroups);
    }
    comparison.plan.counts.adobe_only_processed = count;
    act(comparison);
}

fn listing(comparison: &Comparison<'_>) -> Vec<(usize, UserKey)> {
    let primary = primary_keys(comparison);
    let mut rows = Vec::new();
    for (organization, strays) in comparison.strays.iter().enumerate() {
        let ours = strays
            .iter()
            .filter(|stray| organization == 0 || primary.contains(&stray.key));
        rows.extend(ours.map(|stray| (organization, stray.key)));
    }
    rows
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^52")]
fn limit(comparison: &Comparison<'_>) -> f64 {
    let counts = comparison.plan.counts;
    match comparison.settings.limit {
        Limit::Number(number) => number as f64,
        Limit::Percent(percent) => {
            counts
                .adobe_users_read
                .saturating_sub(counts.adobe_users_excluded) as f64
                * percent
                / 100.0
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^52")]
fn over(count: usize, limit: f64) -> bool {
    count as f64 > limit
}

fn primary_keys(comparison: &Comparison<'_>) -> BTreeSet<UserKey> {
    comparison
        .strays
        .first()
        .map(|strays| strays.iter().map(|stray| stray.key).collect())
        .unwrap_or_default()
}

fn act(comparison: &mut Comparison<'_>) {
    let primary = primary_keys(comparison);
    let all = std::mem::take(&mut comparison.strays);
    for (organization, strays) in all.iter().enumerate() {
        for stray in strays {
            // Only who is Adobe-only in the primary as well is touched elsewhere.
            if organization > 0 && !primary.contains(&stray.key) {
                if comparison.settings.listed {
                    comparison.note(Note::ListedInSecondaryOnly {
                        organization,
                        account: stray.account,
                    });
                }
                continue;
            }
            if let Some(action) = action(comparison, organization, stray)
                && let Some(orders) = comparison.plan.organizations.get_mut(organization)
            {
                orders.adobe_only.push(AdobeOnlyWork {
                    account: stray.account,
                    action,
                });
            }
        }
    }
}

/// What is done to one account: all groups before removal before mapped groups.
fn action(comparison: &Comparison<'_>, organization: usize, stray: &Stray) -> Option<AdobeOnlyAction> {
    match comparison.settings.adobe_only {
        AdobeOnly::RemoveAdobeGroups => Some(AdobeOnlyAction::LeaveAllGroups),
        AdobeOnly::Remove => Some(AdobeOnlyAction::Remove {
            delete_account: false,
        }),
        AdobeOnly::Delete => Some(AdobeOnlyAction::Remove {
            delete_account: organization == 0,
        }),
        AdobeOnly::Preserve | AdobeOnly::WriteFile => {
            let groups = stray.groups.clone().filter(|groups| !groups.is_empty())?;
            Some(AdobeOnlyAction::LeaveGroups(groups))
        }
        AdobeOnly::Exclude => None,
    }
}
