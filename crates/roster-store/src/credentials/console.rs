//! Passwords of administrators, and what organization files brought in.

use std::collections::BTreeSet;

use roster_core::describe::Mark;
use roster_core::value::{AccountId, OrgNo};

use crate::error::StoreError;
use crate::reader::Reader;
use crate::writer::Writer;

/// A password as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    /// Argon2, in its own text form.
    pub hash: String,
    /// Milliseconds since 1970.
    pub set_at: i64,
}

impl Reader<'_> {
    /// The password of an account, if it has one.
    pub fn password(&mut self, account: AccountId) -> Result<Option<Password>, StoreError> {
        let mut found = None;
        let sql = "SELECT hash, set_at FROM passwords WHERE account = $1";
        self.query(sql, &[account.0.into()], &mut |row| {
            found = Some(Password {
                hash: row.text(0)?.to_owned(),
                set_at: row.int(1)?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// What earlier descriptions brought into an organization.
    pub fn described(&mut self, org: OrgNo) -> Result<BTreeSet<Mark>, StoreError> {
        let mut found = BTreeSet::new();
        let sql = "SELECT kind, key FROM described WHERE org = $1";
        self.query(sql, &[org.0.into()], &mut |row| {
            found.insert(Mark {
                kind: row.text(0)?.to_owned(),
                key: row.text(1)?.to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }
}

impl Writer<'_> {
    /// Gives an account a password, in place of the one it had.
    pub fn set_password(&mut self, account: AccountId, password: &Password) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO passwords (account, hash, set_at) VALUES ($1, $2, $3) \
             ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at",
            &[
                account.0.into(),
                password.hash.as_str().into(),
                password.set_at.into(),
            ],
        )?;
        Ok(())
    }

    /// Takes an account's password away; whether it had one.
    pub fn delete_password(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM passwords WHERE account = $1";
        Ok(self.execute(sql, &[account.0.into()])? > 0)
    }

    /// Remembers that a description brought something in.
    pub fn mark_described(&mut self, org: OrgNo, mark: &Mark) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO described (org, kind, key) VALUES ($1, $2, $3) ON CONFLICT (org, kind, key) DO NOTHING",
            &[org.0.into(), mark.kind.as_str().into(), mark.key.as_str().into()],
        )?;
        Ok(())
    }

    /// Forgets that a description brought something in.
    pub fn unmark_described(&mut self, org: OrgNo, mark: &Mark) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM described WHERE org = $1 AND kind = $2 AND key = $3",
            &[org.0.into(), mark.kind.as_str().into(), mark.key.as_str().into()],
        )?;
        Ok(())
    }
}
