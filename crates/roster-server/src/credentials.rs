//! Integrations, signing keys and revocations, held in memory as long as the database's generation stays the same.
//!
//! The generation is looked at every quarter of a second, so what another process changes is seen well within the
//! two seconds that revocations may take; what this server changes is seen at once.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use roster_core::value::{Key, OrgNo, OrgState};
use roster_store::{Store, StoreError};
use roster_umapi::token::{Claims, Invalid, PublicKey as Published};

use crate::app::StartError;
use crate::clock::{Chance, Clock};
use crate::config::Config;
use crate::crypto::jws::{CryptoError, Jws, SigningKey, published};
use crate::crypto::master::MasterKey;
use crate::error::ApiError;

/// How long the generation is taken to be the same, in milliseconds.
const LOOK_EVERY_MS: u64 = 250;
/// Verified tokens remembered; beyond that, all are verified anew.
const MAX_VERIFIED: usize = 20_000;
/// Integrations remembered.
const MAX_INTEGRATIONS: usize = 10_000;

/// Tokens are accepted this much longer than announced, because clients use them until the last second.
pub(crate) const GRACE_MS: i64 = 60_000;

/// A token whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) claims: Claims,
    /// Milliseconds since 1970.
    pub(crate) created_at: i64,
    /// Milliseconds since 1970, without grace.
    pub(crate) expires_at: i64,
}

/// An integration as the database knows it, with what is compared often prepared.
#[derive(Debug, Clone)]
pub(crate) struct Integration {
    pub(crate) client_id: String,
    pub(crate) org: OrgNo,
    pub(crate) org_id: String,
    pub(crate) org_key: Key,
    pub(crate) org_state: OrgState,
    pub(crate) technical_account: String,
    pub(crate) enabled: bool,
    pub(crate) oauth: bool,
    pub(crate) jwt: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) require_jti: bool,
    pub(crate) not_before: i64,
    pub(crate) secrets: Vec<roster_store::Secret>,
    pub(crate) certificates: Vec<Vec<u8>>,
}

impl Integration {
    /// Whether a token of this client id is still its own: issued for the organization that it belongs to, and not
    /// before its tokens were revoked as a whole. A client id may be given again, in another organization.
    pub(crate) fn stands_behind(&self, token: &Verified) -> bool {
        token.claims.org == self.org_id && token.created_at >= self.not_before
    }
}

impl From<roster_store::Integration> for Integration {
    fn from(row: roster_store::Integration) -> Self {
        Self {
            org_key: Key::new(&row.org_id),
            client_id: row.client_id,
            org: row.org,
            org_id: row.org_id,
            org_state: row.org_state,
            technical_account: row.technical_account,
            enabled: row.settings.enabled,
            oauth: row.settings.oauth,
            jwt: row.settings.jwt,
            scopes: row.settings.scopes,
            require_jti: row.settings.require_jti,
            not_before: row.not_before,
            secrets: row.secrets,
            certificates: row
                .certificates
                .into_iter()
                .map(|certificate| certificate.der)
                .collect(),
        }
    }
}

/// A key that tokens may be signed with.
struct PublicKey {
    kid: String,
    der: Vec<u8>,
    jwk: Published,
}

/// Everything that holds for one generation of the database.
struct Snapshot {
    generation: u64,
    looked_at: AtomicU64,
    signer: SigningKey,
    keys: Vec<PublicKey>,
    revoked: HashSet<String>,
    integrations: Mutex<HashMap<String, Arc<Integration>>>,
    verified: Mutex<HashMap<[u8; 32], Arc<Verified>>>,
}

/// See the module.
pub(crate) struct Credentials {
    store: Store,
    pub(crate) master: MasterKey,
    clock: Clock,
    chance: Chance,
    token_ttl_ms: i64,
    current: RwLock<Arc<Snapshot>>,
    loading: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    pub(crate) async fn new(config: &Config, store: Store, master: MasterKey) -> Result<Self, StartError> {
        let token_ttl_ms = i64::try_from(config.token_ttl.as_millis()).unwrap_or(i64::MAX);
        let now = config.clock.now_ms();
        let rows = load(&store, now - token_ttl_ms - GRACE_MS)
            .await
            .map_err(StartError::Store)?;
        if rows.keys.iter().all(|key| key.retired_at.is_some()) {
            add_signing_key(&store, &master, now).await?;
        }
        let rows = load(&store, now - token_ttl_ms - GRACE_MS)
            .await
            .map_err(StartError::Store)?;
        let snapshot = Snapshot::new(rows, &master, config.clock.monotonic_ms())?;
        Ok(Self {
            store,
            master,
            clock: config.clock.clone(),
            chance: config.chance.clone(),
            token_ttl_ms,
            current: RwLock::new(Arc::new(snapshot)),
            loading: tokio::sync::Mutex::new(()),
        })
    }

    /// Makes a new signing key and retires the others.
    pub(crate) async fn rotate(&self) -> Result<String, StartError> {
        let kid = add_signing_key(&self.store, &self.master, self.clock.now_ms()).await?;
        self.forget();
        Ok(kid)
    }

    /// An integration by its client id.
    pub(crate) async fn integration(&self, client_id: &str) -> Result<Option<Arc<Integration>>, ApiError> {
        let snapshot = self.current().await?;
        if let Some(known) = lock(&snapshot.integrations).get(client_id) {
            return Ok(Some(Arc::clone(known)));
        }
        let found = self.fresh_integration(client_id).await?;
        if let Some(found) = &found {
            let mut known = lock(&snapshot.integrations);
            if known.len() >= MAX_INTEGRATIONS {
                known.clear();
            }
            known.insert(client_id.to_owned(), Arc::clone(found));
        }
        Ok(found)
    }

    /// An integration as it is in the database right now: for what hands out credentials.
    pub(crate) async fn fresh_integration(
        &self,
        client_id: &str,
    ) -> Result<Option<Arc<Integration>>, ApiError> {
        let id = client_id.to_owned();
        let found = self.store.read(move |reader| reader.integration(&id)).await?;
        Ok(found.map(|row| Arc::new(Integration::from(row))))
    }

    /// Checks a token: signature, revocation, expiry. What an integration has since revoked as a whole
    /// (`not_before`) the caller compares.
    pub(crate) async fn verify(&self, token: &str) -> Result<Result<Arc<Verified>, Invalid>, ApiError> {
        let mut snapshot = self.current().await?;
        let mut verified = snapshot.verify(token, self.clock.now_ms());
        if verified == Err(Invalid::BadSignature) && snapshot.lacks_key_of(token) {
            // Another server may have made a key just now.
            self.forget();
            snapshot = self.current().await?;
            verified = snapshot.verify(token, self.clock.now_ms());
        }
        Ok(verified)
    }

    /// Issues an access token.
    pub(crate) async fn issue(&self, to: &Integration, scopes: &[String]) -> Result<String, ApiError> {
        let snapshot = self.current().await?;
        let now = self.clock.now_ms();
        let claims = Claims::new(
            format!("{now}_{}_roster", self.chance.uuid()),
            to.client_id.clone(),
            to.technical_account.clone(),
            to.org_id.clone(),
            scopes,
            now,
            self.token_ttl_ms,
        );
        let signed = tokio::task::spawn_blocking(move || snapshot.signer.sign(&claims)).await;
        signed
            .map_err(|error| ApiError::internal("signing", error))?
            .map_err(|error| ApiError::internal("signing", error))
    }

    /// The published keys.
    pub(crate) async fn published(&self) -> Result<Vec<Published>, ApiError> {
        let snapshot = self.current().await?;
        Ok(snapshot.keys.iter().map(|key| key.jwk.clone()).collect())
    }

    /// Forgets revocations and signing keys that no valid token can meet any more. Safe to call at any time; what
    /// fails is tried again the next time.
    pub(crate) async fn tidy(&self) {
        let now = self.clock.now_ms();
        let oldest = now - self.token_ttl_ms - GRACE_MS;
        let tidied = self
            .store
            .write(Vec::new(), move |writer| {
                writer.delete_signing_keys(oldest)?;
                writer.purge_expired(now)
            })
            .await;
        if let Err(error) = tidied {
            tracing::warn!(error = %error, "expired keys and revocations could not be removed: {error}");
        }
    }

    /// Looks at the generation before anything held in memory is used again.
    pub(crate) fn forget(&self) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.looked_at.store(NEVER, Ordering::SeqCst);
    }

    /// What holds now.
    async fn current(&self) -> Result<Arc<Snapshot>, ApiError> {
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let _turn = self.loading.lock().await;
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let now = self.clock.monotonic_ms();
        let generation = self.store.generation().await?;
        let held = self.held();
        if held.generation == generation {
            held.looked_at.store(now, Ordering::SeqCst);
            return Ok(held);
        }
        let oldest = self.clock.now_ms() - self.token_ttl_ms - GRACE_MS;
        let rows = load(&self.store, oldest).await?;
        let snapshot =
            Snapshot::new(rows, &self.master, now).map_err(|error| ApiError::internal("keys", error))?;
        let snapshot = Arc::new(snapshot);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&snapshot);
        Ok(snapshot)
    }

    fn held(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn fresh(&self) -> Option<Arc<Snapshot>> {
        let held = self.held();
        let looked_at = held.looked_at.load(Ordering::SeqCst);
        let now = self.clock.monotonic_ms();
        (looked_at != NEVER && now < looked_at + LOOK_EVERY_MS).then_some(held)
    }
}

/// Marks a snapshot whose generation has to be looked at.
const NEVER: u64 = u64::MAX;

impl Snapshot {
    fn new(rows: Rows, master: &MasterKey, now: u64) -> Result<Self, StartError> {
        let newest = rows
            .keys
            .iter()
            .filter(|key| key.retired_at.is_none())
            .max_by_key(|key| key.created_at)
            .ok_or(StartError::Crypto(CryptoError("to sign without a key")))?;
        let private =
            master
                .unseal(&newest.kid, &newest.private_key)
                .ok_or_else(|| StartError::WrongMasterKey {
                    kid: newest.kid.clone(),
                })?;
        let signer = SigningKey::from_pkcs8(&newest.kid, &private)?;
        let keys = rows.keys.into_iter().filter_map(|row| {
            Some(PublicKey {
                jwk: published(&row.kid, &row.public_key)?,
                kid: row.kid,
                der: row.public_key,
            })
        });
        Ok(Self {
            generation: rows.generation,
            looked_at: AtomicU64::new(now),
            signer,
            keys: keys.collect(),
            revoked: rows.revoked,
            integrations: Mutex::default(),
            verified: Mutex::default(),
        })
    }

    fn verify(&self, token: &str, now: i64) -> Result<Arc<Verified>, Invalid> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let known = lock(&self.verified).get(&hash).cloned();
        let verified = if let Some(verified) = known {
            verified
        } else {
            let verified = Arc::new(self.check_signature(token)?);
            let mut known = lock(&self.verified);
            if known.len() >= MAX_VERIFIED {
                known.clear();
            }
            known.insert(hash, Arc::clone(&verified));
            verified
        };
        if self.revoked.contains(&verified.claims.id) {
            return Err(Invalid::Revoked);
        }
        if now > verified.expires_at.saturating_add(GRACE_MS) {
            return Err(Invalid::Expired);
        }
        Ok(verified)
    }

    fn check_signature(&self, token: &str) -> Result<Verified, Invalid> {
        let jws = Jws::parse(token).ok_or(Invalid::Malformed)?;
        let kid = jws.kid().ok_or(Invalid::Malformed)?;
        let key = self.keys.iter().find(|key| key.kid == kid);
        if !key.is_some_and(|key| jws.is_signed_by(&key.der)) {
            return Err(Invalid::BadSignature);
        }
        let claims: Claims = serde_json::from_slice(&jws.payload).map_err(|_| Invalid::Malformed)?;
        let created_at = claims.created_at.parse().map_err(|_| Invalid::Malformed)?;
        let expires_at = claims.expires_at().ok_or(Invalid::Malformed)?;
        if claims.kind != "access_token" {
            return Err(Invalid::Malformed);
        }
        Ok(Verified {
            claims,
            created_at,
            expires_at,
        })
    }

    /// Whether a token names a key that is not held.
    fn lacks_key_of(&self, token: &str) -> bool {
        let jws = Jws::parse(token);
        let kid = jws.as_ref().and_then(Jws::kid);
        kid.is_some_and(|kid| kid.starts_with("roster-") && !self.keys.iter().any(|key| key.kid == kid))
    }
}

/// What a snapshot is made of.
struct Rows {
    generation: u64,
    keys: Vec<roster_store::SigningKey>,
    revoked: HashSet<String>,
}

/// Reads keys and revocations; keys retired before `oldest` have no valid token left.
async fn load(store: &Store, oldest: i64) -> Result<Rows, StoreError> {
    // Looked at first: what changes in between is loaded again next time.
    let generation = store.generation().await?;
    store
        .read(move |reader| {
            let mut keys = reader.signing_keys()?;
            keys.retain(|key| key.retired_at.is_none_or(|at| at >= oldest));
            Ok(Rows {
                generation,
                keys,
                revoked: reader.revoked_tokens()?.into_iter().collect(),
            })
        })
        .await
}

async fn add_signing_key(store: &Store, master: &MasterKey, now: i64) -> Result<String, StartError> {
    let key = tokio::task::spawn_blocking(SigningKey::generate)
        .await
        .map_err(|_| CryptoError("to make an RSA key"))??;
    let sealed = master
        .seal(key.kid(), &key.private_der()?)
        .ok_or(CryptoError("to encrypt a signing key"))?;
    let row = roster_store::SigningKey {
        kid: key.kid().to_owned(),
        private_key: sealed,
        public_key: key.public_der()?,
        created_at: now,
        retired_at: None,
    };
    store
        .write(Vec::new(), move |writer| writer.add_signing_key(&row))
        .await
        .map_err(StartError::Store)?;
    Ok(key.kid().to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
