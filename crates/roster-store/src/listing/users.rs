//! Pages of people.

use std::collections::HashSet;

use roster_core::listing::{GroupLabel, UserRow};
use roster_core::value::{IdentityType, OrgNo, Status};

use super::labels::{Labels, Membership, Scratch, memberships};
use super::merge::Merged;
use super::shown::{ListOrder, Shown};
use super::source::{self, Columns, Plan, Source};
use super::sql::Sql;
use super::{Position, Rows, UsersQuery};
use crate::conn::RowRef;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row::inconsistent;

/// What [`user_row`] reads, after the three columns of the position.
pub(super) const ACCOUNT_COLUMNS: &str =
    "a.public_id, a.email, a.status, a.username, a.domain, a.firstname, a.lastname, a.country, a.kind";

/// These columns' texts.
type Texts<'r> = [Option<&'r str>; 9];

/// Takes the rows of a page, one by one.
pub type UserSink<'s> = &'s mut dyn FnMut(&UserRow<'_>);

impl Reader<'_> {
    /// Hands out the people of a list from one position up to another, in order.
    ///
    /// `limit` bounds a page that is open at its end; between two positions everybody is handed out, because whoever
    /// was cut off there would be on no page at all.
    pub fn users(
        &mut self,
        query: &UsersQuery,
        from: Position,
        until: Option<Position>,
        limit: u64,
        sink: UserSink<'_>,
    ) -> Result<Rows, StoreError> {
        self.users_of_walk(query, (from, until, limit), (0, &Shown::default()), sink)
    }

    /// The same as page `page` of a walk: whoever another page of it has shown is left out.
    pub fn users_of_walk(
        &mut self,
        query: &UsersQuery,
        range: (Position, Option<Position>, u64),
        walk: (u64, &Shown),
        sink: UserSink<'_>,
    ) -> Result<Rows, StoreError> {
        let plan = Plan::of(self, query)?;
        match plan.sources.as_slice() {
            [] => Ok(Rows::default()),
            [source] => {
                let shown = source::is_remembered(query).then_some(walk);
                single(self, query, *source, range, shown, sink)
            }
            _ => merged(self, query, &plan, range, walk, sink),
        }
    }

    /// A position about halfway between two, where the people between them can be read in two parts, each by a reader of
    /// its own: whoever stays in the list keeps their place, whenever it is read. `None` where lists are merged, or may be
    /// while a walk goes on, because there a person's place depends on what else is read.
    pub fn users_halfway(
        &mut self,
        query: &UsersQuery,
        from: Position,
        until: Position,
    ) -> Result<Option<Position>, StoreError> {
        if source::is_remembered(query) {
            return Ok(None);
        }
        let plan = Plan::of(self, query)?;
        let middle = Position::halfway(from, until);
        Ok(middle.filter(|_| plan.sources.len() == 1))
    }

    /// What a list is ordered by now, see [`Shown::turned`].
    pub fn users_order(&mut self, query: &UsersQuery) -> Result<ListOrder, StoreError> {
        source::order(self, query)
    }

    /// Whether a list has anybody at a position or behind it.
    pub fn has_users(&mut self, query: &UsersQuery, from: Position) -> Result<bool, StoreError> {
        for source in Plan::of(self, query)?.sources {
            let mut sql = source.select(Columns::Keys, query.domain.as_ref(), from, None);
            sql.push(" LIMIT 1");
            if sql.any(self)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where each page of `size` people begins; empty for an empty list.
    pub fn user_page_starts(&mut self, query: &UsersQuery, size: u64) -> Result<Vec<Position>, StoreError> {
        let plan = Plan::of(self, query)?;
        match plan.sources.as_slice() {
            [source] => single_starts(self, query, *source, size.max(1)),
            _ => merged_starts(self, query, &plan, size.max(1)),
        }
    }
}

/// Hands out one person as a list would show them, whatever their status.
pub(super) fn one(
    reader: &mut Reader<'_>,
    org: OrgNo,
    account: i64,
    (direct_only, groups): (bool, bool),
    sink: UserSink<'_>,
) -> Result<(), StoreError> {
    let labels = match (groups, direct_only) {
        (false, _) => Labels::default(),
        (true, true) => Labels::direct(reader, org, account)?,
        (true, false) => {
            let found = memberships(reader, org, vec![account])?;
            Labels::new(reader, org, found, true)?
        }
    };
    let mut shown = Labelled::new(&labels, groups);
    let mut sql = Sql::new("SELECT 0, 0, a.account, ");
    sql.push(ACCOUNT_COLUMNS)
        .push(" FROM accounts a WHERE a.account = ")
        .bind(account);
    sql.rows(reader, |row| shown.hand_out(account, user_row(row)?, sink))
}

type Page = (Position, Option<Position>, u64);

fn single(
    reader: &mut Reader<'_>,
    query: &UsersQuery,
    source: Source,
    (from, until, limit): Page,
    remembered: Option<(u64, &Shown)>,
    sink: UserSink<'_>,
) -> Result<Rows, StoreError> {
    let domain = query.domain.as_ref();
    let next = match until {
        Some(_) => None,
        None => nth(reader, query, source, from, limit)?,
    };
    let packs = reader.packs();
    let sql = source.select(Columns::Block { packs }, domain, from, until.or(next));
    let block = sql.block::<3, 9>(reader)?;
    let mut people = Vec::new();
    block.numbers(|at, [place, tie, account]| {
        people.push((source.position(place, tie, account), account, at));
    })?;
    // They come along an index, but nothing has asked for an order.
    if !people.is_sorted() {
        people.sort_unstable();
    }
    if let Some((page, shown)) = remembered {
        shown.retain_new(page, &mut people, |(_, account, _)| *account);
        shown.set(page, people.iter().map(|(_, account, _)| *account).collect());
    }
    let labels = if query.groups {
        let accounts = people.iter().map(|(_, account, _)| *account).collect();
        let found = memberships(reader, query.org, accounts)?;
        Labels::new(reader, query.org, found, !query.direct_only)?
    } else {
        Labels::default()
    };
    let mut shown = Labelled::new(&labels, query.groups);
    for (_, account, at) in &people {
        if let Some(((_, texts), _)) = block.row(*at)? {
            shown.hand_out(*account, user(*account, texts)?, sink)?;
        }
    }
    Ok(Rows {
        count: people.len() as u64,
        next,
    })
}

/// The position of the row that stands `skip` rows behind a position, if there are so many.
fn nth(
    reader: &mut Reader<'_>,
    query: &UsersQuery,
    source: Source,
    from: Position,
    skip: u64,
) -> Result<Option<Position>, StoreError> {
    let mut sql = source.select(Columns::Keys, query.domain.as_ref(), from, None);
    sql.push(" LIMIT 1");
    if skip > 0 {
        sql.push(" OFFSET ").bind(i64::try_from(skip).unwrap_or(i64::MAX));
    }
    let mut found = None;
    sql.rows(reader, |row| {
        found = Some(source.position(row.int(0)?, row.int(1)?, row.int(2)?));
        Ok(())
    })?;
    Ok(found)
}

fn merged(
    reader: &mut Reader<'_>,
    query: &UsersQuery,
    plan: &Plan,
    (from, until, limit): Page,
    (page, shown): (u64, &Shown),
    sink: UserSink<'_>,
) -> Result<Rows, StoreError> {
    let limit = until.is_none().then_some(limit);
    let people = people(reader, query, plan, (from, until, limit), (page, shown))?;
    let next = people.next;
    let accounts: Vec<i64> = people.positions.iter().map(|position| position.account).collect();
    shown.set(page, accounts.clone());
    let labels = if query.groups {
        Labels::new(reader, query.org, people.memberships, !query.direct_only)?
    } else {
        Labels::default()
    };
    // The rows come in the order of accounts and are handed out in that of positions.
    let mut sql = Sql::of_block(reader.packs(), &format!("a.account, {ACCOUNT_COLUMNS}"));
    sql.push(" FROM accounts a WHERE a.account IN ")
        .list(reader, &accounts);
    let block = sql.block::<1, 9>(reader)?;
    let mut places = Vec::with_capacity(accounts.len());
    block.numbers(|at, [account]| places.push((account, at)))?;
    places.sort_unstable();
    let mut shown = Labelled::new(&labels, query.groups);
    for account in &accounts {
        let found = places.binary_search_by_key(account, |(account, _)| *account);
        let at = found.ok().and_then(|found| places.get(found));
        let row = at.map(|(_, at)| block.row(*at)).transpose()?.flatten();
        let ((_, texts), _) = row.ok_or_else(|| inconsistent("memberships", "account", *account))?;
        shown.hand_out(*account, user(*account, texts)?, sink)?;
    }
    Ok(Rows {
        count: accounts.len() as u64,
        next,
    })
}

/// People looked at in one go while ranges are merged.
const BATCH: usize = 4096;

struct People {
    positions: Vec<Position>,
    /// Theirs and perhaps those of others, by account; loaded only where somebody needs them.
    memberships: Vec<Membership>,
    next: Option<Position>,
}

/// The people of a merged page, each where they stand first.
fn people(
    reader: &mut Reader<'_>,
    query: &UsersQuery,
    plan: &Plan,
    (from, until, limit): (Position, Option<Position>, Option<u64>),
    (page, shown): (u64, &Shown),
) -> Result<People, StoreError> {
    let wanted = limit.and_then(|limit| usize::try_from(limit).ok());
    // One more than wanted, to know whether somebody follows.
    let batch = wanted.map_or(BATCH, |wanted| wanted.saturating_add(1).min(BATCH));
    let mut merged = Merged::new(plan, query.domain.as_ref(), from, until, batch as u64);
    let mut people = People {
        positions: Vec::new(),
        memberships: Vec::new(),
        next: None,
    };
    loop {
        let mut candidates = Vec::with_capacity(batch);
        while candidates.len() < batch {
            let Some(position) = merged.next(reader)? else {
                break;
            };
            candidates.push(position);
        }
        if candidates.is_empty() {
            break;
        }
        let mut accounts: Vec<i64> = candidates.iter().map(|position| position.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        if plan.overlapping || query.groups {
            let found = memberships(reader, query.org, accounts)?;
            if plan.overlapping {
                candidates.retain(|position| first_of(plan, &found, position.account) == Some(*position));
            }
            people.memberships.extend(found);
        }
        shown.retain_new(page, &mut candidates, |position| position.account);
        people.positions.append(&mut candidates);
        if wanted.is_some_and(|wanted| people.positions.len() > wanted) {
            break;
        }
    }
    if let Some(wanted) = wanted {
        people.next = people.positions.get(wanted).copied();
        people.positions.truncate(wanted);
    }
    people.memberships.sort_unstable();
    people.memberships.dedup();
    Ok(people)
}

/// Where somebody stands first in the ranges of a plan.
fn first_of(plan: &Plan, memberships: &[Membership], account: i64) -> Option<Position> {
    let start = memberships.partition_point(|m| m.account < account);
    let own = memberships.get(start..).unwrap_or_default();
    own.iter()
        .take_while(|m| m.account == account)
        .flat_map(|m| {
            let through = plan
                .sources
                .iter()
                .filter(|source| matches!(source, Source::Memberships { group, .. } if group.0 == m.group));
            through.map(|source| source.position(m.seq, m.seq, account))
        })
        .min()
}

fn single_starts(
    reader: &mut Reader<'_>,
    query: &UsersQuery,
    source: Source,
    size: u64,
) -> Result<Vec<Position>, StoreError> {
    let mut starts = Vec::new();
    // Each statement goes on where the one before it ended, so together they pass the range once.
    let mut next = nth(reader, query, source, Position::START, 0)?;
    while let Some(start) = next {
        starts.push(start);
        next = nth(reader, query, source, start, size)?;
    }
    Ok(starts)
}

fn merged_starts(
    reader: &mut Reader<'_>,
    query: &UsersQuery,
    plan: &Plan,
    size: u64,
) -> Result<Vec<Position>, StoreError> {
    let mut merged = Merged::new(plan, query.domain.as_ref(), Position::START, None, u64::MAX);
    let mut seen = HashSet::new();
    let (mut starts, mut count) = (Vec::new(), 0_u64);
    while let Some(position) = merged.next(reader)? {
        if plan.overlapping && !seen.insert(position.account) {
            continue;
        }
        if count.is_multiple_of(size) {
            starts.push(position);
        }
        count += 1;
    }
    Ok(starts)
}

/// Hands out rows with their labels.
struct Labelled<'l> {
    labels: &'l Labels,
    wanted: bool,
    scratch: Scratch,
    of_row: Vec<GroupLabel<'l>>,
}

impl<'l> Labelled<'l> {
    fn new(labels: &'l Labels, wanted: bool) -> Self {
        Self {
            labels,
            wanted,
            scratch: Scratch::default(),
            of_row: Vec::new(),
        }
    }

    fn hand_out(&mut self, account: i64, row: UserRow<'_>, sink: UserSink<'_>) -> Result<(), StoreError> {
        if self.wanted {
            self.labels.of(account, &mut self.scratch, &mut self.of_row)?;
        }
        sink(&UserRow {
            groups: &self.of_row,
            ..row
        });
        Ok(())
    }
}

/// Reads [`ACCOUNT_COLUMNS`]; groups are left empty.
pub(super) fn user_row<'r>(row: &'r RowRef<'_>) -> Result<UserRow<'r>, StoreError> {
    let mut texts: Texts<'r> = Texts::default();
    for (column, text) in (3..).zip(&mut texts) {
        *text = row.opt_text(column)?;
    }
    user(row.int(2)?, texts)
}

fn user(account: i64, texts: Texts<'_>) -> Result<UserRow<'_>, StoreError> {
    fn there<'r>(text: Option<&'r str>, column: &str, account: i64) -> Result<&'r str, StoreError> {
        text.ok_or_else(|| inconsistent("accounts", column, account))
    }
    let [
        id,
        email,
        status,
        username,
        domain,
        firstname,
        lastname,
        country,
        kind,
    ] = texts;
    Ok(UserRow {
        id: there(id, "public_id", account)?,
        email: there(email, "email", account)?,
        status: status
            .and_then(Status::parse)
            .ok_or_else(|| inconsistent("accounts", "status", account))?,
        username: there(username, "username", account)?,
        domain: there(domain, "domain", account)?,
        firstname,
        lastname,
        country: there(country, "country", account)?,
        kind: kind
            .and_then(IdentityType::parse)
            .ok_or_else(|| inconsistent("accounts", "kind", account))?,
        groups: &[],
    })
}
