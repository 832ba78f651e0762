//! The demonstration, as `make demo` runs it.

use std::path::Path;
use std::process::{Command, Output};

fn demo(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["demo", "--once", "--listen", "127.0.0.1:0", "--folder"])
        .arg(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> (String, String) {
    let (out, err) = (&output.stdout, &output.stderr);
    (
        String::from_utf8_lossy(out).into_owned(),
        String::from_utf8_lossy(err).into_owned(),
    )
}

#[test]
fn the_demonstration_shows_the_main_job_and_goes_on_with_its_data() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("demo");
    let first = demo(&folder);
    let (out, err) = said(&first);
    assert_eq!(first.status.code(), Some(0), "{err}");
    for part in ["Photo Studio", "waiting", "person", "more people"] {
        assert!(out.contains(part), "`{part}` is not in\n{out}");
    }
    for part in [
        "(total, success, error): (1000, 1000, 0)",
        "curl -s --cacert",
        "umapi_client.OAuthS2S",
        "sync --connector csv people-changed.csv",
        "credentials.json",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    assert!(!err.contains("ERROR") && !err.contains("CRITICAL"), "{err}");
    let again = demo(&folder);
    let (out, err) = said(&again);
    assert_eq!(again.status.code(), Some(0), "{err}");
    assert!(out.contains("more people"), "{out}");
    assert!(err.contains("nothing to change"), "{err}");
    assert!(err.contains("(total, success, error): (0, 0, 0)"), "{err}");
    let verify = Command::new(env!("CARGO_BIN_EXE_roster"))
        .arg("verify")
        .arg("--data")
        .arg(folder.join("data"))
        .output()
        .unwrap();
    assert_eq!(verify.status.code(), Some(0), "{:?}", said(&verify));
}

#[test]
fn what_keeps_the_demonstration_from_starting_is_said_with_a_way_out() {
    let place = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, err) = crate::support::roster(
        place.path(),
        &["demo", "--once", "--folder", "my demo", "--listen", &address],
    );
    assert_eq!(code, 2);
    assert!(
        err.contains(&format!("cannot listen on {address}"))
            && err.contains("choose another address with --listen"),
        "{err}"
    );
    let data = place.path().join("my demo/data");
    let server = crate::support::Server::start(&data);
    let (code, _, err) = crate::support::roster(
        place.path(),
        &["demo", "--once", "--folder", "my demo", "--listen", "127.0.0.1:0"],
    );
    assert_eq!(code, 2);
    assert!(
        err.contains("already runs on") && err.contains("--folder") && !err.contains("--data"),
        "{err}"
    );
    server.kill();
}
