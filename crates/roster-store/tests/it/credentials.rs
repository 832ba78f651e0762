//! Integrations, keys, revocations, passwords.

use roster_core::describe::Mark;
use roster_core::value::{AccountId, OrgState};
use roster_store::{
    Certificate, CredentialRefusal, Integration, IntegrationSettings, MAX_CERTIFICATES, NewIntegration,
    Password, Secret, SecretKind, SigningKey, Store, StoreError, Writer,
};
use roster_testkit::sample::{self, ACME, TRUSTEE};

use crate::support::{Fresh, apply, stores};

const CLIENT: &str = "0123456789abcdef0123456789abcdef";

fn settings(name: &str) -> IntegrationSettings {
    IntegrationSettings {
        name: name.to_owned(),
        enabled: true,
        oauth: true,
        jwt: false,
        scopes: vec!["openid".to_owned(), "user_management_sdk".to_owned()],
        require_jti: false,
    }
}

fn integration(client_id: &str, name: &str) -> NewIntegration {
    NewIntegration {
        client_id: client_id.to_owned(),
        org: ACME,
        technical_account: format!("{client_id}@techacct.adobe.com"),
        settings: settings(name),
        created_at: 1_700_000_000_000,
    }
}

fn secret(uuid: &str, kind: SecretKind, created_at: i64) -> Secret {
    Secret {
        uuid: uuid.to_owned(),
        kind,
        hash: vec![0, 1, 255, 128],
        created_at,
        last_used_at: None,
    }
}

fn certificate(fingerprint: &str, created_at: i64) -> Certificate {
    Certificate {
        fingerprint: fingerprint.to_owned(),
        der: vec![0x30, 0x82, 0, 255],
        created_at,
    }
}

/// Stores with the sample organizations and one integration of Acme.
async fn with_integration() -> Vec<Fresh> {
    let stores = stores().await;
    for fresh in &stores {
        apply(&fresh.store, sample::organizations()).await;
        write(&fresh.store, |writer| {
            writer.create_integration(&integration(CLIENT, "sync"))
        })
        .await
        .unwrap();
    }
    stores
}

async fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnMut(&mut Writer<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(vec![ACME], work).await.unwrap()
}

async fn read(store: &Store) -> Integration {
    let found = store.read(|reader| reader.integration(CLIENT)).await.unwrap();
    found.unwrap()
}

/// Does something, and tells whether other processes learn that what they hold is old.
async fn raises<T: Send + 'static>(
    store: &Store,
    work: impl FnMut(&mut Writer<'_>) -> Result<T, StoreError> + Send + 'static,
) -> bool {
    let before = store.generation().await.unwrap();
    write(store, work).await;
    store.generation().await.unwrap() > before
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_is_read_back_with_everything_that_belongs_to_it() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        let (old, new) = (
            secret("b", SecretKind::OAuth, 1),
            secret("a", SecretKind::OAuth, 2),
        );
        let jwt = secret("c", SecretKind::Jwt, 3);
        let certs = [certificate("ff", 1), certificate("00", 2)];
        for add in [new.clone(), old.clone(), jwt.clone()] {
            assert!(write(store, move |writer| writer.add_secret(CLIENT, &add, 2)).await);
        }
        for add in certs.clone() {
            write(store, move |writer| writer.add_certificate(CLIENT, &add))
                .await
                .unwrap();
        }
        let found = read(store).await;
        assert_eq!((found.org, found.org_state), (ACME, OrgState::Active));
        assert_eq!(found.org_id, "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg");
        assert_eq!(found.technical_account, format!("{CLIENT}@techacct.adobe.com"));
        assert_eq!(
            (found.not_before, found.created_at),
            (1_700_000_000_000, 1_700_000_000_000)
        );
        assert_eq!(found.settings, settings("sync"));
        assert_eq!(found.secrets, [old, new, jwt], "oldest first");
        assert_eq!(found.certificates, certs);
        let read = store.read(|reader| {
            let unknown = reader.integration(&CLIENT.to_uppercase())?;
            Ok((unknown, reader.integrations(ACME)?, reader.integrations(TRUSTEE)?))
        });
        let (unknown, of_acme, of_trustee) = read.await.unwrap();
        assert_eq!((unknown, of_trustee), (None, Vec::new()));
        assert_eq!(of_acme, [found]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_an_integration_is_taken_once() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        let same_id = integration(CLIENT, "other");
        let same_account = NewIntegration {
            technical_account: format!("{CLIENT}@techacct.adobe.com"),
            ..integration("f".repeat(32).as_str(), "other")
        };
        let same_name = integration("f".repeat(32).as_str(), "sync");
        let elsewhere = NewIntegration {
            org: TRUSTEE,
            ..same_name.clone()
        };
        let refused =
            async |new: NewIntegration| write(store, move |writer| writer.create_integration(&new)).await;
        assert_eq!(
            refused(same_id).await,
            Err(CredentialRefusal::ClientIdTaken(CLIENT.to_owned()))
        );
        assert!(matches!(
            refused(same_account).await,
            Err(CredentialRefusal::TechnicalAccountTaken(_))
        ));
        assert_eq!(
            refused(same_name).await,
            Err(CredentialRefusal::NameTaken("sync".to_owned()))
        );
        assert_eq!(refused(elsewhere).await, Ok(()));
        assert_eq!(
            store
                .read(|reader| reader.integrations(ACME))
                .await
                .unwrap()
                .len(),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_and_an_integration_goes_with_all_it_has() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        let other = IntegrationSettings {
            name: "renamed".to_owned(),
            enabled: false,
            oauth: false,
            jwt: true,
            scopes: Vec::new(),
            require_jti: true,
        };
        let wanted = other.clone();
        write(store, move |writer| writer.update_integration(CLIENT, &other))
            .await
            .unwrap();
        for at in [1_700_000_000_077, 1_700_000_000_076] {
            write(store, move |writer| writer.revoke_tokens_before(CLIENT, at))
                .await
                .unwrap();
        }
        let found = read(store).await;
        assert_eq!(
            (found.settings, found.not_before),
            (wanted, 1_700_000_000_077),
            "only forward"
        );
        let second = integration("e".repeat(32).as_str(), "second");
        write(store, move |writer| writer.create_integration(&second))
            .await
            .unwrap();
        let taken = write(store, |writer| {
            writer.update_integration(CLIENT, &settings("second"))
        })
        .await;
        assert_eq!(taken, Err(CredentialRefusal::NameTaken("second".to_owned())));
        let unknown = write(store, |writer| writer.update_integration("nope", &settings("x"))).await;
        assert_eq!(
            unknown,
            Err(CredentialRefusal::NoSuchIntegration("nope".to_owned()))
        );

        write(store, |writer| {
            writer.add_secret(CLIENT, &secret("a", SecretKind::Jwt, 1), 1)?;
            writer.add_certificate(CLIENT, &certificate("ff", 1))?.unwrap();
            writer.use_jti(CLIENT, "once", 10, 1)
        })
        .await;
        assert!(write(store, |writer| writer.delete_integration(CLIENT)).await);
        assert!(!write(store, |writer| writer.delete_integration(CLIENT)).await);
        let left = store.read(|reader| {
            let mut left = 0;
            for table in ["secrets", "certificates", "used_jtis"] {
                left += reader
                    .number(&format!("SELECT COUNT(*) FROM {table}"), &[])?
                    .unwrap();
            }
            Ok(left)
        });
        assert_eq!(left.await.unwrap(), 0);
        assert_eq!(
            store
                .read(|reader| reader.integrations(ACME))
                .await
                .unwrap()
                .len(),
            1
        );
    }
}

/// ims.md 9.
#[tokio::test(flavor = "multi_thread")]
async fn a_third_secret_is_refused_and_the_last_of_its_kind_stays() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        let add = async |uuid: &'static str, kind, max| {
            write(store, move |writer| {
                writer.add_secret(CLIENT, &secret(uuid, kind, 1), max)
            })
            .await
        };
        assert!(add("a", SecretKind::OAuth, 2).await);
        assert!(add("b", SecretKind::OAuth, 2).await);
        assert!(!add("c", SecretKind::OAuth, 2).await);
        assert!(add("d", SecretKind::Jwt, 1).await, "counted by kind");
        assert!(!add("e", SecretKind::Jwt, 1).await);
        let nobody = write(store, |writer| {
            writer.add_secret("nope", &secret("a", SecretKind::OAuth, 1), 2)
        })
        .await;
        assert!(!nobody);
        let delete =
            async |uuid: &'static str| write(store, move |writer| writer.delete_secret(CLIENT, uuid)).await;
        assert_eq!(delete("d").await, Err(CredentialRefusal::LastSecret));
        assert_eq!(
            delete("z").await,
            Err(CredentialRefusal::NoSuchSecret("z".to_owned()))
        );
        assert_eq!(delete("a").await, Ok(()));
        assert_eq!(delete("b").await, Err(CredentialRefusal::LastSecret));
        let left: Vec<_> = read(store)
            .await
            .secrets
            .into_iter()
            .map(|secret| secret.uuid)
            .collect();
        assert_eq!(left, ["b", "d"]);
    }
}

/// However many ask at once.
#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_the_most_also_for_those_who_ask_at_once() {
    for fresh in with_integration().await {
        let mut asked = tokio::task::JoinSet::new();
        for n in 0..8 {
            let store = fresh.store.clone();
            // Different lanes of the writer, as different servers would be.
            let lane = if n % 2 == 0 { ACME } else { TRUSTEE };
            asked.spawn(async move {
                let add = move |writer: &mut Writer<'_>| {
                    writer.add_secret(CLIENT, &secret(&format!("s{n}"), SecretKind::OAuth, n), 2)
                };
                store.write(vec![lane], add).await.unwrap()
            });
        }
        let added = asked.join_all().await.into_iter().filter(|added| *added).count();
        assert_eq!((added, read(&fresh.store).await.secrets.len()), (2, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_secret_only_moves_forward() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        write(store, |writer| {
            writer.add_secret(CLIENT, &secret("a", SecretKind::OAuth, 1), 2)
        })
        .await;
        for (at, expected) in [(50, 50), (40, 50), (60, 60)] {
            let raised = raises(store, move |writer| writer.touch_secret(CLIENT, "a", at)).await;
            assert!(!raised, "nobody has to read anything again");
            assert_eq!(read(store).await.secrets[0].last_used_at, Some(expected));
        }
    }
}

/// ims.md 10.
#[tokio::test(flavor = "multi_thread")]
async fn ten_certificates_are_the_most_each_of_another_key() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        for n in 0..MAX_CERTIFICATES {
            let add = certificate(&format!("{n:02}"), i64::try_from(n).unwrap());
            write(store, move |writer| writer.add_certificate(CLIENT, &add))
                .await
                .unwrap();
        }
        let add = async |fingerprint: &'static str| {
            write(store, move |writer| {
                writer.add_certificate(CLIENT, &certificate(fingerprint, 99))
            })
            .await
        };
        assert_eq!(add("03").await, Err(CredentialRefusal::SameKey));
        assert_eq!(add("fresh").await, Err(CredentialRefusal::TooManyCertificates));
        let delete = async |fingerprint: &'static str| {
            write(store, move |writer| {
                writer.delete_certificate(CLIENT, fingerprint)
            })
            .await
        };
        assert!(delete("03").await);
        assert!(!delete("03").await);
        assert_eq!(add("fresh").await, Ok(()));
        assert_eq!(read(store).await.certificates.len(), MAX_CERTIFICATES);
        // Another integration may hold the same key.
        let second = integration("e".repeat(32).as_str(), "second");
        write(store, move |writer| {
            writer.create_integration(&second)?.unwrap();
            writer.add_certificate(&second.client_id, &certificate("fresh", 1))
        })
        .await
        .unwrap();
    }
}

fn key(kid: &str, created_at: i64) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        private_key: vec![1, 2, 3],
        public_key: vec![4, 5],
        created_at,
        retired_at: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_signing_key_retires_the_one_before_it() {
    for fresh in stores().await {
        let store = &fresh.store;
        for (kid, at) in [("k1", 10), ("k2", 20), ("k3", 30)] {
            assert!(raises(store, move |writer| writer.add_signing_key(&key(kid, at))).await);
        }
        let keys = store.read(|reader| reader.signing_keys()).await.unwrap();
        let retired = |kid: &str, at, retired_at| SigningKey {
            retired_at,
            ..key(kid, at)
        };
        assert_eq!(
            keys,
            [
                retired("k1", 10, Some(20)),
                retired("k2", 20, Some(30)),
                retired("k3", 30, None)
            ]
        );
        assert!(
            !raises(store, |writer| writer.delete_signing_keys(20)).await,
            "retired at 20 is not before 20"
        );
        assert!(raises(store, |writer| writer.delete_signing_keys(21)).await);
        let kids: Vec<_> = store.read(|reader| reader.signing_keys()).await.unwrap();
        assert_eq!(
            kids.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(),
            ["k2", "k3"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_tokens_are_kept_until_they_expire_and_a_jti_is_used_once() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        assert!(raises(store, |writer| writer.revoke_token("t1", 100)).await);
        write(store, |writer| writer.revoke_token("t1", 100)).await;
        write(store, |writer| writer.revoke_token("t2", 200)).await;
        let use_jti = async |jti: &'static str, until, now| {
            write(store, move |writer| writer.use_jti(CLIENT, jti, until, now)).await
        };
        assert!(use_jti("j1", 100, 1).await);
        assert!(!use_jti("j1", 150, 2).await);
        assert!(use_jti("j2", 200, 3).await);
        assert!(
            write(store, |writer| writer.use_jti("another", "j1", 100, 3)).await,
            "each integration for itself"
        );
        assert_eq!(
            write(store, |writer| writer.purge_expired(100)).await,
            0,
            "those that expire now are kept"
        );
        assert_eq!(write(store, |writer| writer.purge_expired(101)).await, 3);
        assert_eq!(
            store.read(|reader| reader.revoked_tokens()).await.unwrap(),
            ["t2"]
        );
        assert!(!use_jti("j2", 300, 150).await);
        assert!(
            use_jti("j2", 300, 201).await,
            "what expired is forgotten along the way"
        );
    }
}

/// A `jti` sent to two servers at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_jti_asked_for_at_once_is_given_to_one() {
    for fresh in with_integration().await {
        let mut asked = tokio::task::JoinSet::new();
        for n in 0..6 {
            let (store, lane) = (fresh.store.clone(), if n % 2 == 0 { ACME } else { TRUSTEE });
            asked.spawn(async move {
                store
                    .write(vec![lane], |writer| writer.use_jti(CLIENT, "same", 100, 1))
                    .await
                    .unwrap()
            });
        }
        let given = asked.join_all().await.into_iter().filter(|given| *given).count();
        assert_eq!(given, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_that_servers_hold_in_memory_is_told() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        let second = integration("e".repeat(32).as_str(), "second");
        assert!(raises(store, move |writer| writer.create_integration(&second)).await);
        assert!(
            raises(store, |writer| writer
                .update_integration(CLIENT, &settings("other")))
            .await
        );
        assert!(raises(store, |writer| writer.revoke_tokens_before(CLIENT, 5)).await);
        assert!(
            raises(store, |writer| writer.add_secret(
                CLIENT,
                &secret("a", SecretKind::OAuth, 1),
                2
            ))
            .await
        );
        assert!(
            raises(store, |writer| writer.add_secret(
                CLIENT,
                &secret("b", SecretKind::OAuth, 2),
                2
            ))
            .await
        );
        assert!(
            !raises(store, |writer| writer.add_secret(
                CLIENT,
                &secret("c", SecretKind::OAuth, 3),
                2
            ))
            .await
        );
        assert!(raises(store, |writer| writer.delete_secret(CLIENT, "a")).await);
        assert!(
            raises(store, |writer| writer
                .add_certificate(CLIENT, &certificate("ff", 1)))
            .await
        );
        assert!(raises(store, |writer| writer.delete_certificate(CLIENT, "ff")).await);
        assert!(raises(store, |writer| writer.delete_integration(CLIENT)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_set_replaced_and_taken_away() {
    for fresh in stores().await {
        let (store, account) = (&fresh.store, AccountId(7));
        let get = async || store.read(move |reader| reader.password(account)).await.unwrap();
        let password = |hash: &str, set_at| Password {
            hash: hash.to_owned(),
            set_at,
        };
        assert_eq!(get().await, None);
        for (hash, at) in [("$argon2id$1", 1), ("$argon2id$2", 2)] {
            let set = password(hash, at);
            write(store, move |writer| writer.set_password(account, &set)).await;
            assert_eq!(get().await, Some(password(hash, at)));
        }
        assert!(write(store, move |writer| writer.delete_password(account)).await);
        assert!(!write(store, move |writer| writer.delete_password(account)).await);
        assert_eq!(get().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_description_brought_in_is_remembered_until_it_is_removed() {
    for fresh in stores().await {
        let store = &fresh.store;
        let (group, link) = (
            Mark::new("user_group", &["Straße"]),
            Mark::new("link", &["A", "B"]),
        );
        let both = [group.clone(), link.clone()];
        write(store, move |writer| {
            for mark in both.iter().chain(&both) {
                writer.mark_described(ACME, mark)?;
            }
            writer.mark_described(TRUSTEE, &both[0])
        })
        .await;
        let described = async |org| store.read(move |reader| reader.described(org)).await.unwrap();
        assert_eq!(described(ACME).await, [group.clone(), link.clone()].into());
        let gone = group.clone();
        write(store, move |writer| writer.unmark_described(ACME, &gone)).await;
        assert_eq!(described(ACME).await, [link].into());
        assert_eq!(described(TRUSTEE).await, [group].into());
    }
}

/// A refusal undoes nothing else of its transaction, an error everything.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_undoes_what_was_written_before_it() {
    for fresh in with_integration().await {
        let store = &fresh.store;
        let failed: Result<(), _> = store
            .write(vec![ACME], |writer| {
                writer.add_secret(CLIENT, &secret("a", SecretKind::OAuth, 1), 2)?;
                Err(StoreError::GivenUp("on purpose".to_owned()))
            })
            .await;
        assert_eq!(failed, Err(StoreError::GivenUp("on purpose".to_owned())));
        assert!(read(store).await.secrets.is_empty());
        write(store, |writer| {
            writer.add_secret(CLIENT, &secret("a", SecretKind::OAuth, 1), 2)?;
            writer.delete_secret(CLIENT, "nope")
        })
        .await
        .unwrap_err();
        assert_eq!(read(store).await.secrets.len(), 1);
    }
}
