//! A server of its own for each test: fresh SQLite, a clock that stands still, known chance, no socket.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use roster_core::change::Change;
use roster_core::value::OrgNo;
use roster_server::clock::{Chance, Clock};
use roster_server::crypto::master::MasterKey;
use roster_server::{App, Config, router};
use roster_store::{
    Certificate, Entry, IntegrationSettings, Location, NewIntegration, Options, Recorded, Secret, SecretKind,
    Store,
};
use roster_testkit::sample::{self, ACME, STRANGER, TRUSTEE};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// The moment at which every test starts: 2026-11-24 12:00 UTC.
pub(crate) const NOW: i64 = 1_795_521_600_000;
/// The organizations' ids.
pub(crate) const ACME_ID: &str = "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg";
pub(crate) const TRUSTEE_ID: &str = "2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg";
/// Integrations: two of Acme, one each of the others. Their secrets begin with `p8e-` and end with their id.
pub(crate) const SYNC: &str = "a0000000000000000000000000000001";
pub(crate) const OTHER: &str = "a0000000000000000000000000000002";
pub(crate) const TRUSTEES: &str = "b0000000000000000000000000000001";
pub(crate) const STRANGERS: &str = "c0000000000000000000000000000001";

/// A server and everything it stands on.
pub(crate) struct TestServer {
    pub(crate) app: App,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    router: axum::Router,
    folder: TempDir,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A request under construction.
pub(crate) struct Ask {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl TestServer {
    /// The three organizations of the sample, with the default settings.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn with(settings: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(NOW);
        let mut config = Config {
            data_dir: Some(folder.path().to_owned()),
            clock: clock.clone(),
            chance: Chance::fixed(1),
            ims_hosts: vec!["ims.test:8443".to_owned()],
            ..Config::default()
        };
        settings(&mut config);
        let store = open(&folder).await;
        let master = MasterKey::open_or_create(&folder.path().join("master.key")).unwrap();
        apply(&store, sample::organizations()).await;
        for (client, org) in [
            (SYNC, ACME),
            (OTHER, ACME),
            (TRUSTEES, TRUSTEE),
            (STRANGERS, STRANGER),
        ] {
            add_integration(&store, &master, client, org).await;
        }
        let app = App::new(config.clone(), store.clone()).await.unwrap();
        Self {
            router: router(app.clone()),
            app,
            store,
            clock,
            config,
            folder,
        }
    }

    /// The same data served anew, as after a restart.
    pub(crate) async fn restarted(self) -> Self {
        let store = open(&self.folder).await;
        let app = App::new(self.config.clone(), store.clone()).await.unwrap();
        Self {
            router: router(app.clone()),
            app,
            store,
            ..self
        }
    }

    /// Sends a request.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        let mut request = Request::builder().method(ask.method).uri(&ask.path);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        self.send_request(request.body(Body::from(ask.body)).unwrap())
            .await
    }

    /// Sends a request made by hand.
    pub(crate) async fn send_request(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    /// The page of numbers, as somebody on this machine sees it.
    pub(crate) async fn metrics(&self) -> String {
        metrics(&self.router).await
    }

    /// A new access token of an integration.
    pub(crate) async fn token(&self, client: &str) -> String {
        let answer = self.send(token_request(client)).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Somebody who asks with a valid token.
    pub(crate) async fn caller(&self, client: &str) -> Caller<'_> {
        Caller {
            server: self,
            client: client.to_owned(),
            token: self.token(client).await,
        }
    }

    /// Acme's first integration.
    pub(crate) async fn sync(&self) -> Caller<'_> {
        self.caller(SYNC).await
    }

    /// Changes what the console can change, as another process would; the server notices within a moment.
    pub(crate) async fn apply(&self, changes: Vec<Change>) {
        apply(&self.store, changes).await;
        self.clock.advance_ms(1_000);
    }

    /// Changes an integration as another process would.
    /// What the log of the first organization holds of a request.
    pub(crate) async fn log(&self, request_id: &str) -> Vec<Recorded> {
        let mut found = Vec::new();
        let of = request_id.to_owned();
        let read = self.store.read(move |reader| {
            reader.log(ACME, 1, &mut |row| {
                if row.request_id == of {
                    found.push(row);
                }
                Ok(())
            })?;
            Ok(found)
        });
        read.await.unwrap()
    }

    pub(crate) async fn set_integration(
        &self,
        client: &str,
        change: impl Fn(&mut IntegrationSettings) + Send + 'static,
    ) {
        let client = client.to_owned();
        self.store
            .write(Vec::new(), move |writer| {
                let mut settings = writer.integration(&client)?.unwrap().settings;
                change(&mut settings);
                writer.update_integration(&client, &settings)
            })
            .await
            .unwrap()
            .unwrap();
        self.clock.advance_ms(1_000);
    }

    /// Adds a certificate as another process would.
    pub(crate) async fn add_certificate(&self, client: &str, der: &[u8]) {
        let parsed = roster_server::crypto::certificate::Certificate::from_der(der).unwrap();
        let certificate = Certificate {
            fingerprint: parsed.fingerprint,
            der: parsed.der,
            created_at: NOW,
        };
        let client = client.to_owned();
        self.store
            .write(Vec::new(), move |writer| {
                writer.add_certificate(&client, &certificate)
            })
            .await
            .unwrap()
            .unwrap();
    }
}

/// An integration with a token.
pub(crate) struct Caller<'s> {
    pub(crate) server: &'s TestServer,
    pub(crate) client: String,
    pub(crate) token: String,
}

impl Caller<'_> {
    /// `GET` below the base path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Ask::get(&api(path))).await
    }

    /// `POST` of a JSON value below the base path.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Ask::new(Method::POST, &api(path)).body(body.to_string()))
            .await
    }

    /// An action request of Acme.
    pub(crate) async fn act(&self, commands: Value) -> Value {
        let answer = self.post(&format!("/action/{ACME_ID}"), &commands).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
        answer.json()
    }

    /// An action request that has to succeed as a whole.
    pub(crate) async fn done(&self, commands: Value) {
        let answer = self.act(commands).await;
        assert_eq!(answer["result"], "success", "{answer:#}");
    }

    /// Any request, with this caller's key and token.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.server.send(ask.auth(&self.client, &self.token)).await
    }
}

impl Ask {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A form body.
    pub(crate) fn form(self, form: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(form)
    }

    pub(crate) fn auth(self, client: &str, token: &str) -> Self {
        self.header("x-api-key", client)
            .header("authorization", &format!("Bearer {token}"))
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.show()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The paging headers: total, pages, current page, page size.
    pub(crate) fn paging(&self) -> [i64; 4] {
        ["x-total-count", "x-page-count", "x-current-page", "x-page-size"]
            .map(|name| self.header(name).parse().unwrap_or(-1))
    }

    /// Status, the headers that matter, and the body, made readable.
    pub(crate) fn show(&self) -> String {
        let mut text = format!("{}\n", self.status.as_u16());
        let shown = [
            "allow",
            "retry-after",
            "www-authenticate",
            "canonical-resource",
            "cache-control",
            "x-total-count",
            "x-page-count",
            "x-current-page",
            "x-page-size",
        ];
        for name in shown {
            if self.headers.contains_key(name) {
                writeln!(text, "{name}: {}", self.header(name)).unwrap();
            }
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) => writeln!(text, "{value:#}").unwrap(),
            Err(_) => text.push_str(&String::from_utf8_lossy(&self.body)),
        }
        text
    }

    /// The values of one field of each entry of a list, in order.
    pub(crate) fn column(&self, list: &str, field: &str) -> Vec<String> {
        let body = self.json();
        let rows = if list.is_empty() { &body } else { &body[list] };
        let rows = rows
            .as_array()
            .unwrap_or_else(|| panic!("no list: {}", self.show()));
        rows.iter()
            .map(|row| match &row[field] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect()
    }
}

/// A path below the base path.
pub(crate) fn api(path: &str) -> String {
    format!("/v2/usermanagement{path}")
}

/// The secret of an integration of the scene.
pub(crate) fn secret(client: &str) -> String {
    format!("p8e-secret-of-{client}")
}

/// A request for a token.
pub(crate) fn token_request(client: &str) -> Ask {
    Ask::post("/ims/token/v2").form(&format!(
        "client_id={client}&client_secret={}&grant_type=client_credentials&scope=openid%2CAdobeID%2Cuser_management_sdk",
        secret(client)
    ))
}

/// A command that creates a federated person.
pub(crate) fn create(email: &str) -> Value {
    json!({"user": email, "do": [{"createFederatedID": {"email": email, "country": "DE"}}]})
}

/// The technical account of an integration of the scene.
pub(crate) fn technical_account(client: &str) -> String {
    format!("{}{}@techacct.adobe.com", &client[..4], &client[12..])
        .to_uppercase()
        .replace("@TECHACCT.ADOBE.COM", "@techacct.adobe.com")
}

/// An RSA key pair for JWTs; making one takes a while, so tests share them.
pub(crate) fn key_pair(n: usize) -> &'static rcgen::KeyPair {
    static PAIRS: OnceLock<Vec<rcgen::KeyPair>> = OnceLock::new();
    let make =
        || rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    &PAIRS.get_or_init(|| vec![make(), make()])[n]
}

/// The page of numbers of a server, as somebody on this machine sees it.
pub(crate) async fn metrics(router: &axum::Router) -> String {
    let mut request = Request::get("/metrics").body(Body::empty()).unwrap();
    let here = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    request.extensions_mut().insert(axum::extract::ConnectInfo(here));
    let answer = router.clone().oneshot(request).await.unwrap();
    let page = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(page.to_vec()).unwrap()
}

async fn open(folder: &TempDir) -> Store {
    let location = Location::Sqlite(folder.path().join("roster.db"));
    Store::open(location, Options::default()).await.unwrap()
}

async fn apply(store: &Store, changes: Vec<Change>) {
    let entry = Entry {
        org: None,
        at: NOW,
        actor: "test".to_owned(),
        client: None,
        request_id: "scene".to_owned(),
        command: "{}".to_owned(),
        changes,
    };
    let orgs = (0..4).map(OrgNo).collect();
    store
        .write(orgs, move |writer| writer.apply(&entry))
        .await
        .unwrap();
}

async fn add_integration(store: &Store, master: &MasterKey, client: &str, org: OrgNo) {
    let new = NewIntegration {
        client_id: client.to_owned(),
        org,
        technical_account: technical_account(client),
        settings: IntegrationSettings {
            name: format!("integration {client}"),
            enabled: true,
            oauth: true,
            jwt: true,
            scopes: vec![
                "user_management_sdk".to_owned(),
                "manage_client_secrets".to_owned(),
            ],
            require_jti: false,
        },
        created_at: NOW,
    };
    let secrets: Vec<Secret> = [("1", SecretKind::OAuth), ("2", SecretKind::Jwt)]
        .into_iter()
        .map(|(n, kind)| Secret {
            uuid: format!("00000000-0000-4000-a000-00000000000{n}"),
            kind,
            hash: master.hash_secret(client, &secret(client)),
            created_at: NOW,
            last_used_at: None,
        })
        .collect();
    let client = client.to_owned();
    store
        .write(Vec::new(), move |writer| {
            writer.create_integration(&new)?.unwrap();
            for secret in &secrets {
                assert!(writer.add_secret(&client, secret, 2)?);
            }
            Ok(())
        })
        .await
        .unwrap();
}
