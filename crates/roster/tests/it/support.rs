//! A server of its own for a test, and requests to it without any client's help.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const ORG: &str = "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg";
pub(crate) const CLIENT: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const SECRET: &str = "p8e-a-secret-of-this-test-and-of-no-other";

pub(crate) const DESCRIPTION: &str = "organizations:
  - id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Crash
    directories: [{name: SSO, type: federated, domains: [example.com]}]
    products: [{name: Photo, code: PHOT, quota: 40, profiles: [{name: Photo Default, quota: 30}]}]
    user_groups: [{name: Linked, profiles: [Photo Default]}, {name: Plain}]
    integrations: [{name: sync, types: [oauth], client_id: 0123456789abcdef0123456789abcdef, client_secret: p8e-a-secret-of-this-test-and-of-no-other}]
";

/// A server in a process of its own.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &["--tls", "off"], "error", Stdio::null())
    }

    /// What the program is given, but for the data folder, which comes last.
    pub(crate) const ARGUMENTS: [&str; 6] = ["serve", "--tls", "off", "--listen", "127.0.0.1:0", "--data"];

    /// The same with other words on its command line, and what it logs at a level going somewhere.
    pub(crate) fn start_with(data: &Path, words: &[&str], level: &str, log: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(words)
            .env("ROSTER_LOG", level);
        Self::started_by(command.stderr(log))
    }

    /// The process that `command` ends up as.
    pub(crate) fn started_by(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        let address = ready
            .trim()
            .strip_prefix("READY http")
            .map_or_else(
                || panic!("not ready: {ready:?}"),
                |rest| rest.trim_start_matches('s').trim_start_matches("://"),
            )
            .to_owned();
        Self { child, address }
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits until it has; its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let asked = Command::new("kill").arg(self.pid().to_string()).status();
        assert!(asked.unwrap().success());
        self.child.wait().unwrap().code()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    /// A test that fails leaves no server behind.
    fn drop(&mut self) {
        // Most often it was killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request; `None` when the answer did not come whole.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Option<(u16, Value)> {
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

pub(crate) fn token(address: &str) -> String {
    let query =
        format!("/ims/token/v3?grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}");
    let (status, answer) = request(address, "POST", &query, None, "").unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

/// A sync's connector file for the organizations at `address`, with `section` below.
pub(crate) fn connector(address: &str, section: &str) -> String {
    format!(
        "authentication_method: oauth\nserver: {{host: 'http://{address}', auth_host: 'http://{address}'}}\n{section}"
    )
}

/// Asks for an account of this name; the status of the answer.
pub(crate) fn create(address: &str, token: &str, name: &str) -> u16 {
    let path = format!("/v2/usermanagement/action/{ORG}");
    let body = format!(
        r#"[{{"user": "{name}@example.com", "do": [{{"createFederatedID": {{"email": "{name}@example.com", "country": "DE"}}}}]}}]"#
    );
    request(address, "POST", &path, Some(token), &body).unwrap().0
}

/// Applies [`DESCRIPTION`] to a data folder.
pub(crate) fn describe(folder: &Path, data: &Path) {
    describe_as(DESCRIPTION, folder, data);
}

/// Applies an organization file, put into `folder`, to a data folder.
pub(crate) fn describe_as(description: &str, folder: &Path, data: &Path) {
    let file = folder.join("org.yml");
    std::fs::write(&file, description).unwrap();
    let apply = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["org", "apply"])
        .arg(&file)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    assert!(
        apply.status.success(),
        "{}",
        String::from_utf8_lossy(&apply.stderr)
    );
}

/// Runs the program in a folder; the exit code, what was printed, what was said. A program that should have ended
/// (a server that should not have started) is a failure, not a wait.
pub(crate) fn roster(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut err = child.stderr.take().unwrap();
    let read = |pipe: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let out = std::thread::spawn(move || read(&mut out));
    let err = std::thread::spawn(move || read(&mut err));
    let deadline = Instant::now() + Duration::from_mins(1);
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{words:?} does not end: {}", err.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (code, out.join().unwrap(), err.join().unwrap())
}

/// How often a program is killed: `ROSTER_TEST_ROUNDS`, else `all` with `ROSTER_TEST_ALL`, else `few`.
pub(crate) fn rounds(few: u32, all: u32) -> u32 {
    let asked = std::env::var("ROSTER_TEST_ROUNDS").ok();
    let usual = if std::env::var_os("ROSTER_TEST_ALL").is_some() {
        all
    } else {
        few
    };
    asked.map_or(usual, |text| text.parse().unwrap())
}

/// Moments to kill a program at, from a seed (`ROSTER_TEST_SEED`, else the time) that is printed.
pub(crate) struct Moments(u64);

impl Moments {
    pub(crate) fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed = std::env::var("ROSTER_TEST_SEED")
            .map_or_else(|_| now.unwrap().as_secs(), |text| text.parse().unwrap());
        eprintln!("ROSTER_TEST_SEED={seed}");
        Self(seed)
    }

    /// Somewhere between nothing and `whole` (SplitMix64).
    pub(crate) fn next(&mut self, whole: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let micros = u64::try_from(whole.as_micros()).unwrap();
        Duration::from_micros(mixed % micros.max(1))
    }
}

/// Starts the program and kills it (SIGKILL) after a while; whether it had not ended by itself.
pub(crate) fn killed(folder: &Path, words: &[&str], after: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}
