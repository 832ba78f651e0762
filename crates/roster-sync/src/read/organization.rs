//! Accounts and groups of an organization, read through the API into core's values.

use std::collections::{BTreeMap, BTreeSet};

use roster_client::{Client, ClientError, User, UserQuery};
use roster_core::plan::World;
use roster_core::plan::people::{Account, UserKey};
use roster_core::value::IdentityType;

use crate::config::main_file::identity_type;
use crate::log::Log;
use crate::pattern::Pattern;
use crate::progress::{Phase, Progress};

/// What is wanted of an organization, and how its accounts are understood.
pub(crate) struct Wanted<'r> {
    /// The position of the organization in the world.
    pub organization: usize,
    /// Only members of these groups; `None` for everybody.
    pub groups: Option<Vec<String>>,
    /// Whether their names come from the command line, and nobody in one is worth a warning.
    pub typed: bool,
    /// The type of accounts that name none.
    pub default_type: IdentityType,
    /// Gives every account the default type.
    pub uses_business_id: bool,
    /// `exclude_users`.
    pub exclude: &'r [Pattern],
    /// Whether lines about progress are written.
    pub progress: bool,
}

const LOGGER: &str = "user_sync.connector.connector_umapi";

/// Reads the accounts. Somebody who is a member of several of the groups asked for comes once.
pub(crate) async fn accounts(
    client: &Client,
    wanted: &Wanted<'_>,
    world: &mut World,
    log: &Log,
) -> Result<(), ClientError> {
    let queries = match &wanted.groups {
        None => vec![UserQuery::everybody()],
        Some(groups) => groups.iter().map(|group| UserQuery::members_of(group)).collect(),
    };
    let several = queries.len() > 1;
    let mut seen = BTreeSet::new();
    let mut group_ids = BTreeMap::new();
    let mut count = 0_u64;
    for query in &queries {
        let mut pages = client.users(query);
        let mut is_empty = true;
        while let Some(page) = pages.next().await? {
            is_empty &= page.users.is_empty();
            count += page.users.len() as u64;
            log.see(&Progress::read(
                Phase::Organization,
                count,
                page.total.filter(|_| !several),
            ));
            for user in &page.users {
                if let Some(account) = account(user, wanted, world, &mut group_ids, log)
                    && (!several || seen.insert(account.key))
                    && let Some(organization) = world.organizations.get_mut(wanted.organization)
                {
                    organization.accounts.push(account);
                }
            }
            if wanted.progress
                && let Some(total) = page.total.filter(|&total| total > 0)
            {
                log.info(
                    LOGGER,
                    format_args!(
                        "{count}/{total} ({}%) users received",
                        count.min(total) * 100 / total
                    ),
                );
            }
        }
        if let Some(group) = query.group.as_ref().filter(|_| is_empty && wanted.typed) {
            log.warning(
                LOGGER,
                "adobe-group-empty",
                format_args!(
                    "Nobody is in group '{group}' of `--adobe-users group`, or there is no such group: people of the directory \
                     who have an account all the same are new to this run"
                ),
            );
        }
    }
    Ok(())
}

/// Reads the names of all groups.
pub(crate) async fn groups(
    client: &Client,
    organization: usize,
    world: &mut World,
) -> Result<(), ClientError> {
    let mut names = BTreeSet::new();
    let mut pages = client.groups();
    while let Some(page) = pages.next().await? {
        for group in &page.groups {
            names.insert(world.texts.intern_folded(&group.group_name));
        }
    }
    if let Some(organization) = world.organizations.get_mut(organization) {
        organization.groups = Some(names);
    }
    Ok(())
}

/// The account a record stands for; `None`, with a warning, when it stands for nobody.
fn account(
    user: &User,
    wanted: &Wanted<'_>,
    world: &mut World,
    group_ids: &mut BTreeMap<String, u32>,
    log: &Log,
) -> Option<Account> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let email = user.email.as_deref().unwrap_or("").trim();
    let username = user.username.as_deref().unwrap_or("").trim();
    let domain = user.domain.as_deref().unwrap_or("").trim();
    let said = user
        .kind
        .as_deref()
        .map(str::trim)
        .filter(|kind| !kind.is_empty());
    let kind = if wanted.uses_business_id {
        wanted.default_type
    } else if let Some(said) = said {
        let Some(kind) = identity_type(said) else {
            let message = format!("Ignoring umapi user {email}: its type `{said}` is not known");
            log.warning(LOGGER, "adobe-user-of-unknown-type", message);
            return None;
        };
        kind
    } else {
        let message = format!("Found adobe user with no identity type: {email}");
        log.error(LOGGER, "adobe-user-without-type", message);
        wanted.default_type
    };
    let Some(key) = UserKey::of_account(&mut world.texts, kind, username, domain, email) else {
        log.warning(
            LOGGER,
            "adobe-user-without-key",
            format_args!("Ignoring umapi user with empty user key: `{username}`, `{email}`"),
        );
        return None;
    };
    let mut groups = Vec::with_capacity(user.groups.len());
    for name in &user.groups {
        if let Some(&id) = group_ids.get(name) {
            groups.push(id);
            continue;
        }
        let folded = world.texts.intern_folded(name);
        let spelled = world.texts.intern(name);
        if let Some(organization) = world.organizations.get_mut(wanted.organization) {
            organization.spelling.entry(folded).or_insert(spelled);
        }
        group_ids.insert(name.clone(), folded.number());
        groups.push(folded.number());
    }
    let excluded_by = excluded_by(wanted.exclude, world.texts.get(key.username), log);
    Some(Account {
        key,
        email: world.texts.intern(email),
        username: world
            .texts
            .intern(if username.is_empty() { email } else { username }),
        domain: world.texts.intern(domain),
        firstname: world.texts.intern(&text(&user.firstname)),
        lastname: world.texts.intern(&text(&user.lastname)),
        groups: world.sets.intern(&mut groups),
        excluded_by,
    })
}

/// The first pattern that fits, counted from 1. A pattern that takes too long counts as one that fits: leaving somebody
/// alone can be made up for.
fn excluded_by(patterns: &[Pattern], username: &str, log: &Log) -> u16 {
    for (number, pattern) in (1..).zip(patterns) {
        match pattern.fits(username) {
            Ok(false) => {}
            Ok(true) => return number,
            Err(why) => {
                let pattern = pattern.as_str();
                log.warning(
                    LOGGER,
                    "pattern-too-slow",
                    format_args!("`{pattern}` takes too long on `{username}` ({why}), who is left alone"),
                );
                return number;
            }
        }
    }
    0
}
