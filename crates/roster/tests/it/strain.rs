//! K11: ten thousand connections that do nothing, bodies that never end, nesting without bottom. The server's memory
//! stays within bounds, and everybody else is served meanwhile.
//!
//! The server is a process of its own, as in life: its limit of open files is not that of its clients.

#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;

use crate::support::{ORG, Server, describe, request, token};

const MEBIBYTE: u64 = 1 << 20;
/// How much more memory a server may take under strain.
const MORE: u64 = 200 * MEBIBYTE;
/// How long somebody else may have to wait for an answer. The build is not an optimized one, and neither is the load.
const PATIENCE: Duration = Duration::from_secs(5);

/// The memory that a process holds, in bytes.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

/// Sends a request on a connection and reads its answer, which is short; the connection stays.
fn ping(stream: &mut (impl std::io::Read + std::io::Write)) -> std::io::Result<String> {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&chunk[..read]);
    }
    Ok(String::from_utf8(answer).unwrap())
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|error| {
        panic!("{error}; this test opens 11,000 connections, see `ulimit -n`");
    });
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// A read and a write of somebody who knows nothing of all this, and how long the slower one took.
fn somebody_else(address: &str, token: &str, n: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    let email = format!("other{n}@example.com");
    let body = json!([{"user": email, "do": [{"createFederatedID": {"email": email, "country": "DE"}}]}])
        .to_string();
    for (method, path, body) in [
        ("POST", format!("/v2/usermanagement/action/{ORG}"), body.as_str()),
        (
            "GET",
            format!("/v2/usermanagement/organizations/{ORG}/users/{email}"),
            "",
        ),
    ] {
        let started = Instant::now();
        let (status, answer) = request(address, method, &path, Some(token), body)
            .unwrap_or_else(|| panic!("{method} {path} was not answered"));
        slowest = slowest.max(started.elapsed());
        assert_eq!(status, 200, "{answer}");
    }
    slowest
}

fn within_bounds(server: &Server, before: u64, what: &str) {
    let now = resident(server);
    eprintln!(
        "{what}: {} MiB, {} MiB at rest",
        now / MEBIBYTE,
        before / MEBIBYTE
    );
    assert!(now <= before + MORE, "{what}: {now} bytes, {before} at rest");
}

/// A place with a described organization in it.
fn start(folder: &Path, words: &[&str]) -> Server {
    let data = folder.join("data");
    describe(folder, &data);
    Server::start_with(&data, words, "error", Stdio::null())
}

#[test]
fn k11_ten_thousand_idle_connections_and_bad_bodies_leave_room_for_others() {
    let place = tempfile::tempdir().unwrap();
    let server = start(place.path(), &["--tls", "off"]);
    let address = server.address.clone();
    let token = token(&address);
    somebody_else(&address, &token, 0);
    let before = resident(&server);

    let openers: Vec<_> = (0..4)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || {
                let mut idle = Vec::new();
                for n in 0..2_500 {
                    let mut stream = connect(&address);
                    // Half of them wait for their second request, half have not sent their first.
                    if n % 2 == 0 {
                        ping(&mut stream).unwrap();
                    }
                    idle.push(stream);
                }
                idle
            })
        })
        .collect();
    let mut idle: Vec<TcpStream> = openers
        .into_iter()
        .flat_map(|opener| opener.join().unwrap())
        .collect();
    assert_eq!(idle.len(), 10_000);
    within_bounds(&server, before, "10,000 idle connections");

    let mut slow: Vec<TcpStream> = (0..200).map(|_| connect(&address)).collect();
    let head = format!(
        "POST /v2/usermanagement/action/{ORG} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 1000000\r\n\r\n",
        crate::support::CLIENT
    );
    for stream in &mut slow {
        stream.write_all(head.as_bytes()).unwrap();
    }
    let mut waited = Duration::ZERO;
    for second in 0..3 {
        for stream in &mut slow {
            stream.write_all(b"[").unwrap();
        }
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(1) {
            waited = waited.max(somebody_else(&address, &token, 1 + second));
        }
    }
    within_bounds(&server, before, "and 200 bodies of a byte a second");

    let mut endless: Vec<_> = ["Content-Length: 1073741824\r\n", "Transfer-Encoding: chunked\r\n"]
        .into_iter()
        .flat_map(|length| {
            [
                ("/ims/token/v2", length),
                ("/v2/usermanagement/action/x", length),
                ("/status", length),
            ]
        })
        .map(|(path, length)| {
            let address = address.clone();
            std::thread::spawn(move || gibibyte(&address, path, length))
        })
        .collect();
    let own = format!("/v2/usermanagement/action/{ORG}");
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"do\":", "}]")] {
        for body in [
            open.repeat(10_000),
            format!("{}1{}", open.repeat(10_000), close.repeat(10_000)),
        ] {
            for path in [
                own.clone(),
                format!("/v2/usermanagement/{ORG}/user-groups"),
                "/ims/token/v2".to_owned(),
            ] {
                let (status, answer) = request(&address, "POST", &path, Some(&token), &body).unwrap();
                assert_eq!(status, 400, "{path}: {answer}");
            }
        }
    }
    for sender in endless.drain(..) {
        let sent = sender.join().unwrap();
        assert!(sent < 64 * MEBIBYTE, "{sent} bytes were taken");
    }
    for n in 0..20 {
        waited = waited.max(somebody_else(&address, &token, 100 + n));
    }
    within_bounds(&server, before, "and a gibibyte, and nesting");
    eprintln!("the longest that somebody else waited: {waited:?}");
    assert!(waited < PATIENCE, "{waited:?}");
    // Those that have had an answer are still good for another request.
    for n in [0, 9_998] {
        assert!(ping(&mut idle[n]).unwrap().starts_with("HTTP/1.1 200"));
    }
    server.kill();
}

/// Sends a gibibyte until the server has had enough of it; how much it took.
fn gibibyte(address: &str, path: &str, length: &str) -> u64 {
    let mut stream = connect(address);
    write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\n{length}\r\n").unwrap();
    let mut piece = vec![b'x'; 0x10000];
    if length.starts_with("Transfer") {
        piece = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    }
    let mut sent = 0;
    while sent < 1 << 30 {
        match stream.write(&piece) {
            Ok(0) | Err(_) => break,
            Ok(written) if written < piece.len() => {
                if stream.write_all(&piece[written..]).is_err() {
                    break;
                }
            }
            Ok(_) => {}
        }
        sent += piece.len() as u64;
    }
    sent
}

#[test]
fn k11_a_thousand_idle_tls_connections_leave_room_for_others() {
    let place = tempfile::tempdir().unwrap();
    let server = start(place.path(), &[]);
    let mut roots = rustls::RootCertStore::empty();
    let authority = place.path().join("data/tls/ca.pem");
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let open = |address: &str| {
        let name = ServerName::try_from("localhost").unwrap();
        let session = rustls::ClientConnection::new(Arc::clone(&config), name).unwrap();
        let mut stream = rustls::StreamOwned::new(session, connect(address));
        ping(&mut stream).unwrap();
        stream
    };
    drop(open(&server.address));
    let before = resident(&server);
    let mut idle: Vec<_> = (0..1_000).map(|_| open(&server.address)).collect();
    within_bounds(&server, before, "1,000 idle TLS connections");
    // Some more who stop in the middle of their greeting.
    let mut silent: Vec<TcpStream> = (0..200).map(|_| connect(&server.address)).collect();
    for stream in &mut silent {
        stream.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
    }
    for _ in 0..20 {
        let started = Instant::now();
        drop(open(&server.address));
        assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    }
    for n in [0, 999] {
        assert!(ping(&mut idle[n]).unwrap().starts_with("HTTP/1.1 200"));
    }
    within_bounds(&server, before, "and 200 that stop in the handshake");
    server.kill();
}
