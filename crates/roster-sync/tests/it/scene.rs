//! A folder with configuration files and a server, and a run over them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roster_client::{Proxies, Secret};
use roster_sync::{Arguments, Asked, Nobody, SecretStore, Surroundings, TicketFiles, check, parse, run};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Reply, Request, Server};

/// A folder to run in.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) signal: Arc<AtomicI32>,
    pub(crate) hooks_off: bool,
    /// Where runs remember what they saw; `None` is a fresh place for each, so that it is the first.
    pub(crate) state: Option<PathBuf>,
    /// Whether runs have no place at all to remember anything.
    pub(crate) stateless: bool,
    fresh: (TempDir, AtomicUsize),
    /// Further authorities, as SSL_CERT_FILE names them.
    pub(crate) trust: Vec<Vec<u8>>,
}

/// How a run ended and what it said.
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) log: String,
    /// What went to standard output besides.
    pub(crate) output: String,
    /// What went to standard error.
    pub(crate) errors: String,
}

/// A console that can be looked at.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl Console {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What a run writes to.
#[derive(Default)]
struct Streams {
    console: Console,
    output: Console,
    errors: Console,
}

impl Streams {
    fn ended(&self, code: u8) -> Ended {
        Ended {
            code,
            log: self.console.text(),
            output: self.output.text(),
            errors: self.errors.text(),
        }
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A store that knows one secret: `box` of the organization.
struct Known;

impl SecretStore for Known {
    fn find(&self, name: &str, account: &str) -> Result<(Secret, String), String> {
        if (name, account) == ("box", "ORG@AdobeOrg") {
            return Ok((Secret::new("s3cret-never-shown"), "of the test".to_owned()));
        }
        Err(format!("there is no secret `{name}` of `{account}`"))
    }
}

impl Scene {
    /// The usual files: one organization at `url`, `Painters` mapped to `Photo`, federated people, two of them.
    pub(crate) fn new(url: &str) -> Self {
        let scene = Self {
            folder: tempfile::tempdir().unwrap(),
            stop: Arc::default(),
            signal: Arc::default(),
            hooks_off: false,
            state: None,
            stateless: false,
            fresh: (tempfile::tempdir().unwrap(), AtomicUsize::new(0)),
            trust: Vec::new(),
        };
        scene.write("user-sync-config.yml", MAIN);
        scene.write("umapi.yml", &connector(url, "ORG@AdobeOrg"));
        scene.write(
            "users.csv",
            "email,firstname,lastname,country,groups\nada@x.com,Ada,Lee,US,Painters\nkim@x.com,Kim,Roe,US,\n",
        );
        scene
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs with options in which `@` stands for the folder.
    pub(crate) async fn run(&self, options: &str) -> Ended {
        let (arguments, surroundings, streams) = self.typed(options);
        let code = run(&arguments, surroundings).await;
        streams.ended(code)
    }

    /// Checks with such options.
    pub(crate) async fn check(&self, options: &str) -> Ended {
        let (arguments, surroundings, streams) = self.typed(options);
        let code = check(&arguments, surroundings).await;
        streams.ended(code)
    }

    fn typed(&self, options: &str) -> (Arguments, Surroundings, Streams) {
        let folder = format!("{}/", self.folder.path().display());
        let mut words: Vec<String> = vec!["-c".to_owned(), format!("{folder}user-sync-config.yml")];
        words.extend(options.split_whitespace().map(|word| word.replace('@', &folder)));
        let Asked::Run(arguments) = parse(&words).unwrap() else {
            panic!("{words:?}")
        };
        let streams = Streams::default();
        let state = self.state.clone().unwrap_or_else(|| {
            let number = self.fresh.1.fetch_add(1, Ordering::Relaxed);
            self.fresh.0.path().join(number.to_string())
        });
        let surroundings = Surroundings {
            console: Box::new(streams.console.clone()),
            offset: time::UtcOffset::UTC,
            command_line: words,
            version: "test".to_owned(),
            trust: self.trust.clone(),
            proxies: Proxies::default(),
            hooks_off: self.hooks_off,
            state_folder: (!self.stateless).then_some(state),
            secrets: Arc::new(Known),
            tickets: TicketFiles::default(),
            ldap_pauses: [Duration::from_millis(5); 3],
            output: Box::new(streams.output.clone()),
            errors: Box::new(streams.errors.clone()),
            watch: Arc::new(Nobody),
            stop: Arc::clone(&self.stop),
            signal: Arc::clone(&self.signal),
        };
        (*arguments, surroundings, streams)
    }
}

const MAIN: &str = "\
adobe_users:
  connectors:
    umapi: umapi.yml
directory_users:
  user_identity_type: federatedID
  connectors: {}
  groups:
    - directory_group: Painters
      adobe_groups: [Photo]
limits:
  max_adobe_only_users: 50
";

/// A connector file for an organization.
pub(crate) fn connector(url: &str, organization: &str) -> String {
    format!(
        "authentication_method: oauth\nserver: {{host: '{url}', auth_host: '{url}', retries: 1}}\n\
         enterprise: {{org_id: {organization}, client_id: id, client_secret: s3cret-never-shown}}\n"
    )
}

/// A server whose organizations all hold these people; actions are answered by `actions`, with their number from 1.
pub(crate) async fn organization(
    people: &'static str,
    actions: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
) -> Server {
    let count = Mutex::new(0);
    Server::start(move |_, request| {
        if request.line.starts_with("POST") {
            let number = {
                let mut count = count.lock().unwrap();
                *count += 1;
                *count
            };
            return actions(number, request);
        }
        Reply::json(&format!(
            r#"{{"result":"success","lastPage":true,"users":[{people}],"groups":[]}}"#
        ))
    })
    .await
}

/// A server whose organization does what it is told: `people` and the groups they are in. What is only tested changes nothing.
pub(crate) async fn living(people: impl IntoIterator<Item = (String, Vec<String>)>) -> Server {
    let accounts: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(people.into_iter().collect());
    Server::start(move |_, request| {
        let mut accounts = accounts.lock().unwrap();
        if request.line.starts_with("POST") {
            if !request.line.contains("testOnly=true") {
                for command in request.json().as_array().into_iter().flatten() {
                    carry_out(command, &mut accounts);
                }
            }
            return fine(0, request);
        }
        let users = accounts.iter().map(|(email, groups)| {
            json!({"email": email, "type": "federatedID", "firstname": "P", "lastname": "Lee", "groups": groups})
        });
        let users: Vec<Value> = users.collect();
        Reply::json(&json!({"result": "success", "lastPage": true, "users": users}).to_string())
    })
    .await
}

fn carry_out(command: &Value, accounts: &mut BTreeMap<String, Vec<String>>) {
    let user = command["user"].as_str().unwrap().to_owned();
    let names = |groups: &Value| -> Vec<String> {
        let groups = groups.as_array().into_iter().flatten();
        groups.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    for step in command["do"].as_array().unwrap() {
        let step = step.as_object().unwrap();
        if step.contains_key("removeFromOrg") {
            accounts.remove(&user);
        }
        if let Some(account) = step.get("createFederatedID") {
            let email = account["email"].as_str().unwrap().to_owned();
            accounts.entry(email).or_default();
        }
        let Some(groups) = accounts.get_mut(&user) else {
            continue;
        };
        if let Some(remove) = step.get("remove") {
            let gone = names(&remove["group"]);
            groups.retain(|name| remove != "all" && !gone.contains(name));
        }
        if let Some(add) = step.get("add") {
            groups.extend(names(&add["group"]));
        }
    }
}

/// Everything is fine.
pub(crate) fn fine(_: usize, request: &Request) -> Reply {
    let count = request.json().as_array().map_or(0, Vec::len);
    Reply::json(&format!(
        r#"{{"result":"success","completed":{count},"notCompleted":0}}"#
    ))
}

/// The requests that write.
pub(crate) fn writes(server: &Server) -> Vec<Request> {
    server
        .requests()
        .into_iter()
        .filter(|request| request.line.starts_with("POST"))
        .collect()
}
