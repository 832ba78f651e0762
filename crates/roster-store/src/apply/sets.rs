//! Changes of sets: one statement each, however many members.

use roster_core::org::{Group, GroupKind};
use roster_core::value::{GroupId, OrgNo, ProductId, Seq};

use super::Applier;
use crate::audit::{Happened, Rows};
use crate::conn::Param;
use crate::error::StoreError;

/// Members of group `$1` in organization `$2` that belong to profile `$3` by no other route.
const ONLY_THROUGH: &str = "SELECT m.account FROM memberships m WHERE m.grp = $1
    AND NOT EXISTS (SELECT 1 FROM memberships d WHERE d.org = $2 AND d.account = m.account AND d.grp = $3)
    AND NOT EXISTS (SELECT 1 FROM memberships o JOIN links l ON l.org = $2 AND l.grp = o.grp AND l.profile = $3
                    WHERE o.org = $2 AND o.account = m.account AND o.grp <> $1)";

impl Applier<'_> {
    pub(super) fn link(
        &mut self,
        org: OrgNo,
        group: GroupId,
        profile: GroupId,
        seq: Seq,
    ) -> Result<(), StoreError> {
        self.take(org, seq.0);
        let (product, queued) = self.profile(profile)?;
        let entering = self.count_only_through(org, group, profile)?;
        if queued && entering > 0 {
            // Those who come together stand in the order in which they joined the group.
            let sql = format!(
                "INSERT INTO seats (product, account, profile, place, tie, active)
                 SELECT $4, q.account, $3, $5, q.seq, 0 FROM memberships q WHERE q.grp = $1 AND q.account IN ({ONLY_THROUGH})"
            );
            // Parameters bind in the order of their first occurrence in the text.
            let sql = renumber(&sql);
            let params = [
                Param::Int(product.0),
                Param::Int(profile.0),
                Param::Int(seq.0),
                Param::Int(group.0),
                Param::Int(org.0),
            ];
            self.execute(&sql, &params)?;
            self.unsettled.insert((org, product));
        }
        let params = [
            Param::Int(org.0),
            Param::Int(group.0),
            Param::Int(profile.0),
            Param::Int(seq.0),
        ];
        self.execute(
            "INSERT INTO links (org, grp, profile, seq) VALUES ($1, $2, $3, $4)",
            &params,
        )?;
        self.tally.members(profile, entering);
        Ok(())
    }

    fn count_only_through(
        &mut self,
        org: OrgNo,
        group: GroupId,
        profile: GroupId,
    ) -> Result<i64, StoreError> {
        let sql = format!("SELECT COUNT(*) FROM ({ONLY_THROUGH}) only_through");
        let params = [Param::Int(group.0), Param::Int(org.0), Param::Int(profile.0)];
        Ok(self.conn.number(&sql, &params)?.unwrap_or(0))
    }

    pub(super) fn unlink(&mut self, org: OrgNo, group: GroupId, profile: GroupId) -> Result<(), StoreError> {
        let (product, queued) = self.profile(profile)?;
        let leaving = self.count_only_through(org, group, profile)?;
        if queued && leaving > 0 {
            let sql = format!(
                "DELETE FROM seats WHERE product = $4 AND profile = $3 AND account IN ({ONLY_THROUGH})"
            );
            let sql = renumber(&sql);
            let params = [
                Param::Int(product.0),
                Param::Int(profile.0),
                Param::Int(group.0),
                Param::Int(org.0),
            ];
            self.execute(&sql, &params)?;
            self.recount.insert(product);
            self.unsettled.insert((org, product));
        }
        let params = [Param::Int(org.0), Param::Int(group.0), Param::Int(profile.0)];
        self.execute(
            "DELETE FROM links WHERE org = $1 AND grp = $2 AND profile = $3",
            &params,
        )?;
        self.tally.members(profile, -leaving);
        Ok(())
    }

    pub(super) fn delete_group(&mut self, group: &Group) -> Result<(), StoreError> {
        let (org, id) = (group.org, group.id);
        match group.kind {
            GroupKind::UserGroup => {
                let mut linked = Vec::new();
                let params = [Param::Int(org.0), Param::Int(id.0)];
                self.conn.query(
                    "SELECT profile FROM links WHERE org = $1 AND grp = $2",
                    &params,
                    &mut |row| {
                        linked.push(GroupId(row.int(0)?));
                        Ok(())
                    },
                )?;
                self.keep_links(org, id, Rows::UnlinkedProfiles)?;
                for profile in linked {
                    self.unlink(org, id, profile)?;
                }
            }
            GroupKind::Profile(product) => {
                self.keep_links(org, id, Rows::UnlinkedGroups)?;
                self.execute("DELETE FROM links WHERE profile = $1", &[Param::Int(id.0)])?;
                self.drop_queue(org, product, id)?;
            }
            _ => {}
        }
        self.keep_members(org, id)?;
        self.execute("DELETE FROM memberships WHERE grp = $1", &[Param::Int(id.0)])?;
        self.execute("DELETE FROM groups WHERE grp = $1", &[Param::Int(id.0)])?;
        self.tally.forget(id);
        self.profiles.remove(&id);
        Ok(())
    }

    /// The log keeps the links that end with a group, and their places.
    fn keep_links(&mut self, org: OrgNo, group: GroupId, rows: Rows) -> Result<(), StoreError> {
        let sql = if rows == Rows::UnlinkedProfiles {
            "SELECT profile, seq FROM links WHERE org = $1 AND grp = $2 ORDER BY seq"
        } else {
            "SELECT grp, seq FROM links WHERE org = $1 AND profile = $2 ORDER BY seq"
        };
        let mut keys = Vec::new();
        self.conn
            .query(sql, &[Param::Int(org.0), Param::Int(group.0)], &mut |row| {
                keys.push((row.int(0)?, row.int(1)?));
                Ok(())
            })?;
        self.keep_rows(org, rows, group.0, keys);
        Ok(())
    }

    pub(super) fn keep_rows(&mut self, org: OrgNo, rows: Rows, of: i64, keys: Vec<(i64, i64)>) {
        if !keys.is_empty() {
            let followed = self.followed.entry(org).or_default();
            followed.push(Happened::Rows { rows, of, keys });
        }
    }

    /// The log keeps who was in a group that goes, and at which place.
    fn keep_members(&mut self, org: OrgNo, group: GroupId) -> Result<(), StoreError> {
        let mut members = Vec::new();
        let params = [Param::Int(group.0)];
        self.conn.query(
            "SELECT account, seq FROM memberships WHERE grp = $1 ORDER BY seq",
            &params,
            &mut |row| {
                members.push((row.int(0)?, row.int(1)?));
                Ok(())
            },
        )?;
        if !members.is_empty() {
            self.followed
                .entry(org)
                .or_default()
                .push(Happened::MembersRemoved { group, members });
        }
        Ok(())
    }

    /// A mirror takes over its source's members: first those missing enter the Users list, then all join, each at
    /// the next place, in the order in which they joined the source.
    pub(super) fn fill_mirror(&mut self, group: &Group, source: GroupId) -> Result<(), StoreError> {
        let mut place = self
            .next
            .get(&group.org)
            .copied()
            .unwrap_or(group.seq.0 + 1)
            .max(group.seq.0 + 1);
        let (org, params) = (group.org, [Param::Int(source.0), Param::Int(group.org.0)]);
        let newcomers = "SELECT m.account FROM memberships m WHERE m.grp = $1
             AND NOT EXISTS (SELECT 1 FROM members u WHERE u.account = m.account AND u.org = $2) ORDER BY m.seq";
        let mut accounts = Vec::new();
        self.conn.query(newcomers, &params, &mut |row| {
            accounts.push(roster_core::value::AccountId(row.int(0)?));
            Ok(())
        })?;
        let mut listed = Vec::new();
        for account in accounts {
            self.join_org(org, account, Seq(place))?;
            listed.push((account.0, place));
            place += 1;
        }
        // Numbering the rows is the one thing the two databases say in the same words and SQLite plans well.
        let copied = self.execute(
            "INSERT INTO memberships (org, account, grp, seq)
             SELECT $1, m.account, $2, $3 + ROW_NUMBER() OVER (ORDER BY m.seq) FROM memberships m WHERE m.grp = $4",
            &[Param::Int(org.0), Param::Int(group.id.0), Param::Int(place - 1), Param::Int(source.0)],
        )?;
        let copied = i64::try_from(copied).unwrap_or(i64::MAX);
        self.tally.direct(group.id, copied);
        if copied > 0 {
            self.take(org, place - 1 + copied);
        }
        // The log keeps who was taken over, and at which place.
        let mut taken = Vec::new();
        let sql = "SELECT account, seq FROM memberships WHERE grp = $1 ORDER BY seq";
        self.conn.query(sql, &[Param::Int(group.id.0)], &mut |row| {
            taken.push((row.int(0)?, row.int(1)?));
            Ok(())
        })?;
        self.keep_rows(org, Rows::Listed, 0, listed);
        self.keep_rows(org, Rows::TakenOver, group.id.0, taken);
        Ok(())
    }

    /// A profile whose members queue from now on: all of them, in the order in which they came.
    pub(super) fn build_queue(
        &mut self,
        org: OrgNo,
        product: ProductId,
        profile: GroupId,
    ) -> Result<(), StoreError> {
        let params = [Param::Int(product.0), Param::Int(profile.0)];
        self.execute(
            "INSERT INTO seats (product, account, profile, place, tie, active)
             SELECT $1, r.account, $2, MIN(r.place), MIN(r.tie), 0 FROM (
                 SELECT d.account AS account, d.seq AS place, 0 AS tie FROM memberships d WHERE d.grp = $2
                 UNION ALL
                 SELECT m.account, CASE WHEN l.seq > m.seq THEN l.seq ELSE m.seq END, m.seq
                 FROM links l JOIN memberships m ON m.grp = l.grp WHERE l.profile = $2
             ) r GROUP BY r.account",
            &params,
        )?;
        self.execute(
            "UPDATE groups SET queued = 1 WHERE grp = $1",
            &[Param::Int(profile.0)],
        )?;
        self.profiles.insert(profile, (product, true));
        self.unsettled.insert((org, product));
        Ok(())
    }

    /// A profile whose members do not queue any more.
    pub(super) fn drop_queue(
        &mut self,
        org: OrgNo,
        product: ProductId,
        profile: GroupId,
    ) -> Result<(), StoreError> {
        let params = [Param::Int(product.0), Param::Int(profile.0)];
        self.execute("DELETE FROM seats WHERE product = $1 AND profile = $2", &params)?;
        self.execute(
            "UPDATE groups SET queued = 0 WHERE grp = $1",
            &[Param::Int(profile.0)],
        )?;
        self.profiles.insert(profile, (product, false));
        self.recount.insert(product);
        self.unsettled.insert((org, product));
        Ok(())
    }
}

/// Gives parameters the numbers that both engines agree on: SQLite binds `$name` by first occurrence, PostgreSQL by
/// number. Returns the text with `$n` renamed in the order in which they first stand.
fn renumber(sql: &str) -> String {
    let mut order: Vec<&str> = Vec::new();
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let digits = after
            .char_indices()
            .skip(1)
            .find(|(_, c)| !c.is_ascii_digit())
            .map_or(after.len(), |(n, _)| n);
        let (name, tail) = after.split_at(digits);
        let n = order.iter().position(|known| *known == name).unwrap_or_else(|| {
            order.push(name);
            order.len() - 1
        });
        out.push('$');
        out.push_str(&(n + 1).to_string());
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_are_numbered_as_they_occur() {
        assert_eq!(super::renumber("a $4 b $3, $10 $4"), "a $1 b $2, $3 $1");
    }
}
