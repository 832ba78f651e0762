//! K4: a sync is stopped at every one of its requests, and run again. What is there then is what an undisturbed run leaves
//! behind, and a run after that has nothing to send.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roster_client::Proxies;
use roster_sync::{Asked, LDAP_PAUSES, Nobody, SecretStore, Surroundings, TicketFiles, parse, run};
use serde_json::{Value, json};

use crate::support::{Server, describe_as, request};

/// Each organization: its id, and the client id of its integration.
const ORGS: [(&str, &str); 2] = [
    (
        "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg",
        "0123456789abcdef0123456789abcdef",
    ),
    (
        "2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg",
        "1123456789abcdef0123456789abcdef",
    ),
];
const SECRET: &str = "p8e-a-secret-of-this-test-and-of-no-other";

const DESCRIPTION: &str = "organizations:
  - id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: One
    directories: [{name: SSO, type: federated, domains: [example.com], trustees: [2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg]}]
    user_groups: [{name: Photo}, {name: Loom}]
    integrations: [{name: sync, types: [oauth], client_id: 0123456789abcdef0123456789abcdef, client_secret: p8e-a-secret-of-this-test-and-of-no-other}]
  - id: 2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Two
    user_groups: [{name: Photo}]
    integrations: [{name: sync, types: [oauth], client_id: 1123456789abcdef0123456789abcdef, client_secret: p8e-a-secret-of-this-test-and-of-no-other}]
";

const MAIN: &str = "\
adobe_users: {connectors: {umapi: [umapi.yml, two: two.yml]}}
directory_users:
  user_identity_type: federatedID
  default_country_code: DE
  connectors: {}
  group_sync_options: {auto_create: true}
  groups:
    - {directory_group: Painters, adobe_groups: [Photo, 'two::Photo']}
    - {directory_group: Weavers, adobe_groups: [Loom, Fresh, 'two::Fresh']}
limits: {max_adobe_only_users: 50}
";

const OPTIONS: &str =
    "--connector csv @users.csv --process-groups --update-user-info --adobe-only-user-action delete";

/// Where a request is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// It never arrives.
    Before,
    /// It is carried out, and the answer is lost.
    After,
    /// It is carried out, and the run is no more.
    Killed,
}

/// What happens to which request.
#[derive(Clone, Copy, Debug)]
struct Disturbance {
    at: usize,
    cut: Cut,
    /// Whether the network stays away from then on.
    for_good: bool,
}

#[derive(Default)]
struct Seen {
    requests: usize,
    actions: usize,
    disturbance: Option<Disturbance>,
}

/// What stands between a sync and the server.
struct Relay {
    url: String,
    seen: Arc<Mutex<Seen>>,
    /// Set when the run has to be no more.
    killed: Arc<Mutex<bool>>,
    over: Arc<AtomicBool>,
}

impl Relay {
    fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
            killed: Arc::default(),
            over: Arc::default(),
        };
        let (seen, killed, over) = (
            Arc::clone(&relay.seen),
            Arc::clone(&relay.killed),
            Arc::clone(&relay.over),
        );
        let server = server.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, killed, server) = (Arc::clone(&seen), Arc::clone(&killed), server.clone());
                std::thread::spawn(move || pass(stream.unwrap(), &server, &seen, &killed));
            }
        });
        relay
    }

    /// Starts to count anew.
    fn expect(&self, disturbance: Option<Disturbance>) {
        *self.killed.lock().unwrap() = false;
        *self.seen.lock().unwrap() = Seen {
            disturbance,
            ..Seen::default()
        };
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

/// A head and a body by its length; `None` when the other side has gone.
fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let whole = end + 4 + length.map_or(0, |text| text.trim().parse::<usize>().unwrap());
            if buffer.len() >= whole {
                return Some(buffer.drain(..whole).collect());
            }
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => buffer.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
}

fn pass(mut near: TcpStream, server: &str, seen: &Mutex<Seen>, killed: &Mutex<bool>) {
    let mut far = TcpStream::connect(server).unwrap();
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    while let Some(request) = message(&mut near, &mut asked) {
        let cut = {
            let mut seen = seen.lock().unwrap();
            seen.requests += 1;
            let line = request.split(|&byte| byte == b'\r').next().unwrap();
            let line = String::from_utf8_lossy(line);
            seen.actions += usize::from(line.starts_with("POST ") && line.contains("/action/"));
            let number = seen.requests;
            match seen.disturbance {
                Some(it) if it.at == number => Some(it.cut),
                Some(it) if it.at < number && it.for_good => Some(Cut::Before),
                _ => None,
            }
        };
        if cut == Some(Cut::Before) {
            return;
        }
        far.write_all(&request).unwrap();
        let Some(answer) = message(&mut far, &mut answered) else {
            return;
        };
        match cut {
            Some(Cut::After) => return,
            Some(Cut::Killed) => {
                *killed.lock().unwrap() = true;
                // Nobody hears of it any more: the run waits for its answer until it ends.
                let _ = message(&mut near, &mut asked);
                return;
            }
            _ => {}
        }
        if near.write_all(&answer).is_err() {
            return;
        }
    }
}

struct NoSecrets;

impl SecretStore for NoSecrets {
    fn find(&self, name: &str, _: &str) -> Result<(roster_client::Secret, String), String> {
        Err(format!("no secret {name}"))
    }
}

#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a sync; `None` for the exit code of one that was killed.
fn sync(folder: &Path, relay: &Relay) -> (Option<u8>, String) {
    let at = format!("{}/", folder.display());
    let mut words = vec!["-c".to_owned(), format!("{at}user-sync-config.yml")];
    words.extend(OPTIONS.split(' ').map(|word| word.replace('@', &at)));
    let Ok(Asked::Run(arguments)) = parse(&words) else {
        panic!("{words:?}")
    };
    let console = Console::default();
    let surroundings = Surroundings {
        console: Box::new(console.clone()),
        offset: time::UtcOffset::UTC,
        command_line: words,
        version: "test".to_owned(),
        trust: Vec::new(),
        proxies: Proxies::default(),
        hooks_off: false,
        state_folder: Some(folder.join("state")),
        secrets: Arc::new(NoSecrets),
        tickets: TicketFiles::default(),
        ldap_pauses: LDAP_PAUSES,
        output: Box::new(std::io::sink()),
        errors: Box::new(std::io::sink()),
        watch: Arc::new(Nobody),
        stop: Arc::default(),
        signal: Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let code = runtime.block_on(async {
        let killed = async {
            while !*relay.killed.lock().unwrap() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            code = run(&arguments, surroundings) => Some(code),
            () = killed => None,
        }
    });
    // What is still under way ends with it, as with a process.
    runtime.shutdown_timeout(Duration::from_secs(5));
    (
        code,
        String::from_utf8(console.0.lock().unwrap().clone()).unwrap(),
    )
}

fn ask(address: &str, org: usize, method: &str, path: &str, body: &str) -> Value {
    let client = ORGS[org].1;
    let query =
        format!("/ims/token/v3?grant_type=client_credentials&client_id={client}&client_secret={SECRET}");
    let token = request(address, "POST", &query, None, "").unwrap().1["access_token"].clone();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nX-Api-Key: {client}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        token.as_str().unwrap(),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// Everybody and every group of both organizations, in an order of its own and without what no two servers agree on.
fn state(address: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (org, (id, _)) in ORGS.iter().enumerate() {
        let users = ask(
            address,
            org,
            "GET",
            &format!("/v2/usermanagement/users/{id}/0"),
            "",
        );
        for user in users["users"].as_array().unwrap() {
            let mut groups: Vec<&str> = user["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|name| name.as_str().unwrap())
                .collect();
            groups.sort_unstable();
            all.insert(format!(
                "{org} {} {} {} {} {} {groups:?}",
                user["email"], user["type"], user["firstname"], user["lastname"], user["country"]
            ));
        }
        let groups = ask(
            address,
            org,
            "GET",
            &format!("/v2/usermanagement/groups/{id}/0"),
            "",
        );
        for group in groups["groups"].as_array().unwrap() {
            all.insert(format!(
                "{org} group {} {}",
                group["groupName"], group["memberCount"]
            ));
        }
    }
    all
}

/// The files of a run whose server is at `url`.
fn write_files(folder: &Path, url: &str) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("user-sync-config.yml", MAIN);
    for (file, (id, client)) in ["umapi.yml", "two.yml"].into_iter().zip(ORGS) {
        write(
            file,
            &format!(
                "authentication_method: oauth\nserver: {{host: '{url}', auth_host: '{url}', retries: 1}}\n\
                 enterprise: {{org_id: {id}, client_id: {client}, client_secret: {SECRET}}}\n"
            ),
        );
    }
    let mut people = "email,firstname,lastname,groups\n".to_owned();
    for number in 0..23 {
        let groups = ["Painters", "Weavers", "\"Painters,Weavers\"", ""][number % 4];
        let _ = writeln!(people, "new{number}@example.com,New,P{number},{groups}");
    }
    people.push_str(
        "stay0@example.com,Changed,S0,Painters\nstay1@example.com,S,S1,Weavers\nstay2@example.com,S,S2,\n",
    );
    write("users.csv", &people);
}

/// A data folder with both organizations and people in them, made once for each test.
fn prepare(place: &Path) {
    describe_as(DESCRIPTION, place, &place.join("data"));
    let server = Server::start(&place.join("data"));
    let person = |email: &str, groups: &[&str]| {
        json!({"user": format!("{email}@example.com"), "do": [
            {"createFederatedID": {"email": format!("{email}@example.com"), "country": "DE", "firstname": "S",
                "lastname": email.to_uppercase()}},
            {"add": {"group": groups}}]})
    };
    let first = [
        person("stay0", &["Photo", "Loom"]),
        person("stay1", &["Photo"]),
        person("stay2", &["Photo", "Loom"]),
        person("stray0", &["Photo"]),
        person("stray1", &["Loom"]),
        person("stray2", &["Photo"]),
    ];
    let second = [
        person("stay1", &["Photo"]),
        person("stray0", &["Photo"]),
        person("stray1", &["Photo"]),
    ];
    for (org, people) in [json!(first), json!(second)].iter().enumerate() {
        let path = format!("/v2/usermanagement/action/{}", ORGS[org].0);
        let answer = ask(&server.address, org, "POST", &path, &people.to_string());
        assert_eq!(answer["notCompleted"], 0, "{answer}");
    }
    assert_eq!(server.stop(), Some(0));
}

/// A server over a copy of the data, and a folder to run in.
fn begin(place: &Path, name: &str) -> (Server, Relay, std::path::PathBuf) {
    let folder = place.join(name);
    std::fs::create_dir_all(folder.join("data")).unwrap();
    for entry in std::fs::read_dir(place.join("data")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), folder.join("data").join(entry.file_name())).unwrap();
        }
    }
    let server = Server::start(&folder.join("data"));
    let relay = Relay::start(&server.address);
    write_files(&folder, &relay.url);
    (server, relay, folder)
}

/// Stops a run at each of its requests in turn.
fn sweep(cut: Cut, for_good: bool) {
    let place = tempfile::tempdir().unwrap();
    prepare(place.path());
    let (server, relay, folder) = begin(place.path(), "undisturbed");
    let before = state(&server.address);
    relay.expect(None);
    let (code, log) = sync(&folder, &relay);
    assert_eq!(code, Some(0), "{log}");
    let (requests, actions) = {
        let seen = relay.seen.lock().unwrap();
        (seen.requests, seen.actions)
    };
    let wanted = state(&server.address);
    assert!(
        requests >= 12 && actions >= 6,
        "{requests} requests, {actions} actions"
    );
    let has = |part: &str| wanted.iter().any(|line| line.contains(part));
    assert!(
        has("\"Changed\"") && has("1 group \"Fresh\" 13") && !has("stray"),
        "{wanted:#?}"
    );
    drop(server);
    let mut half_done = 0;
    for at in 1..=requests {
        let case = Disturbance { at, cut, for_good };
        let (server, relay, folder) = begin(place.path(), &format!("{at}"));
        relay.expect(Some(case));
        let (code, log) = sync(&folder, &relay);
        if cut == Cut::Killed {
            assert_eq!(code, None, "{case:?}: {log}");
        } else if for_good {
            assert!(log.contains(" CRITICAL "), "{case:?}: {log}");
        }
        let between = state(&server.address);
        half_done += usize::from(between != before && between != wanted);
        relay.expect(None);
        let (code, log) = sync(&folder, &relay);
        assert_eq!(code, Some(0), "{case:?}: {log}");
        assert_eq!(state(&server.address), wanted, "{case:?}: {log}");
        relay.expect(None);
        let (code, log) = sync(&folder, &relay);
        assert_eq!(code, Some(0), "{case:?}: {log}");
        assert_eq!(relay.seen.lock().unwrap().actions, 0, "{case:?}: {log}");
        server.kill();
        std::fs::remove_dir_all(folder).unwrap();
    }
    assert!(half_done >= 3, "{half_done} runs left something to do");
}

#[test]
fn a_sync_whose_requests_do_not_arrive_any_more_is_made_good_by_the_next() {
    sweep(Cut::Before, true);
}

#[test]
fn a_sync_whose_answers_do_not_arrive_any_more_is_made_good_by_the_next() {
    sweep(Cut::After, true);
}

#[test]
fn a_sync_that_loses_one_request_is_made_good_by_the_next() {
    sweep(Cut::Before, false);
}

#[test]
fn a_sync_that_loses_one_answer_is_made_good_by_the_next() {
    sweep(Cut::After, false);
}

#[test]
fn a_sync_that_is_killed_is_made_good_by_the_next() {
    sweep(Cut::Killed, false);
}
