//! `roster keys rotate` beside a running server.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{ORG, Server, describe, request, token};

#[test]
fn a_new_signing_key_logs_nobody_out() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let server = Server::start(&data);
    let before = token(&server.address);
    let header = |token: &str| token.split('.').next().unwrap().to_owned();
    let rotate = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["keys", "rotate", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        rotate.status.success(),
        "{}",
        String::from_utf8_lossy(&rotate.stderr)
    );
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut after = token(&server.address);
    while header(&after) == header(&before) {
        assert!(
            Instant::now() < deadline,
            "the running server goes on with the old key"
        );
        std::thread::sleep(Duration::from_millis(50));
        after = token(&server.address);
    }
    let users = format!("/v2/usermanagement/users/{ORG}/0");
    for token in [&before, &after] {
        let (status, answer) = request(&server.address, "GET", &users, Some(token), "").unwrap();
        assert_eq!(status, 200, "{answer}");
    }
    let (_, keys) = request(&server.address, "GET", "/ims/keys", None, "").unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "both are published");
    server.kill();
}
