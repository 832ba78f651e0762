//! K1: the server is killed at random moments under mixed writes. Nothing acknowledged may be missing, nothing may be
//! half done, and the database has to verify clean.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{ORG, Server, describe, request, rounds, token};

const WRITERS: usize = 4;

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
    let data = place.path().join("data");
    describe(place.path(), &data);
    let rounds = rounds(10, 100);
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
