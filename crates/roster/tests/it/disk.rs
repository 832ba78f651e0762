//! K2: the disk is full, does not take what is written, or may only be read. Nothing is acknowledged that is not
//! saved, reads go on, and all is well again by itself once the disk is.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{ORG, Server, describe, request, token};

/// A server whose data folder is a small file system of its own, which goes with the server's process.
struct OnSmallDisk {
    server: Server,
    token: String,
    data: PathBuf,
    acknowledged: Vec<String>,
    sent: usize,
}

/// Whether this machine lets a test mount file systems and trace processes; with `ROSTER_TEST_ALL` it has to.
fn possible() -> bool {
    let works = |program: &str, arguments: &[&str]| {
        let status = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    let possible = works("unshare", &["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        && works("strace", &["-f", "true"]);
    assert!(
        possible || std::env::var_os("ROSTER_TEST_ALL").is_none(),
        "mounting in a namespace of one's own and strace are needed here"
    );
    if !possible {
        eprintln!("not run: needs root and strace");
    }
    possible
}

impl OnSmallDisk {
    fn start(place: &Path, size: &str) -> Self {
        let data = place.join("data");
        describe(place, &data);
        let seed = place.join("seed");
        std::fs::rename(&data, &seed).unwrap();
        std::fs::create_dir(&data).unwrap();
        let script = r#"mount -t tmpfs -o "size=$1,mode=700" tmpfs "$3" && cp -a "$2/." "$3" && shift && shift &&
            data=$1 && shift && exec "$@" "$data""#;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script, "sh", size])
            .args([&seed, &data])
            .arg(env!("CARGO_BIN_EXE_roster"))
            .args(Server::ARGUMENTS)
            .env("ROSTER_LOG", "error")
            .stderr(Stdio::null());
        let server = Server::started_by(&mut command);
        let token = token(&server.address);
        Self {
            server,
            token,
            data,
            acknowledged: Vec::new(),
            sent: 0,
        }
    }

    /// The data folder as the server sees it.
    fn seen(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.server.pid());
        Path::new(&root).join(self.data.strip_prefix("/").unwrap())
    }

    /// Creates somebody and notes whether that was acknowledged.
    fn create(&mut self) -> (u16, Value) {
        let email = format!("p{}@example.com", self.sent);
        self.sent += 1;
        let name = "x".repeat(200);
        let body = serde_json::json!([{"user": email, "do": [
            {"createFederatedID": {"email": email, "country": "DE", "firstname": name}},
            {"add": {"group": ["Linked"]}}]}]);
        let path = format!("/v2/usermanagement/action/{ORG}");
        let answer = request(
            &self.server.address,
            "POST",
            &path,
            Some(&self.token),
            &body.to_string(),
        )
        .unwrap();
        if answer.0 == 200 {
            assert_eq!(answer.1["completed"], 1, "{}", answer.1);
            self.acknowledged.push(email);
        }
        answer
    }

    /// Nothing is acknowledged, and reading goes on.
    fn refuses_to_write(&mut self) {
        let before = self.people();
        for _ in 0..3 {
            let (status, answer) = self.create();
            assert_eq!(status, 503, "{answer}");
        }
        assert_eq!(self.people(), before);
    }

    /// All is well again without anybody's help.
    fn writes_again(&mut self) {
        let (until, before) = (Instant::now() + Duration::from_secs(10), self.acknowledged.len());
        while self.create().0 != 200 {
            assert!(Instant::now() < until, "it does not recover");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.create().0, 200);
        assert!(self.acknowledged.len() >= before + 2);
    }

    fn people(&self) -> Vec<String> {
        let path = format!("/v2/usermanagement/users/{ORG}/0");
        let (status, answer) = request(&self.server.address, "GET", &path, Some(&self.token), "").unwrap();
        assert_eq!(status, 200, "{answer}");
        let people = answer["users"].as_array().unwrap();
        people
            .iter()
            .map(|person| person["email"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Kills the server and looks at what it left behind.
    fn end(self) {
        let people = self.people();
        for email in &self.acknowledged {
            assert!(
                people.contains(email),
                "{email} was acknowledged and is not there"
            );
        }
        let left = tempfile::tempdir().unwrap();
        let copied = Command::new("cp")
            .args(["-a", &format!("{}/.", self.seen().display())])
            .arg(left.path())
            .status();
        assert!(copied.unwrap().success());
        self.server.kill();
        let verify = Command::new(env!("CARGO_BIN_EXE_roster"))
            .arg("verify")
            .arg("--data")
            .arg(left.path())
            .output()
            .unwrap();
        assert!(
            verify.status.success(),
            "{}",
            String::from_utf8_lossy(&verify.stdout)
        );
    }
}

#[test]
fn a_full_disk_is_answered_and_survived() {
    if !possible() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let mut disk = OnSmallDisk::start(place.path(), "8m");
    assert_eq!(disk.create().0, 200);
    let filler = disk.seen().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let full = loop {
        if let Err(error) = std::io::Write::write_all(&mut file, &[0; 4096]) {
            break error;
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    // There may be room in the log file that is there already.
    while disk.create().0 == 200 {
        assert!(disk.sent < 5000, "the disk is not full");
    }
    disk.refuses_to_write();
    drop(file);
    std::fs::remove_file(filler).unwrap();
    disk.writes_again();
    disk.end();
}

/// What is full is named, and what to do about it.
#[test]
fn commands_say_which_disk_is_full() {
    if !possible() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let disk = OnSmallDisk::start(place.path(), "8m");
    let run = |words: &[&str]| {
        // In the server's own view of the file system.
        let output = Command::new("nsenter")
            .args(["--mount", "--target", &disk.server.pid().to_string()])
            .arg(env!("CARGO_BIN_EXE_roster"))
            .args(words)
            .args(["--data", disk.data.to_str().unwrap()])
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {err}");
        err
    };
    let mut file = std::fs::File::create(disk.seen().join("filler")).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    let target = disk.data.join("copy.db");
    let err = run(&["backup", "--to", target.to_str().unwrap()]);
    for part in [
        &format!("{} cannot be written: no storage space", target.display()),
        "has room",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    let err = run(&["keys", "rotate"]);
    for part in [
        "no new signing key was made",
        "free some space",
        "nothing was changed",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    let err = run(&["audit", "prune", "--before", "0d", "--no-export"]);
    assert!(
        err.contains("free some space") && err.contains("run this again"),
        "{err}"
    );
    assert!(!err.contains("--export"), "{err}");
}

/// Lets some calls of a process fail, as long as it lives.
struct Failing(Child);

impl Failing {
    fn calls(process: u32, calls: &str, error: &str) -> Self {
        let mut strace = Command::new("strace")
            .args(["-f", "-q", "-o", "/dev/null"])
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:error={error}")])
            .args(["-p", &process.to_string()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while !is_traced(process) {
            assert!(strace.try_wait().unwrap().is_none(), "strace ended by itself");
            assert!(Instant::now() < until, "strace does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self(strace)
    }

    fn end(mut self) {
        // Asked to end, strace lets go of the process it looks at; killed, it would take it along.
        let id = self.0.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.0.wait().unwrap();
    }
}

/// Whether every thread of a process is traced.
fn is_traced(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.lines().any(|line| line == "TracerPid:\t0")
    })
}

/// The calls fail three times for a while, and each time all is well again afterwards.
fn survives(calls: &str, error: &str) {
    if !possible() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let mut disk = OnSmallDisk::start(place.path(), "64m");
    for _ in 0..3 {
        assert_eq!(disk.create().0, 200);
        let failing = Failing::calls(disk.server.pid(), calls, error);
        disk.refuses_to_write();
        failing.end();
        disk.writes_again();
    }
    disk.end();
}

#[test]
fn a_sync_that_fails_is_answered_and_survived() {
    survives("fsync,fdatasync", "EIO");
}

#[test]
fn a_file_system_that_becomes_read_only_is_answered_and_survived() {
    // Without `write`, which also wakes sleeping threads; the database is written with `pwrite64`.
    survives("pwrite64,ftruncate,fsync,fdatasync", "EROFS");
}
