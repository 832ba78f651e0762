//! The server on a socket: TLS with its own authority, both versions of HTTP, an orderly end.

use std::path::Path;
use std::time::Duration;

use roster_server::config::Tls;
use roster_server::{Config, Ready, ServeError, bind, serve};
use roster_store::{Location, Options, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server of its own thread of life.
struct Running {
    ready: Ready,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
    store: Store,
}

async fn start(folder: &Path, settings: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: Some(folder.to_owned()),
        ..Config::default()
    };
    settings(&mut config);
    let location = Location::Sqlite(folder.join("roster.db"));
    let store = Store::open(location, Options::default()).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let bound = bind(&config).unwrap();
    let serving = serve(config, bound, store.clone(), shutdown, move |ready| {
        tell.send(ready).unwrap();
    });
    Running {
        ended: tokio::spawn(serving),
        ready: told.await.unwrap(),
        stop,
        store,
    }
}

fn client(ca_file: Option<&Path>) -> reqwest::ClientBuilder {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = reqwest::Client::builder().no_proxy();
    if let Some(ca_file) = ca_file {
        let pem = std::fs::read(ca_file).unwrap();
        builder = builder.tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()]);
    }
    builder
}

#[tokio::test]
async fn https_with_the_local_authority_in_both_versions_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), |_| {}).await;
    let ca_file = server.ready.ca_file.clone().unwrap();
    assert_eq!(ca_file, folder.path().join("tls/ca.pem"));
    let url = format!("{}/status", server.ready.url);
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let http2 = client(Some(&ca_file)).build().unwrap();
    let answer = http2.get(&url).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, reqwest::Version::HTTP_2)
    );
    let http1 = client(Some(&ca_file)).http1_only().build().unwrap();
    let by_name = url.replace("127.0.0.1", "localhost");
    let answer = http1.get(&by_name).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, reqwest::Version::HTTP_11)
    );
    assert!(
        client(None).build().unwrap().get(&url).send().await.is_err(),
        "nobody else trusts it"
    );
    let metrics = http2
        .get(url.replace("/status", "/metrics"))
        .send()
        .await
        .unwrap();
    assert_eq!(metrics.status().as_u16(), 200, "from this machine");

    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
    assert!(http1.get(&url).send().await.is_err(), "it has stopped");
}

/// A migration takes its time, and clients that connect would wait for it without an answer.
#[tokio::test]
async fn nobody_can_connect_before_they_are_answered() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    let config = || Config {
        listen: address,
        tls: Tls::Off,
        ..Config::default()
    };
    assert!(
        matches!(bind(&config()), Err(ServeError::Listen { .. })),
        "somebody else listens"
    );
    drop(free);
    let _bound = bind(&config()).unwrap();
    let error = std::net::TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// Many clients look for an answer only when they have sent everything.
#[tokio::test]
async fn a_body_too_large_is_read_to_its_end_and_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), |config| config.tls = Tls::Off).await;
    let address = server.ready.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // The second request shows that the connection is still good.
    for size in [8 << 20, 70_000] {
        let head =
            format!("POST /ims/token/v2 HTTP/1.1\r\nhost: {address}\r\ncontent-length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; size]).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{size}: {answer}");
    }
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_certificate_stays_the_same_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut certificates = Vec::new();
    for _ in 0..2 {
        let server = start(folder.path(), |_| {}).await;
        certificates.push(std::fs::read(server.ready.ca_file.clone().unwrap()).unwrap());
        server.stop.send(()).unwrap();
        server.ended.await.unwrap().unwrap();
    }
    assert_eq!(certificates[0], certificates[1]);
}

#[tokio::test]
async fn a_given_certificate_is_served_and_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let made = start(folder.path(), |_| {}).await;
    let ca_file = made.ready.ca_file.clone().unwrap();
    made.stop.send(()).unwrap();
    made.ended.await.unwrap().unwrap();
    let tls = folder.path().join("tls");
    let other = tempfile::tempdir().unwrap();
    let server = start(other.path(), |config| {
        config.tls = Tls::Given {
            cert: tls.join("cert.pem"),
            key: tls.join("key.pem"),
        };
    })
    .await;
    assert_eq!(server.ready.ca_file, None);
    let url = format!("{}/status", server.ready.url);
    let answer = client(Some(&ca_file))
        .build()
        .unwrap()
        .get(&url)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(!other.path().join("tls").exists());
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_in_flight_is_finished_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), |config| config.tls = Tls::Off).await;
    assert!(server.ready.url.starts_with("http://127.0.0.1:"));
    let mut slow = tokio::net::TcpStream::connect(server.ready.address)
        .await
        .unwrap();
    slow.write_all(b"POST /ims/token/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nclient")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        tokio::net::TcpStream::connect(server.ready.address)
            .await
            .is_err(),
        "no new work"
    );
    slow.write_all(b"_id=").await.unwrap();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("invalid_client"),
        "{answer}"
    );
    server.ended.await.unwrap().unwrap();
    drop(server.store);
}

#[tokio::test]
async fn a_connection_goes_on_after_a_body_that_was_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), |config| config.tls = Tls::Off).await;
    let mut stream = tokio::net::TcpStream::connect(server.ready.address)
        .await
        .unwrap();
    let body = "x".repeat(300_000);
    let request = format!(
        "POST /v2/usermanagement/action/1A@AdobeOrg HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut chunk = [0; 4096];
            let read = stream.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the connection was closed");
            answer.extend_from_slice(&chunk[..read]);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 403") && !answer.contains("connection: close"),
            "{answer}"
        );
    }
    let endless = "POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n";
    stream.write_all(endless.as_bytes()).await.unwrap();
    // The server hangs up while this is still being sent.
    let _ = stream.write_all("x".repeat(3_000_000).as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.is_empty() || answer.contains("connection: close"),
        "{answer}"
    );
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn slow_heads_and_idle_beginners_are_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), |config| {
        config.tls = Tls::Off;
        config.guard.header_timeout = Duration::from_millis(200);
    })
    .await;
    let mut silent = tokio::net::TcpStream::connect(server.ready.address)
        .await
        .unwrap();
    let mut slow = tokio::net::TcpStream::connect(server.ready.address)
        .await
        .unwrap();
    slow.write_all(b"GET /status HTTP/1.1\r\nHo").await.unwrap();
    let mut rest = Vec::new();
    for stream in [&mut silent, &mut slow] {
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is still there");
    }
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_not_http_is_refused_without_a_word_and_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), |config| config.tls = Tls::Off).await;
    let address = server.ready.url.replace("http://", "");
    let many = "x: 1\r\n".repeat(200);
    for (head, status) in [
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        (
            "POST /status HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".to_owned(),
            "400",
        ),
        (format!("GET /status HTTP/1.1\r\n{many}\r\n"), "431"),
    ] {
        let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // Read to its end: the connection is closed.
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(!answer.to_lowercase().contains("x-request-id"), "{answer}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = Config {
        listen: address,
        data_dir: Some(folder.path().to_owned()),
        ..Config::default()
    };
    let error = bind(&config).unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "something was made");
}
