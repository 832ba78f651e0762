//! Accounts and Users lists.

use roster_core::org::{Account, Person};
use roster_core::value::{AccountId, IdentityType, Key, OrgNo, Seq, Status};

use super::{Applier, Counted};
use crate::conn::Param;
use crate::error::StoreError;
use crate::row::inconsistent;

impl Applier<'_> {
    pub(super) fn create_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.take(account.id.owner(), account.id.0 & ((1 << 40) - 1));
        let person = &account.person;
        let params = [
            Param::Int(account.id.0),
            Param::Text(&account.public_id),
            Param::Int(account.directory.0),
            Param::Text(account.kind.as_str()),
            Param::Text(&person.username),
            Param::Owned(Key::new(&person.username).into_string()),
            Param::Text(&person.email),
            Param::Owned(Key::new(&person.email).into_string()),
            Param::Text(&person.domain),
            Param::from(person.firstname.as_deref()),
            Param::from(person.lastname.as_deref()),
            Param::Text(account.country.as_str()),
            Param::Text(account.status.as_str()),
        ];
        self.execute(
            "INSERT INTO accounts (account, public_id, directory, kind, username, username_key, email, email_key, domain,
                firstname, lastname, country, status)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &params,
        )?;
        let counted = Counted {
            domain: person.domain.clone(),
            kind: account.kind.as_str(),
            listed: account.status == Status::Active,
        };
        self.accounts.insert(account.id, counted);
        Ok(())
    }

    fn counted(&mut self, account: AccountId) -> Result<Counted, StoreError> {
        if let Some(counted) = self.accounts.get(&account) {
            return Ok(counted.clone());
        }
        let mut found = None;
        self.conn.query(
            "SELECT domain, kind, status FROM accounts WHERE account = $1",
            &[Param::Int(account.0)],
            &mut |row| {
                let kind = IdentityType::parse(row.text(1)?)
                    .ok_or_else(|| inconsistent("accounts", "kind", account.0))?;
                found = Some(Counted {
                    domain: row.text(0)?.to_owned(),
                    kind: kind.as_str(),
                    listed: row.text(2)? == Status::Active.as_str(),
                });
                Ok(())
            },
        )?;
        let counted = found.ok_or_else(|| inconsistent("accounts", "account", account.0))?;
        self.accounts.insert(account, counted.clone());
        Ok(counted)
    }

    pub(super) fn update_account(
        &mut self,
        account: AccountId,
        before: &Person,
        after: &Person,
    ) -> Result<(), StoreError> {
        let params = [
            Param::Text(&after.username),
            Param::Owned(Key::new(&after.username).into_string()),
            Param::Text(&after.email),
            Param::Owned(Key::new(&after.email).into_string()),
            Param::Text(&after.domain),
            Param::from(after.firstname.as_deref()),
            Param::from(after.lastname.as_deref()),
            Param::Int(account.0),
        ];
        self.execute(
            "UPDATE accounts SET username = $1, username_key = $2, email = $3, email_key = $4, domain = $5, firstname = $6,
                lastname = $7
             WHERE account = $8",
            &params,
        )?;
        if before.domain == after.domain {
            return Ok(());
        }
        self.accounts.remove(&account);
        for org in self.listed_in(account)? {
            self.tally.domain(org, &before.domain, -1);
            self.tally.domain(org, &after.domain, 1);
        }
        let params = [Param::Text(&after.domain), Param::Int(account.0)];
        self.execute("UPDATE members SET domain = $1 WHERE account = $2", &params)?;
        Ok(())
    }

    /// The organizations that list an account.
    fn listed_in(&mut self, account: AccountId) -> Result<Vec<OrgNo>, StoreError> {
        let mut orgs = Vec::new();
        let params = [Param::Int(account.0)];
        self.conn.query(
            "SELECT org FROM members WHERE account = $1 AND listed = 1",
            &params,
            &mut |row| {
                orgs.push(OrgNo(row.int(0)?));
                Ok(())
            },
        )?;
        Ok(orgs)
    }

    pub(super) fn set_status(&mut self, account: AccountId, after: Status) -> Result<(), StoreError> {
        let counted = self.counted(account)?;
        let params = [Param::Text(after.as_str()), Param::Int(account.0)];
        self.execute("UPDATE accounts SET status = $1 WHERE account = $2", &params)?;
        let listed = after == Status::Active;
        if listed == counted.listed {
            return Ok(());
        }
        let params = [Param::from(listed), Param::Int(account.0)];
        let mut orgs = self.listed_in(account)?;
        self.execute("UPDATE members SET listed = $1 WHERE account = $2", &params)?;
        if listed {
            orgs = self.listed_in(account)?;
        }
        let adobe_id = counted.kind == IdentityType::AdobeId.as_str();
        for org in orgs {
            self.tally
                .listed(org, &counted.domain, adobe_id, if listed { 1 } else { -1 });
        }
        self.accounts.insert(account, Counted { listed, ..counted });
        Ok(())
    }

    pub(super) fn delete_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let params = [Param::Int(account.id.0)];
        self.execute("DELETE FROM accounts WHERE account = $1", &params)?;
        self.left_everywhere(account.id)?;
        self.execute("DELETE FROM passwords WHERE account = $1", &params)?;
        self.accounts.remove(&account.id);
        Ok(())
    }

    /// Makes sure that an account that is no more is in no Users list. Another organization may have brought it in
    /// since it was decided to delete it: then that organization is locked as well and everything decided anew.
    fn left_everywhere(&mut self, account: AccountId) -> Result<(), StoreError> {
        let mut orgs = Vec::new();
        let params = [Param::Int(account.0)];
        let sql = "SELECT org FROM members WHERE account = $1";
        self.conn.query(sql, &params, &mut |row| {
            orgs.push(row.int(0)?);
            Ok(())
        })?;
        if orgs.is_empty() {
            return Ok(());
        }
        match self.locked {
            Some(locked) if orgs.iter().any(|org| !locked.contains(org)) => Err(StoreError::NeedsLock(orgs)),
            _ => Err(inconsistent("members", "account", account.0)),
        }
    }

    /// Holds the row of an account that another organization owns, so that it is neither deleted nor changed before
    /// this transaction ends. Where it was deleted since the decision, the question is put again.
    fn hold(&mut self, account: AccountId) -> Result<(), StoreError> {
        if self
            .locked
            .is_none_or(|locked| locked.contains(&account.owner().0))
        {
            return Ok(());
        }
        let sql = "SELECT account FROM accounts WHERE account = $1 FOR SHARE";
        match self.conn.number(sql, &[Param::Int(account.0)])? {
            Some(_) => Ok(()),
            None => Err(StoreError::NeedsLock(vec![account.owner().0])),
        }
    }

    pub(super) fn join_org(&mut self, org: OrgNo, account: AccountId, seq: Seq) -> Result<(), StoreError> {
        self.take(org, seq.0);
        self.hold(account)?;
        let counted = self.counted(account)?;
        let params = [
            Param::Int(org.0),
            Param::Int(seq.0),
            Param::Int(account.0),
            Param::Text(&counted.domain),
            Param::Text(counted.kind),
            Param::from(counted.listed),
        ];
        self.execute(
            "INSERT INTO members (org, seq, account, domain, kind, listed) VALUES ($1, $2, $3, $4, $5, $6)",
            &params,
        )?;
        if account.owner() != org {
            self.keep_in_reach(org, account)?;
        }
        self.tally.member(org, 1);
        if counted.listed {
            self.tally.listed(
                org,
                &counted.domain,
                counted.kind == IdentityType::AdobeId.as_str(),
                1,
            );
        }
        Ok(())
    }

    /// A member can be addressed by its organization, also if it came through a shared group from a directory
    /// that nobody trusts the organization with.
    fn keep_in_reach(&mut self, org: OrgNo, account: AccountId) -> Result<(), StoreError> {
        let params = [Param::Int(org.0), Param::Int(account.0)];
        self.execute(
            "INSERT INTO relations (org, directory, relation)
             SELECT $1, directory, 'former' FROM accounts WHERE account = $2 AND directory <> 0
             ON CONFLICT (org, directory) DO NOTHING",
            &params,
        )?;
        Ok(())
    }

    pub(super) fn leave_org(&mut self, org: OrgNo, account: AccountId, seq: Seq) -> Result<(), StoreError> {
        let counted = self.counted(account)?;
        self.execute(
            "DELETE FROM members WHERE org = $1 AND seq = $2",
            &[Param::Int(org.0), Param::Int(seq.0)],
        )?;
        self.tally.member(org, -1);
        if counted.listed {
            self.tally.listed(
                org,
                &counted.domain,
                counted.kind == IdentityType::AdobeId.as_str(),
                -1,
            );
        }
        Ok(())
    }
}
