//! Integrations, their secrets and certificates.

use std::collections::BTreeMap;

use roster_core::value::{OrgNo, OrgState};

use super::{
    Certificate, CredentialRefusal, Integration, IntegrationSettings, MAX_CERTIFICATES, NewIntegration,
    Secret, SecretKind,
};
use crate::conn::Param;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row::inconsistent;
use crate::writer::Writer;

/// Granted, or the reason why not; a [`StoreError`] undoes the whole transaction, a refusal does not.
type Answer<T> = Result<Result<T, CredentialRefusal>, StoreError>;

impl Reader<'_> {
    /// An integration by its client id, with everything that belongs to it.
    pub fn integration(&mut self, client_id: &str) -> Result<Option<Integration>, StoreError> {
        Ok(integrations(self, "i.client_id = $1", &[client_id.into()])?.pop())
    }

    /// The integrations of an organization, by name.
    pub fn integrations(&mut self, org: OrgNo) -> Result<Vec<Integration>, StoreError> {
        integrations(self, "i.org = $1", &[org.0.into()])
    }
}

fn integrations(
    reader: &mut Reader<'_>,
    which: &str,
    params: &[Param<'_>],
) -> Result<Vec<Integration>, StoreError> {
    let mut found = Vec::new();
    let sql = format!(
        "SELECT i.client_id, i.org, o.id, o.state, i.name, i.enabled, i.oauth, i.jwt, i.scopes, i.require_jti, \
         i.technical_account, i.not_before, i.created_at \
         FROM integrations i JOIN organizations o ON o.org = i.org WHERE {which} ORDER BY i.name"
    );
    reader.query(&sql, params, &mut |row| {
        let org = row.int(1)?;
        found.push(Integration {
            client_id: row.text(0)?.to_owned(),
            org: OrgNo(org),
            org_id: row.text(2)?.to_owned(),
            org_state: OrgState::parse(row.text(3)?)
                .ok_or_else(|| inconsistent("organizations", "state", org))?,
            settings: IntegrationSettings {
                name: row.text(4)?.to_owned(),
                enabled: row.bool(5)?,
                oauth: row.bool(6)?,
                jwt: row.bool(7)?,
                scopes: split_scopes(row.text(8)?),
                require_jti: row.bool(9)?,
            },
            technical_account: row.text(10)?.to_owned(),
            not_before: row.int(11)?,
            created_at: row.int(12)?,
            secrets: Vec::new(),
            certificates: Vec::new(),
        });
        Ok(())
    })?;
    let mut secrets = secrets(reader, which, params)?;
    let mut certificates = certificates(reader, which, params)?;
    for integration in &mut found {
        integration.secrets = secrets.remove(&integration.client_id).unwrap_or_default();
        integration.certificates = certificates.remove(&integration.client_id).unwrap_or_default();
    }
    Ok(found)
}

fn secrets(
    reader: &mut Reader<'_>,
    which: &str,
    params: &[Param<'_>],
) -> Result<BTreeMap<String, Vec<Secret>>, StoreError> {
    let mut found: BTreeMap<String, Vec<Secret>> = BTreeMap::new();
    let sql = format!(
        "SELECT s.client_id, s.uuid, s.kind, s.hash, s.created_at, s.last_used_at FROM secrets s \
         JOIN integrations i ON i.client_id = s.client_id WHERE {which} ORDER BY s.created_at, s.uuid"
    );
    reader.query(&sql, params, &mut |row| {
        found.entry(row.text(0)?.to_owned()).or_default().push(Secret {
            uuid: row.text(1)?.to_owned(),
            kind: SecretKind::parse(row.text(2)?).ok_or_else(|| inconsistent("secrets", "kind", 0))?,
            hash: row.blob(3)?.to_vec(),
            created_at: row.int(4)?,
            last_used_at: row.opt_int(5)?,
        });
        Ok(())
    })?;
    Ok(found)
}

fn certificates(
    reader: &mut Reader<'_>,
    which: &str,
    params: &[Param<'_>],
) -> Result<BTreeMap<String, Vec<Certificate>>, StoreError> {
    let mut found: BTreeMap<String, Vec<Certificate>> = BTreeMap::new();
    let sql = format!(
        "SELECT c.client_id, c.fingerprint, c.der, c.created_at FROM certificates c \
         JOIN integrations i ON i.client_id = c.client_id WHERE {which} ORDER BY c.created_at, c.fingerprint"
    );
    reader.query(&sql, params, &mut |row| {
        found
            .entry(row.text(0)?.to_owned())
            .or_default()
            .push(Certificate {
                fingerprint: row.text(1)?.to_owned(),
                der: row.blob(2)?.to_vec(),
                created_at: row.int(3)?,
            });
        Ok(())
    })?;
    Ok(found)
}

/// Scopes are stored with commas between them.
fn split_scopes(text: &str) -> Vec<String> {
    let scopes = text.split(',').filter(|scope| !scope.is_empty());
    scopes.map(str::to_owned).collect()
}

impl Writer<'_> {
    /// Makes an integration, without secrets and certificates. Tokens of an earlier one with the same client id stay
    /// revoked.
    pub fn create_integration(&mut self, new: &NewIntegration) -> Answer<()> {
        let taken = "SELECT 1 FROM integrations WHERE client_id = $1";
        if self.number(taken, &[new.client_id.as_str().into()])?.is_some() {
            return Ok(Err(CredentialRefusal::ClientIdTaken(new.client_id.clone())));
        }
        let taken = "SELECT 1 FROM integrations WHERE technical_account = $1";
        if self
            .number(taken, &[new.technical_account.as_str().into()])?
            .is_some()
        {
            let account = new.technical_account.clone();
            return Ok(Err(CredentialRefusal::TechnicalAccountTaken(account)));
        }
        if self.name_taken(new.org, &new.settings.name, &new.client_id)? {
            return Ok(Err(CredentialRefusal::NameTaken(new.settings.name.clone())));
        }
        let settings = &new.settings;
        let params = [
            Param::Text(&new.client_id),
            Param::Int(new.org.0),
            Param::Text(&settings.name),
            Param::Text(&new.technical_account),
            Param::from(settings.enabled),
            Param::from(settings.oauth),
            Param::from(settings.jwt),
            Param::Owned(settings.scopes.join(",")),
            Param::from(settings.require_jti),
            Param::Int(new.created_at),
        ];
        self.execute(
            "INSERT INTO integrations (client_id, org, name, technical_account, enabled, oauth, jwt, scopes, \
             require_jti, not_before, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
            &params,
        )?;
        self.raise_generation()?;
        Ok(Ok(()))
    }

    /// Gives an integration other settings.
    pub fn update_integration(&mut self, client_id: &str, settings: &IntegrationSettings) -> Answer<()> {
        let org = "SELECT org FROM integrations WHERE client_id = $1";
        let Some(org) = self.number(org, &[client_id.into()])? else {
            return Ok(Err(CredentialRefusal::NoSuchIntegration(client_id.to_owned())));
        };
        if self.name_taken(OrgNo(org), &settings.name, client_id)? {
            return Ok(Err(CredentialRefusal::NameTaken(settings.name.clone())));
        }
        let params = [
            Param::Text(&settings.name),
            Param::from(settings.enabled),
            Param::from(settings.oauth),
            Param::from(settings.jwt),
            Param::Owned(settings.scopes.join(",")),
            Param::from(settings.require_jti),
            Param::Text(client_id),
        ];
        self.execute(
            "UPDATE integrations SET name = $1, enabled = $2, oauth = $3, jwt = $4, scopes = $5, require_jti = $6 \
             WHERE client_id = $7",
            &params,
        )?;
        self.raise_generation()?;
        Ok(Ok(()))
    }

    /// Removes an integration with all that belongs to it; whether there was one. Its tokens end with it.
    pub fn delete_integration(&mut self, client_id: &str) -> Result<bool, StoreError> {
        for table in ["secrets", "certificates", "used_jtis"] {
            let sql = format!("DELETE FROM {table} WHERE client_id = $1");
            self.execute(&sql, &[client_id.into()])?;
        }
        let sql = "DELETE FROM integrations WHERE client_id = $1";
        let deleted = self.execute(sql, &[client_id.into()])? > 0;
        if deleted {
            self.raise_generation()?;
        }
        Ok(deleted)
    }

    /// Revokes every token that an integration got before `at` (milliseconds since 1970). The moment only moves
    /// forward: with a clock that was set back, what is revoked stays so.
    pub fn revoke_tokens_before(&mut self, client_id: &str, at: i64) -> Answer<()> {
        let sql = "UPDATE integrations SET not_before = CASE WHEN not_before > $1 THEN not_before ELSE $1 END \
                   WHERE client_id = $2";
        if self.execute(sql, &[at.into(), client_id.into()])? == 0 {
            return Ok(Err(CredentialRefusal::NoSuchIntegration(client_id.to_owned())));
        }
        self.raise_generation()?;
        Ok(Ok(()))
    }

    /// Adds a secret unless the integration has `max` of its kind already; whether it was added.
    pub fn add_secret(&mut self, client_id: &str, secret: &Secret, max: usize) -> Result<bool, StoreError> {
        if !self.hold(client_id)? || self.count_secrets(client_id, secret.kind)? >= max {
            return Ok(false);
        }
        let params = [
            Param::Text(client_id),
            Param::Text(&secret.uuid),
            Param::Text(secret.kind.as_str()),
            Param::Blob(&secret.hash),
            Param::Int(secret.created_at),
            Param::from(secret.last_used_at),
        ];
        self.execute(
            "INSERT INTO secrets (client_id, uuid, kind, hash, created_at, last_used_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &params,
        )?;
        self.raise_generation()?;
        Ok(true)
    }

    /// Deletes a secret, but never the last one of its kind.
    pub fn delete_secret(&mut self, client_id: &str, uuid: &str) -> Answer<()> {
        if !self.hold(client_id)? {
            return Ok(Err(CredentialRefusal::NoSuchIntegration(client_id.to_owned())));
        }
        let mut kind = None;
        let sql = "SELECT kind FROM secrets WHERE client_id = $1 AND uuid = $2";
        self.query(sql, &[client_id.into(), uuid.into()], &mut |row| {
            kind = Some(SecretKind::parse(row.text(0)?).ok_or_else(|| inconsistent("secrets", "kind", 0))?);
            Ok(())
        })?;
        let Some(kind) = kind else {
            return Ok(Err(CredentialRefusal::NoSuchSecret(uuid.to_owned())));
        };
        if self.count_secrets(client_id, kind)? <= 1 {
            return Ok(Err(CredentialRefusal::LastSecret));
        }
        let sql = "DELETE FROM secrets WHERE client_id = $1 AND uuid = $2";
        self.execute(sql, &[client_id.into(), uuid.into()])?;
        self.raise_generation()?;
        Ok(Ok(()))
    }

    /// Puts a secret in the place of all others of its kind: a service account has exactly one.
    pub fn replace_secrets(&mut self, client_id: &str, secret: &Secret) -> Result<bool, StoreError> {
        let sql = "DELETE FROM secrets WHERE client_id = $1 AND kind = $2";
        self.execute(sql, &[client_id.into(), secret.kind.as_str().into()])?;
        self.add_secret(client_id, secret, 1)
    }

    /// Notes that a secret was used at `at` (milliseconds since 1970).
    pub fn touch_secret(&mut self, client_id: &str, uuid: &str, at: i64) -> Result<(), StoreError> {
        let params = [at.into(), client_id.into(), uuid.into()];
        self.execute(
            "UPDATE secrets SET last_used_at = $1 \
             WHERE client_id = $2 AND uuid = $3 AND (last_used_at IS NULL OR last_used_at < $1)",
            &params,
        )?;
        Ok(())
    }

    /// Adds a certificate.
    pub fn add_certificate(&mut self, client_id: &str, certificate: &Certificate) -> Answer<()> {
        if !self.hold(client_id)? {
            return Ok(Err(CredentialRefusal::NoSuchIntegration(client_id.to_owned())));
        }
        let known = "SELECT 1 FROM certificates WHERE client_id = $1 AND fingerprint = $2";
        let params = [client_id.into(), certificate.fingerprint.as_str().into()];
        if self.number(known, &params)?.is_some() {
            return Ok(Err(CredentialRefusal::SameKey));
        }
        let count = "SELECT COUNT(*) FROM certificates WHERE client_id = $1";
        let count = self.number(count, &[client_id.into()])?.unwrap_or(0);
        if usize::try_from(count).unwrap_or(usize::MAX) >= MAX_CERTIFICATES {
            return Ok(Err(CredentialRefusal::TooManyCertificates));
        }
        let params = [
            Param::Text(client_id),
            Param::Text(&certificate.fingerprint),
            Param::Blob(&certificate.der),
            Param::Int(certificate.created_at),
        ];
        self.execute(
            "INSERT INTO certificates (client_id, fingerprint, der, created_at) VALUES ($1, $2, $3, $4)",
            &params,
        )?;
        self.raise_generation()?;
        Ok(Ok(()))
    }

    /// Removes a certificate, also the last one; whether there was one with this fingerprint.
    pub fn delete_certificate(&mut self, client_id: &str, fingerprint: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM certificates WHERE client_id = $1 AND fingerprint = $2";
        let deleted = self.execute(sql, &[client_id.into(), fingerprint.into()])? > 0;
        if deleted {
            self.raise_generation()?;
        }
        Ok(deleted)
    }

    /// Keeps others from changing an integration until the end of the transaction; whether there is one.
    fn hold(&mut self, client_id: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE integrations SET enabled = enabled WHERE client_id = $1";
        Ok(self.execute(sql, &[client_id.into()])? > 0)
    }

    fn name_taken(&mut self, org: OrgNo, name: &str, but: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM integrations WHERE org = $1 AND name = $2 AND client_id <> $3";
        let params = [org.0.into(), name.into(), but.into()];
        Ok(self.number(sql, &params)?.is_some())
    }

    fn count_secrets(&mut self, client_id: &str, kind: SecretKind) -> Result<usize, StoreError> {
        let sql = "SELECT COUNT(*) FROM secrets WHERE client_id = $1 AND kind = $2";
        let count = self.number(sql, &[client_id.into(), kind.as_str().into()])?;
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
    }
}
