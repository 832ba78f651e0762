//! The ordered index ranges that lists of people are made of.

use roster_core::value::{GroupId, IdentityType, OrgNo};

use super::shown::ListOrder;
use super::sql::Sql;
use super::users::ACCOUNT_COLUMNS;
use super::{DomainFilter, Position, UserList, UsersQuery};
use crate::error::StoreError;
use crate::reader::Reader;

/// One ordered index range of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The Users list, in the order of joining.
    Members(OrgNo),
    /// The direct members of a group. With a link, as members of the profile at its other end: who was in the
    /// group before the link came at the link's place.
    Memberships { group: GroupId, link: Option<i64> },
    /// The licence queue of a profile: holders or waiting members; with `direct`, only those assigned personally.
    Seats {
        org: OrgNo,
        profile: GroupId,
        active: bool,
        direct: bool,
    },
}

/// The ranges that make up a list; merged by position if there are several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) sources: Vec<Source>,
    /// Whether one person may stand in several of them.
    pub(super) overlapping: bool,
}

impl Plan {
    fn one(source: Source) -> Self {
        Self {
            sources: vec![source],
            overlapping: false,
        }
    }

    /// How a query is answered.
    pub(super) fn of(reader: &mut Reader<'_>, query: &UsersQuery) -> Result<Self, StoreError> {
        let (profile, licence) = match query.list {
            UserList::Org => return Ok(Self::one(Source::Members(query.org))),
            UserList::Group(group) => return Ok(Self::one(Source::Memberships { group, link: None })),
            UserList::Profile { group, licence } => (group, licence),
        };
        let queued = is_queued(reader, profile)?;
        let seats = |active, direct| Source::Seats {
            org: query.org,
            profile,
            active,
            direct,
        };
        let direct = Source::Memberships {
            group: profile,
            link: None,
        };
        Ok(match (licence, queued, query.direct_only) {
            (Some(active), true, direct) => Self::one(seats(active, direct)),
            // Without a queue everybody is active.
            (Some(false), false, _) => Self {
                sources: Vec::new(),
                overlapping: false,
            },
            (_, _, true) => Self::one(direct),
            (None, true, false) => Self {
                sources: vec![seats(true, false), seats(false, false)],
                overlapping: false,
            },
            (_, false, false) => {
                let mut sources = vec![direct];
                let mut sql = Sql::new("SELECT grp, seq FROM links WHERE profile = ");
                sql.bind(profile.0).push(" ORDER BY seq");
                sql.rows(reader, |row| {
                    sources.push(Source::Memberships {
                        group: GroupId(row.int(0)?),
                        link: Some(row.int(1)?),
                    });
                    Ok(())
                })?;
                Self {
                    overlapping: sources.len() > 1,
                    sources,
                }
            }
        })
    }
}

/// Whether it is remembered whom a walk has shown: the list of a profile may become one where people stand in several ranges,
/// or in others than before, because links and a quota may come and go while somebody walks through it.
pub(super) fn is_remembered(query: &UsersQuery) -> bool {
    matches!(query.list, UserList::Profile { .. })
}

/// What a list is ordered by.
pub(super) fn order(reader: &mut Reader<'_>, query: &UsersQuery) -> Result<ListOrder, StoreError> {
    Ok(match query.list {
        UserList::Profile { group, .. } if is_queued(reader, group)? => ListOrder::Queue,
        _ => ListOrder::Joined,
    })
}

/// Whether a profile has a licence queue.
pub(super) fn is_queued(reader: &mut Reader<'_>, profile: GroupId) -> Result<bool, StoreError> {
    let mut queued = false;
    let mut sql = Sql::new("SELECT queued FROM groups WHERE grp = ");
    sql.bind(profile.0);
    sql.rows(reader, |row| {
        queued = row.int(0)? != 0;
        Ok(())
    })?;
    Ok(queued)
}

/// What a statement over a [`Source`] gives beside the three columns that [`Source::position`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// Nothing.
    Keys,
    /// The columns of the account, see [`super::users::ACCOUNT_COLUMNS`].
    Accounts,
    /// The same as a block, see [`Sql::of_block`], in no order if they are packed.
    Block {
        /// Whether they are packed.
        packs: bool,
    },
}

impl Source {
    /// The position of a row, from its first three columns.
    pub(super) fn position(self, place: i64, tie: i64, account: i64) -> Position {
        match self {
            Self::Members(_) => Position::at(place),
            Self::Memberships { link, .. } => {
                Position::new(link.map_or(place, |link| link.max(place)), tie, account)
            }
            Self::Seats { .. } => Position::new(place, tie, account),
        }
    }

    /// The first (place, tie, account) of this source's index whose position is not before `at`.
    fn bound(self, at: Position) -> (i64, i64, i64) {
        let Self::Memberships { link, .. } = self else {
            return (at.place, at.tie, at.account);
        };
        let link = link.unwrap_or(i64::MIN);
        // Positions here are (max(link, seq), seq, account), which grow with (seq, account).
        let (seq, account) = if at.place < link {
            (i64::MIN, i64::MIN)
        } else if at.place == link && at.tie <= link {
            (at.tie, at.account)
        } else if at.tie < at.place {
            (at.place, i64::MIN)
        } else if at.tie == at.place {
            (at.place, at.account)
        } else {
            (at.place.saturating_add(1), i64::MIN)
        };
        (seq, seq, account)
    }

    /// The rows from one position up to another, in order.
    pub(super) fn select(
        self,
        columns: Columns,
        domain: Option<&DomainFilter>,
        from: Position,
        until: Option<Position>,
    ) -> Sql<'_> {
        let keys = match self {
            Self::Members(_) | Self::Memberships { .. } => "m.seq, m.seq, m.account",
            Self::Seats { .. } => "m.place, m.tie, m.account",
        };
        let mut sql = match columns {
            Columns::Keys => Sql::new(&format!("SELECT {keys}")),
            Columns::Accounts => Sql::new(&format!("SELECT {keys}, {ACCOUNT_COLUMNS}")),
            Columns::Block { packs } => Sql::of_block(packs, &format!("{keys}, {ACCOUNT_COLUMNS}")),
        };
        let narrowed = domain.is_some() && !matches!(self, Self::Members(_));
        self.push_from(&mut sql, columns != Columns::Keys || narrowed);
        self.push_domain(&mut sql, domain);
        self.push_range(&mut sql, from, until);
        if columns == (Columns::Block { packs: true }) {
            return sql;
        }
        sql.push(match self {
            Self::Members(_) => " ORDER BY m.seq",
            Self::Memberships { .. } => " ORDER BY m.seq, m.account",
            Self::Seats { .. } => " ORDER BY m.place, m.tie, m.account",
        });
        sql
    }

    /// How many people there are in all.
    pub(super) fn count(self, domain: Option<&DomainFilter>) -> Sql<'_> {
        let mut sql = Sql::new("SELECT COUNT(*)");
        self.push_from(&mut sql, domain.is_some() && !matches!(self, Self::Members(_)));
        self.push_domain(&mut sql, domain);
        sql
    }

    /// The tables and the range's fixed part. Both databases are to walk the range and look accounts up, in this
    /// order: SQLite takes the order of a `CROSS JOIN` as given.
    pub(super) fn push_from(self, sql: &mut Sql<'_>, accounts: bool) {
        sql.push(match self {
            Self::Members(_) => " FROM members m",
            Self::Memberships { .. } => " FROM memberships m",
            Self::Seats { .. } => " FROM seats m",
        });
        sql.push(if accounts {
            " CROSS JOIN accounts a WHERE a.account = m.account AND "
        } else {
            " WHERE "
        });
        match self {
            Self::Members(org) => {
                sql.push("m.org = ").bind(org.0).push(" AND m.listed = 1");
            }
            Self::Memberships { group, .. } => {
                sql.push("m.grp = ").bind(group.0);
            }
            Self::Seats {
                org,
                profile,
                active,
                direct,
            } => {
                sql.push("m.profile = ").bind(profile.0);
                sql.push(if active {
                    " AND m.active = 1"
                } else {
                    " AND m.active = 0"
                });
                if direct {
                    sql.push(" AND EXISTS (SELECT 1 FROM memberships d WHERE d.org = ")
                        .bind(org.0)
                        .push(" AND d.account = m.account AND d.grp = m.profile)");
                }
            }
        }
    }

    pub(super) fn push_domain<'q>(self, sql: &mut Sql<'q>, domain: Option<&'q DomainFilter>) {
        let own = matches!(self, Self::Members(_));
        match domain {
            None => {}
            Some(DomainFilter::Domain(name)) => {
                sql.push(if own {
                    " AND m.domain = "
                } else {
                    " AND a.domain = "
                })
                .bind(name.as_str());
            }
            Some(DomainFilter::AdobeIds) => {
                sql.push(if own { " AND m.kind = " } else { " AND a.kind = " })
                    .bind(IdentityType::AdobeId.as_str());
            }
        }
    }

    fn push_range(self, sql: &mut Sql<'_>, from: Position, until: Option<Position>) {
        let bounds = [
            (" >= ", (from != Position::START).then_some(from)),
            (" < ", until),
        ];
        for (comparison, position) in bounds {
            let Some(position) = position else { continue };
            let (place, tie, account) = self.bound(position);
            match self {
                Self::Members(_) => {
                    sql.push(" AND m.seq").push(comparison).bind(place);
                }
                Self::Memberships { .. } => {
                    sql.push(" AND (m.seq, m.account)").push(comparison).push("(");
                    sql.bind(place).push(", ").bind(account).push(")");
                }
                Self::Seats { .. } => {
                    sql.push(" AND (m.place, m.tie, m.account)")
                        .push(comparison)
                        .push("(");
                    sql.bind(place)
                        .push(", ")
                        .bind(tie)
                        .push(", ")
                        .bind(account)
                        .push(")");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The range from a bound holds exactly the rows whose position is not before it, for every link and position.
    #[test]
    fn bounds_agree_with_positions() {
        let numbers = [i64::MIN, 1, 2, 3, 4, 5];
        for link in [None, Some(1), Some(3), Some(5)] {
            let source = Source::Memberships {
                group: GroupId(1),
                link,
            };
            for place in numbers {
                for tie in numbers {
                    for account in [i64::MIN, 7, 8] {
                        let at = Position::new(place, tie, account);
                        let (bound, _, after) = source.bound(at);
                        for seq in 1..=5 {
                            for who in [7, 8] {
                                let inside = (seq, who) >= (bound, after);
                                let not_before = source.position(seq, seq, who) >= at;
                                assert_eq!(inside, not_before, "{link:?} {at:?} {seq} {who}");
                            }
                        }
                    }
                }
            }
        }
    }

    /// Each page is one walk along an index, accounts looked up by number: nothing is sorted, nothing is read whole.
    #[test]
    fn pages_are_read_along_an_index() {
        let (org, group) = (OrgNo(1), GroupId(2));
        let seats = |direct| Source::Seats {
            org,
            profile: group,
            active: true,
            direct,
        };
        let membership = Source::Memberships { group, link: None };
        let domain = DomainFilter::Domain(roster_core::value::Key::new("example.com"));
        for source in [Source::Members(org), membership, seats(false), seats(true)] {
            for domain in [None, Some(&domain)] {
                let block = Columns::Block { packs: true };
                for columns in [Columns::Keys, Columns::Accounts, block] {
                    for until in [None, Some(Position::new(9, 9, 9))] {
                        let sql = source.select(columns, domain, Position::new(1, 1, 1), until);
                        let plan = sql.plan();
                        let walk = plan.first().unwrap();
                        assert!(walk.starts_with("SEARCH m USING"), "{plan:?}");
                        assert!(
                            walk.contains("seq>")
                                || walk.contains("(seq,account)>")
                                || walk.contains("place,tie,account)>"),
                            "{plan:?}"
                        );
                        assert!(
                            plan.iter()
                                .all(|step| !step.contains("SCAN") && !step.contains("TEMP")),
                            "{plan:?}"
                        );
                    }
                }
            }
        }
    }
}
