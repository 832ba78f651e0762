//! Licence queues: the rows on which `roster_core::licence::settle` works.

use std::collections::BTreeMap;

use roster_core::licence::{Pair, ProfileSeats, SeatBook, settle};
use roster_core::value::{AccountId, GroupId, OrgNo, ProductId};

use super::Applier;
use super::tally::Tally;
use crate::audit::Happened;
use crate::conn::{Conn, Param, ints};
use crate::error::StoreError;

impl Applier<'_> {
    /// Takes a pair out of the queue; a seat it held becomes free.
    pub(super) fn give_up_seat(
        &mut self,
        org: OrgNo,
        product: ProductId,
        profile: GroupId,
        account: AccountId,
    ) -> Result<(), StoreError> {
        let key = [
            Param::Int(product.0),
            Param::Int(account.0),
            Param::Int(profile.0),
        ];
        let seat = "SELECT active FROM seats WHERE product = $1 AND account = $2 AND profile = $3";
        let active = self.conn.number(seat, &key)? == Some(1);
        self.execute(
            "DELETE FROM seats WHERE product = $1 AND account = $2 AND profile = $3",
            &key,
        )?;
        if active {
            self.tally.active(profile, -1);
            let licensed = is_licensed(self.conn, product, account)?;
            if !licensed {
                self.tally.licences(product, -1);
            }
            self.unsettled.insert((org, product));
        }
        Ok(())
    }

    /// Counts the holders of a product and of its profiles anew, after a change of a set.
    pub(super) fn recount_product(&mut self, product: ProductId) -> Result<(), StoreError> {
        // What was counted one by one has to be in the rows before.
        std::mem::take(&mut self.tally).write(self.conn, BTreeMap::new(), self.held.as_deref_mut())?;
        let params = [Param::Int(product.0)];
        self.execute(
            "UPDATE groups SET active = (SELECT COUNT(*) FROM seats s WHERE s.profile = groups.grp AND s.active = 1)
             WHERE product = $1 AND kind = 'PRODUCT_PROFILE'",
            &params,
        )?;
        self.execute(
            "UPDATE products SET active = (SELECT COUNT(DISTINCT account) FROM seats WHERE product = $1 AND active = 1)
             WHERE product = $1",
            &params,
        )?;
        Ok(())
    }

    /// Brings a product's seats in order and records who gained and lost.
    pub(super) fn settle(&mut self, org: OrgNo, product: ProductId) -> Result<(), StoreError> {
        let mut exists = false;
        let params = [Param::Int(product.0)];
        let mut book = Book {
            conn: self.conn,
            tally: &mut self.tally,
            product,
            quota: None,
            licences: 0,
            profiles: Vec::new(),
            happened: Vec::new(),
        };
        book.conn.query(
            "SELECT quota, active FROM products WHERE product = $1",
            &params,
            &mut |row| {
                exists = true;
                book.quota = row.opt_int(0)?;
                book.licences = row.int(1)?;
                Ok(())
            },
        )?;
        if !exists {
            return Ok(());
        }
        book.conn.query(
            "SELECT grp, quota, active FROM groups WHERE product = $1 AND kind = 'PRODUCT_PROFILE' AND queued = 1 ORDER BY seq",
            &params,
            &mut |row| {
                let profile = GroupId(row.int(0)?);
                book.profiles.push(ProfileSeats { profile, quota: row.opt_int(1)?, held: row.int(2)? });
                Ok(())
            },
        )?;
        // Counters in the rows do not know yet what this entry has counted.
        book.licences += book.tally.pending_licences(product);
        for seats in &mut book.profiles {
            seats.held += book.tally.pending_active(seats.profile);
        }
        settle(&mut book)?;
        let happened = book.happened;
        if !happened.is_empty() {
            self.followed.entry(org).or_default().extend(happened);
        }
        Ok(())
    }
}

fn is_licensed(conn: &mut Conn, product: ProductId, account: AccountId) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM seats WHERE product = $1 AND account = $2 AND active = 1";
    Ok(conn
        .number(sql, &[Param::Int(product.0), Param::Int(account.0)])?
        .unwrap_or(0)
        > 0)
}

/// One product's queue.
struct Book<'b> {
    conn: &'b mut Conn,
    tally: &'b mut Tally,
    product: ProductId,
    quota: Option<i64>,
    licences: i64,
    profiles: Vec<ProfileSeats>,
    happened: Vec<Happened>,
}

const PAIR: &str = "SELECT place, tie, profile, account FROM seats";

impl Book<'_> {
    fn pair(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Pair>, StoreError> {
        let mut found = None;
        self.conn.query(sql, params, &mut |row| {
            let (profile, account) = (GroupId(row.int(2)?), AccountId(row.int(3)?));
            found = Some(Pair {
                place: row.int(0)?,
                tie: row.int(1)?,
                profile,
                account,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// The longest-waiting pair of a profile whose member holds a seat of the product. Either those who wait or
    /// those who hold may be very many, so the smaller side leads.
    fn first_waiting_licensed(&mut self, profile: GroupId) -> Result<Option<Pair>, StoreError> {
        let members = self.conn.number(
            "SELECT members FROM groups WHERE grp = $1",
            &[Param::Int(profile.0)],
        )?;
        let held = self.profiles.iter().find(|seats| seats.profile == profile);
        let waiting = members.unwrap_or(0) + self.tally.pending_members(profile) - held.map_or(0, |s| s.held);
        if waiting <= self.licences {
            let sql = format!(
                "{PAIR} WHERE profile = $1 AND active = 0 AND EXISTS (SELECT 1 FROM seats h
                     WHERE h.product = seats.product AND h.account = seats.account AND h.active = 1)
                 ORDER BY place, tie, account LIMIT 1"
            );
            return self.pair(&sql, &[Param::Int(profile.0)]);
        }
        // SQLite keeps the order of a CROSS JOIN; PostgreSQL plans by what it counts.
        let sql = format!(
            "SELECT w.place, w.tie, w.profile, w.account FROM seats h CROSS JOIN seats w
             WHERE h.profile IN {} AND h.active = 1
               AND w.product = $2 AND w.account = h.account AND w.profile = $3 AND w.active = 0
             ORDER BY w.place, w.tie, w.account LIMIT 1",
            self.conn.int_list(1)
        );
        let profiles = ints(self.profiles.iter().map(|seats| seats.profile.0));
        self.pair(
            &sql,
            &[profiles, Param::Int(self.product.0), Param::Int(profile.0)],
        )
    }

    fn set(&mut self, pair: Pair, active: bool) -> Result<(), StoreError> {
        let licensed_before = is_licensed(self.conn, self.product, pair.account)?;
        let params = [
            Param::from(active),
            Param::Int(self.product.0),
            Param::Int(pair.account.0),
            Param::Int(pair.profile.0),
        ];
        self.conn.execute(
            "UPDATE seats SET active = $1 WHERE product = $2 AND account = $3 AND profile = $4",
            &params,
        )?;
        let by = if active { 1 } else { -1 };
        self.held(pair.profile, by);
        let licensed = active || is_licensed(self.conn, self.product, pair.account)?;
        if licensed != licensed_before {
            self.licences += by;
            self.tally.licences(self.product, by);
        }
        Ok(())
    }

    fn held(&mut self, profile: GroupId, by: i64) {
        self.tally.active(profile, by);
        if let Some(seats) = self.profiles.iter_mut().find(|seats| seats.profile == profile) {
            seats.held += by;
        }
    }
}

impl SeatBook for Book<'_> {
    type Error = StoreError;

    fn quota(&mut self) -> Result<Option<i64>, StoreError> {
        Ok(self.quota)
    }

    fn licences(&mut self) -> Result<i64, StoreError> {
        Ok(self.licences)
    }

    fn profiles(&mut self) -> Result<Vec<ProfileSeats>, StoreError> {
        Ok(self.profiles.clone())
    }

    fn first_waiting(&mut self, profile: GroupId, licensed: bool) -> Result<Option<Pair>, StoreError> {
        if licensed {
            return self.first_waiting_licensed(profile);
        }
        self.pair(
            &format!("{PAIR} WHERE profile = $1 AND active = 0 ORDER BY place, tie, account LIMIT 1"),
            &[Param::Int(profile.0)],
        )
    }

    fn last_holder(&mut self, profile: Option<GroupId>) -> Result<Option<Pair>, StoreError> {
        // Each profile's queue is an index; that of the product is the last of them all.
        let profiles: Vec<GroupId> = match profile {
            Some(profile) => vec![profile],
            None => self.profiles.iter().map(|seats| seats.profile).collect(),
        };
        let sql = format!(
            "{PAIR} WHERE profile = $1 AND active = 1 ORDER BY place DESC, tie DESC, account DESC LIMIT 1"
        );
        let mut last = None;
        for profile in profiles {
            last = last.max(self.pair(&sql, &[Param::Int(profile.0)])?);
        }
        Ok(last)
    }

    fn grant(&mut self, pair: Pair) -> Result<(), StoreError> {
        self.happened.push(Happened::SeatGranted {
            profile: pair.profile,
            account: pair.account,
        });
        self.set(pair, true)
    }

    fn grant_first(&mut self, profile: GroupId, count: Option<i64>) -> Result<(), StoreError> {
        let mut granted = Vec::new();
        let mut params = vec![Param::Int(profile.0)];
        let mut sql =
            "SELECT account FROM seats WHERE profile = $1 AND active = 0 ORDER BY place, tie, account"
                .to_owned();
        if let Some(count) = count {
            params.push(Param::Int(count));
            sql.push_str(" LIMIT $2");
        }
        self.conn.query(&sql, &params, &mut |row| {
            granted.push(row.int(0)?);
            Ok(())
        })?;
        if granted.is_empty() {
            return Ok(());
        }
        let accounts = ints(granted.iter().copied());
        // Who had no seat of the product until now takes a licence.
        let sql = format!(
            "SELECT COUNT(DISTINCT account) FROM seats WHERE product = $1 AND active = 1 AND account IN {}",
            self.conn.int_list(2)
        );
        let licensed = self
            .conn
            .number(&sql, &[Param::Int(self.product.0), accounts.clone()])?
            .unwrap_or(0);
        let sql = format!(
            "UPDATE seats SET active = 1 WHERE product = $1 AND profile = $2 AND account IN {}",
            self.conn.int_list(3)
        );
        self.conn.execute(
            &sql,
            &[Param::Int(self.product.0), Param::Int(profile.0), accounts],
        )?;
        let count = i64::try_from(granted.len()).unwrap_or(i64::MAX);
        self.held(profile, count);
        self.licences += count - licensed;
        self.tally.licences(self.product, count - licensed);
        let accounts = granted.into_iter().map(AccountId);
        self.happened
            .extend(accounts.map(|account| Happened::SeatGranted { profile, account }));
        Ok(())
    }

    fn take(&mut self, pair: Pair) -> Result<(), StoreError> {
        self.happened.push(Happened::SeatLost {
            profile: pair.profile,
            account: pair.account,
        });
        self.set(pair, false)
    }
}
