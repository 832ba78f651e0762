//! TLS towards PostgreSQL: what each `sslmode` asks for, and what is said when it cannot be had.

use roster_store::{Location, Options, Store, StoreError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::empty_database;

/// A server that speaks TLS with a certificate for `localhost`.
struct Server {
    /// `127.0.0.1:PORT/DATABASE`.
    place: String,
    /// The folder with certificates.
    folder: String,
}

impl Server {
    /// An address with a host and a role, and parameters in which `DIR` is the folder with certificates.
    fn address(&self, role: &str, host: &str, parameters: &str) -> String {
        let place = self.place.replace("127.0.0.1", host);
        let parameters = parameters.replace("DIR", &self.folder);
        format!("postgres://{role}@{place}?{parameters}")
    }

    fn port(&self) -> &str {
        let (server, _) = self.place.split_once('/').unwrap();
        server.rsplit_once(':').unwrap().1
    }
}

/// The server of `scripts/with-postgres.sh`, an empty database on it. With `ROSTER_TEST_ALL` its absence is a failure.
async fn server() -> Option<Server> {
    let folder = std::env::var("ROSTER_TEST_POSTGRES_TLS").ok();
    let (Some(folder), Some(Location::Postgres(url))) = (folder, empty_database().await) else {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none(),
            "ROSTER_TEST_POSTGRES and ROSTER_TEST_POSTGRES_TLS name no server: use scripts/with-postgres.sh"
        );
        return None;
    };
    let (_, place) = url.split_once('@').unwrap();
    Some(Server {
        place: place.to_owned(),
        folder,
    })
}

async fn open(address: String) -> Result<Store, StoreError> {
    let options = Options {
        readers: 1,
        writers: 1,
        ..Options::default()
    };
    Store::open(Location::Postgres(address), options).await
}

/// Whether the server says that the connection is encrypted, both of a reader and of a writer.
async fn encrypted(address: String) -> Result<bool, StoreError> {
    const ASK: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let store = open(address).await?;
    let read = store.read(|reader| reader.number(ASK, &[])).await?.unwrap();
    let write = store.write(Vec::new(), |writer| writer.number(ASK, &[])).await?;
    assert_eq!(write, Some(read));
    Ok(read == 1)
}

/// The one kind of error there may be, as text.
async fn refusal(address: String) -> String {
    match open(address.clone()).await {
        Err(error @ StoreError::Unavailable(_)) => error.to_string(),
        other => panic!("{address}: {other:?}"),
    }
}

fn holds(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

/// A way to `server` on which nothing but plain text is spoken: the request for TLS is answered as by a server with
/// `ssl = off`.
async fn without_tls(server: &Server) -> u16 {
    let to = format!("127.0.0.1:{}", server.port());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut first = [0; 8];
                client.read_exact(&mut first).await?;
                let mut server = TcpStream::connect(to).await?;
                // Length 8, code 80877103: SSLRequest.
                if first == [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f] {
                    client.write_all(b"N").await?;
                } else {
                    server.write_all(&first).await?;
                }
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mode_is_encrypted_or_plain_as_it_says() {
    let Some(server) = server().await else { return };
    for (host, parameters, is_encrypted) in [
        ("127.0.0.1", "", true),
        ("127.0.0.1", "sslmode=prefer", true),
        ("127.0.0.1", "sslmode=require", true),
        ("127.0.0.1", "sslmode=disable", false),
        ("127.0.0.1", "sslmode=disable&sslrootcert=/nowhere.pem", false),
        // The certificate names `localhost` alone.
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert=DIR/ca.pem", true),
        ("127.0.0.1", "sslmode=require&sslrootcert=DIR/ca.pem", true),
        ("localhost", "sslmode=verify-full&sslrootcert=DIR/ca.pem", true),
        (
            "localhost",
            "sslrootcert=DIR%2Fca.pem&application_name=roster",
            true,
        ),
    ] {
        let address = server.address("roster", host, parameters);
        assert_eq!(encrypted(address.clone()).await, Ok(is_encrypted), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused() {
    let Some(server) = server().await else { return };
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let parameters = format!("sslmode={mode}&sslrootcert=DIR/other.pem");
        let text = refusal(server.address("roster", "localhost", &parameters)).await;
        // `require` with an authority is `verify-ca`, and says so.
        let shown = if mode == "require" { "verify-ca" } else { mode };
        holds(
            &text,
            &[
                "PostgreSQL at localhost",
                &format!("sslmode={shown}, sslrootcert={}/other.pem", server.folder),
                "UnknownIssuer",
                "check that `sslrootcert` holds the authority",
            ],
        );
    }
    let text = refusal(server.address("roster", "localhost", "sslrootcert=system")).await;
    holds(&text, &["sslmode=verify-full, sslrootcert=system"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused_where_the_name_counts() {
    let Some(server) = server().await else { return };
    for parameters in [
        "sslmode=verify-full&sslrootcert=DIR/ca.pem",
        "sslrootcert=DIR/ca.pem",
    ] {
        let text = refusal(server.address("roster", "127.0.0.1", parameters)).await;
        holds(
            &text,
            &[
                "PostgreSQL at 127.0.0.1",
                "sslmode=verify-full",
                "localhost",
                "subjectAltName",
                "sslmode=verify-ca",
            ],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_enough_for_prefer_alone() {
    let Some(server) = server().await else { return };
    let plain = Server {
        place: server
            .place
            .replace(server.port(), &without_tls(&server).await.to_string()),
        folder: server.folder.clone(),
    };
    for parameters in ["", "sslmode=prefer", "sslmode=disable"] {
        let address = plain.address("roster", "localhost", parameters);
        assert_eq!(encrypted(address).await, Ok(false), "{parameters}");
    }
    for parameters in [
        "sslmode=require",
        "sslmode=verify-ca&sslrootcert=DIR/ca.pem",
        "sslmode=verify-full&sslrootcert=DIR/ca.pem",
        "sslrootcert=DIR/ca.pem",
    ] {
        let text = refusal(plain.address("roster", "localhost", parameters)).await;
        holds(
            &text,
            &[
                "PostgreSQL at localhost",
                "it has no TLS",
                "ssl = on",
                "sslmode=disable",
            ],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_may_be_asked_for_a_certificate() {
    let Some(server) = server().await else { return };
    let with = "sslmode=verify-full&sslrootcert=DIR/ca.pem&sslcert=DIR/client.pem&sslkey=DIR/client.key";
    assert_eq!(
        encrypted(server.address("certified", "localhost", with)).await,
        Ok(true)
    );
    let text = refusal(server.address("certified", "localhost", "sslmode=require")).await;
    holds(&text, &["client certificate"]);
    // Issued by somebody whom the server does not know.
    let other = "sslmode=require&sslcert=DIR/other.pem&sslkey=DIR/other.key";
    let text = refusal(server.address("certified", "localhost", other)).await;
    holds(&text, &["no TLS with PostgreSQL at localhost", "ssl_ca_file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_bound_to_the_channel_it_goes_through() {
    let Some(server) = server().await else { return };
    let bound = "sslmode=require&channel_binding=require";
    assert_eq!(
        encrypted(server.address("scram:hunter2", "localhost", bound)).await,
        Ok(true)
    );
    let plain = "sslmode=disable";
    assert_eq!(
        encrypted(server.address("scram:hunter2", "localhost", plain)).await,
        Ok(false)
    );
    let unbound = "sslmode=disable&channel_binding=require";
    let text = refusal(server.address("scram:hunter2", "localhost", unbound)).await;
    holds(&text, &["channel binding"]);
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_address_cannot_mean_is_told_before_anything_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let empty = empty.display();
    for (parameters, words) in [
        (
            "sslmode=allow",
            vec![
                "`sslmode` is `allow`",
                "disable, prefer, require, verify-ca or verify-full",
            ],
        ),
        (
            "sslmode=verify-full",
            vec!["`sslmode=verify-full` needs `sslrootcert`", "`system`"],
        ),
        (
            "sslrootcert=/nowhere/ca.pem",
            vec!["`sslrootcert=/nowhere/ca.pem`", "cannot be read", "os error 2"],
        ),
        (
            &format!("sslrootcert={empty}"),
            vec!["sslrootcert=", "no certificate in PEM form"],
        ),
        (
            &format!("sslcert={empty}&sslkey={empty}"),
            vec!["sslcert=", "no certificate in PEM form"],
        ),
        ("sslcert=c.pem", vec!["`sslcert` needs `sslkey`"]),
        ("sslcompression=1", vec!["unknown option `sslcompression`"]),
        ("channel_binding=always", vec!["channel_binding"]),
    ] {
        // Nobody listens there.
        let text = refusal(format!(
            "postgres://roster:hunter2@127.0.0.1:1/roster?{parameters}"
        ))
        .await;
        holds(&text, &["the database address cannot be used"]);
        holds(&text, &words);
        assert!(!text.contains("hunter2"), "{text}");
    }
}
