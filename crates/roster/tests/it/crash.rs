//! K1: the server is killed at random moments under mixed writes. Nothing acknowledged may be missing, nothing may be
//! half done, and the database has to verify clean.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const ORG: &str = "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg";
const CLIENT: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "p8e-a-secret-of-this-test-and-of-no-other";
const WRITERS: usize = 4;

const DESCRIPTION: &str = "organizations:
  - id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Crash
    directories: [{name: SSO, type: federated, domains: [example.com]}]
    products: [{name: Photo, code: PHOT, quota: 40, profiles: [{name: Photo Default, quota: 30}]}]
    user_groups: [{name: Linked, profiles: [Photo Default]}, {name: Plain}]
    integrations: [{name: sync, types: [oauth], client_id: 0123456789abcdef0123456789abcdef, client_secret: p8e-a-secret-of-this-test-and-of-no-other}]
";

/// A server in a process of its own.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roster"))
            .args(["serve", "--tls", "off", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("ROSTER_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        let address = ready
            .trim()
            .strip_prefix("READY http://")
            .unwrap_or_else(|| panic!("not ready: {ready:?}"))
            .to_owned();
        Self { child, address }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// One request; `None` when the answer did not come whole.
fn request(address: &str, method: &str, path: &str, token: Option<&str>, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let credentials = token.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\nX-Api-Key: {CLIENT}\r\n")
    });
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{credentials}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    // An answer that was cut off is no JSON, so it does not count as an acknowledgement.
    Some((status, serde_json::from_str(body).ok()?))
}

fn token(address: &str) -> String {
    let query =
        format!("/ims/token/v3?grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}");
    let (status, answer) = request(address, "POST", &query, None, "").unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

/// What a writer was told: people created for sure, and people it asked to be removed again.
#[derive(Default)]
struct Told {
    asked: Vec<String>,
    created: Vec<String>,
    removal_asked: Vec<String>,
    removed: Vec<String>,
}

fn write(address: &str, token: &str, name: &str, stop: &AtomicBool) -> Told {
    let mut told = Told::default();
    let path = format!("/v2/usermanagement/action/{ORG}");
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let email = format!("{name}-{n}@example.com");
        told.asked.push(email.clone());
        let mut batch = vec![json!({"user": email, "do": [
            {"createFederatedID": {"email": email, "country": "DE", "firstname": "Ada"}},
            {"add": {"group": ["Linked", "Plain"]}}]})];
        // Every third one leaves again later, so that seats are freed and passed on.
        let leaving = (n % 3 == 2).then(|| told.created.first().cloned()).flatten();
        if let Some(gone) = &leaving {
            told.created.retain(|known| known != gone);
            told.removal_asked.push(gone.clone());
            batch.push(json!({"user": gone, "do": [{"removeFromOrg": {"deleteAccount": true}}]}));
        }
        let whole = batch.len();
        match request(
            address,
            "POST",
            &path,
            Some(token),
            &Value::Array(batch).to_string(),
        ) {
            Some((200, answer)) => {
                assert_eq!(answer["completed"], whole, "{answer}");
                told.created.push(email);
                told.removed.extend(leaving);
            }
            Some((503, _)) | None => {}
            Some(other) => panic!("{other:?}"),
        }
    }
    told
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let place = tempfile::tempdir().unwrap();
    let (data, file) = (place.path().join("data"), place.path().join("org.yml"));
    std::fs::write(&file, DESCRIPTION).unwrap();
    let apply = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["org", "apply"])
        .arg(&file)
        .arg("--data")
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        apply.status.success(),
        "{}",
        String::from_utf8_lossy(&apply.stderr)
    );
    let all = std::env::var_os("ROSTER_TEST_ALL").is_some();
    let rounds: u32 = std::env::var("ROSTER_TEST_ROUNDS")
        .ok()
        .map_or(if all { 100 } else { 10 }, |text| text.parse().unwrap());
    let began = Instant::now();
    let mut acknowledged = 0;
    for round in 0..rounds {
        let server = Server::start(&data);
        let token = token(&server.address);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::new(Mutex::new(Vec::new()));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (address, token) = (server.address.clone(), token.clone());
                let (stop, told) = (Arc::clone(&stop), Arc::clone(&told));
                std::thread::spawn(move || {
                    let mine = write(&address, &token, &format!("r{round}w{writer}"), &stop);
                    told.lock().unwrap().push(mine);
                })
            })
            .collect();
        // Another moment each round, without chance: a failure can be repeated.
        std::thread::sleep(Duration::from_millis(40 + u64::from(round) * 37 % 160));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
        let server = Server::start(&data);
        for told in told.lock().unwrap().iter() {
            acknowledged += told.created.len() + told.removed.len();
            check(&server.address, told);
        }
        server.kill();
    }
    let verify = Command::new(env!("CARGO_BIN_EXE_roster"))
        .arg("verify")
        .arg("--data")
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(
        verify.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&verify.stdout)
    );
    assert!(
        acknowledged > rounds as usize,
        "{acknowledged} acknowledgements say nothing"
    );
    eprintln!(
        "{rounds} kills, {acknowledged} acknowledged changes, {:?}",
        began.elapsed()
    );
}

fn check(address: &str, told: &Told) {
    let token = token(address);
    for email in &told.asked {
        let path = format!("/v2/usermanagement/organizations/{ORG}/users/{email}");
        let (status, answer) = request(address, "GET", &path, Some(&token), "").unwrap();
        let there = status == 200;
        if told.created.contains(email) {
            assert!(there, "{email} was acknowledged and is gone");
        }
        if told.removed.contains(email) {
            assert!(!there, "the removal of {email} was acknowledged and is undone");
        }
        if there && !told.removal_asked.contains(email) {
            assert_eq!(
                answer["user"]["groups"],
                json!(["Linked", "Plain"]),
                "{email} is half there"
            );
        }
    }
}
