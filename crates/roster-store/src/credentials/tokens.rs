//! Keys that sign access tokens, tokens revoked one by one, and JWT ids used up.

use roster_core::value::OrgNo;

use crate::audit::Entry;
use crate::conn::Param;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::writer::Writer;

/// A key that signs access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Names it in tokens.
    pub kid: String,
    /// Sealed with the master key.
    pub private_key: Vec<u8>,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970; `None` while it signs.
    pub retired_at: Option<i64>,
}

impl Reader<'_> {
    /// All signing keys, retired ones too, in the order of creation.
    pub fn signing_keys(&mut self) -> Result<Vec<SigningKey>, StoreError> {
        let sql = "SELECT kid, private_key, public_key, created_at, retired_at FROM signing_keys \
                   ORDER BY created_at, kid";
        let mut found = Vec::new();
        self.query(sql, &[], &mut |row| {
            found.push(SigningKey {
                kid: row.text(0)?.to_owned(),
                private_key: row.blob(1)?.to_vec(),
                public_key: row.blob(2)?.to_vec(),
                created_at: row.int(3)?,
                retired_at: row.opt_int(4)?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// The ids of tokens that were revoked one by one.
    pub fn revoked_tokens(&mut self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        self.query("SELECT id FROM revoked_tokens", &[], &mut |row| {
            found.push(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(found)
    }
}

impl Writer<'_> {
    /// Adds a signing key and retires those before it; what they signed stays valid. The keys are no organization's,
    /// so the log of the reserved one says so.
    pub fn add_signing_key(&mut self, key: &SigningKey) -> Result<(), StoreError> {
        let sql = "UPDATE signing_keys SET retired_at = $1 WHERE retired_at IS NULL";
        self.execute(sql, &[key.created_at.into()])?;
        let params = [
            Param::Text(&key.kid),
            Param::Blob(&key.private_key),
            Param::Blob(&key.public_key),
            Param::Int(key.created_at),
            Param::from(key.retired_at),
        ];
        self.execute(
            "INSERT INTO signing_keys (kid, private_key, public_key, created_at, retired_at) \
             VALUES ($1, $2, $3, $4, $5)",
            &params,
        )?;
        self.apply(&Entry {
            org: Some(OrgNo::ADOBE_ID),
            at: key.created_at,
            actor: "roster".to_owned(),
            client: None,
            request_id: key.kid.clone(),
            command: serde_json::json!({ "signingKeyAdded": { "kid": key.kid } }).to_string(),
            changes: Vec::new(),
        })?;
        self.raise_generation()
    }

    /// Removes keys that were retired before a moment (milliseconds since 1970): at once, what they signed is not
    /// valid any more. How many there were.
    pub fn delete_signing_keys(&mut self, retired_before: i64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM signing_keys WHERE retired_at < $1";
        let deleted = self.execute(sql, &[retired_before.into()])?;
        if deleted > 0 {
            self.raise_generation()?;
        }
        Ok(deleted)
    }

    /// Revokes a token; its id is kept until `expires_at` (milliseconds since 1970).
    pub fn revoke_token(&mut self, id: &str, expires_at: i64) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO revoked_tokens (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
            &[id.into(), expires_at.into()],
        )?;
        self.raise_generation()
    }

    /// Uses up a JWT id of an integration, until `expires_at`; `false` when it was used before. Those of this
    /// integration that expired before `now` are forgotten (all in milliseconds since 1970).
    pub fn use_jti(
        &mut self,
        client_id: &str,
        jti: &str,
        expires_at: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let expired = "DELETE FROM used_jtis WHERE client_id = $1 AND expires_at < $2";
        self.execute(expired, &[client_id.into(), now.into()])?;
        let added = self.execute(
            "INSERT INTO used_jtis (client_id, jti, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (client_id, jti) DO NOTHING",
            &[client_id.into(), jti.into(), expires_at.into()],
        )?;
        Ok(added > 0)
    }

    /// Forgets revoked tokens and used JWT ids that expired before `now` (milliseconds since 1970), which no check
    /// can meet again. How many.
    pub fn purge_expired(&mut self, now: i64) -> Result<u64, StoreError> {
        let mut purged = 0;
        for table in ["revoked_tokens", "used_jtis"] {
            let sql = format!("DELETE FROM {table} WHERE expires_at < $1");
            purged += self.execute(&sql, &[now.into()])?;
        }
        Ok(purged)
    }
}
