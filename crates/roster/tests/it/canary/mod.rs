//! K9: secrets that are sent to a server, rightly or in the wrong place, are afterwards nowhere to be found: not in its
//! database or any other file of its data folder, not in its log at the most talkative level, not in any answer, not in
//! the numbers, not in what its commands print.
//!
//! Every place has a canary of its own, so a finding names the place. What is kept on purpose is in [`KEPT`], and is
//! looked for as well: that is how we know that looking finds something.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use self::places::{TOLD_BACK, action, places};
use self::search::Search;
use crate::support::{CLIENT, ORG, Server};

mod places;
mod search;

/// What a server keeps of a request on purpose, and where: whoever writes a secret there has written it into a name.
const KEPT: [(&str, &str); 6] = [
    ("x-request-id", "log"),
    ("user-agent", "log"),
    ("pragma", "log"),
    ("requestID of a command", "roster.db"),
    ("name of a person", "roster.db"),
    ("user of a refused command", "roster.db"),
];

/// A secret that is sent to one place.
struct Canary {
    place: String,
    text: String,
}

/// Canaries that were let loose, and everything that came back.
struct Mine {
    canaries: Vec<Canary>,
    answers: Vec<u8>,
    address: String,
}

impl Mine {
    /// A new secret, made like a client secret.
    fn secret(&mut self, place: &str) -> String {
        let n = self.canaries.len();
        self.keep(place, format!("p8e-Canary{n:03}_{}", "qZ7-x".repeat(5)))
    }

    fn keep(&mut self, place: &str, text: String) -> String {
        self.canaries.push(Canary {
            place: place.to_owned(),
            text: text.clone(),
        });
        text
    }

    /// Sends bytes as they are and remembers what comes back.
    fn raw(&mut self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A connection that is reset has said what it had to say.
        let _ = stream.read_to_end(&mut answer);
        self.answers.extend_from_slice(&answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends a request; `head` has lines of its own. The status.
    fn send(&mut self, method: &str, target: &str, head: &str, body: &[u8]) -> u16 {
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{head}\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = self.raw(&request);
        answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no answer to {method} {target}: {answer:?}"))
    }

    /// The access token of an answer, which is the one thing that may hold it; it is forgotten there.
    fn token(&mut self, target: &str, form: &str) -> String {
        let before = self.answers.len();
        let head = "Content-Type: application/x-www-form-urlencoded\r\n";
        assert_eq!(self.send("POST", target, head, form.as_bytes()), 200);
        let answer = String::from_utf8(self.answers.split_off(before)).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }
}

/// Everything below a folder, with names.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

/// A command that ends by itself; one that does not is ended, and its code is that of a signal.
fn roster(folder: &Path, words: &[&str]) -> (i32, Vec<u8>) {
    let out = File::create(folder.join("said")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(words)
        .current_dir(folder)
        .env("ROSTER_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            break -1;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    (status, fs::read(folder.join("said")).unwrap())
}

/// A JWT of the second integration, signed.
fn jwt(pair: &rcgen::KeyPair, jti: &str) -> String {
    let key = aws_lc_rs::rsa::KeyPair::from_pkcs8(pair.serialized_der()).unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = json!({
        "exp": now + 3_600, "iss": ORG, "sub": "0123456789ABCDEF01234567@techacct.adobe.com", "jti": jti,
        "aud": format!("https://ims-na1.adobelogin.com/c/{SIGNER}"),
        "https://ims-na1.adobelogin.com/s/ent_user_sdk": true,
    });
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let mut signature = vec![0; key.public_modulus_len()];
    let rng = aws_lc_rs::rand::SystemRandom::new();
    key.sign(
        &aws_lc_rs::signature::RSA_PKCS1_SHA256,
        &rng,
        input.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

const SIGNER: &str = "fedcba9876543210fedcba9876543210";

#[test]
fn k9_no_secret_is_kept_wherever_it_was_sent() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let data = folder.join("data");
    let mut mine = Mine {
        canaries: Vec::new(),
        answers: Vec::new(),
        address: String::new(),
    };

    // What an administrator writes down.
    let secret = mine.secret("client secret of an integration");
    let jwt_secret = mine.secret("client secret of the other integration");
    let password = mine.keep("password", "Canary pass \"word\" + 100% ünsafe/ones".to_owned());
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let private = mine.keep("private key", pair.serialize_pem());
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("password"), &password).unwrap();
    let description = format!(
        "organizations:
  - id: {ORG}
    name: Canaries
    directories: [{{name: SSO, type: federated, domains: [example.com]}}]
    user_groups: [{{name: G}}]
    integrations:
      - {{name: a, types: [oauth], client_id: {CLIENT}, client_secret: {secret}}}
      - {{name: b, types: [jwt], client_id: {SIGNER}, client_secret: {jwt_secret}, certificates: [cert.pem],
         require_jti: true, technical_account_id: 0123456789ABCDEF01234567@techacct.adobe.com}}
    administrators: [{{email: root@example.com, roles: [system], password: {{file: password}}}}]
"
    );
    fs::write(folder.join("org.yml"), description).unwrap();
    let (code, said) = roster(folder, &["org", "apply", "org.yml", "--data", "data"]);
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&said));
    mine.answers.extend(said);

    let log = folder.join("log");
    let server = Server::start_with(
        &data,
        &["--tls", "off"],
        "trace",
        Stdio::from(File::create(&log).unwrap()),
    );
    mine.address.clone_from(&server.address);
    rightly(&mut mine, &secret, &jwt_secret, &pair);
    let token = mine.canaries.last().unwrap().text.clone();
    for canary in [password, private] {
        anywhere(&mut mine, &canary, &token);
    }
    wrongly(&mut mine, &token);
    let kept = on_purpose(&mut mine, &token);

    assert_eq!(mine.send("GET", "/metrics", "", b""), 200);
    let alive = files(&data);
    assert!(
        alive
            .iter()
            .any(|(name, bytes)| name.ends_with("roster.db-wal") && !bytes.is_empty())
    );
    server.kill();
    let mut hay = alive;
    hay.push(("log".to_owned(), fs::read(&log).unwrap()));
    hay.push(("answers".to_owned(), std::mem::take(&mut mine.answers)));
    for words in [
        &["org", "export", ORG, "--data", "data"][..],
        &["verify", "--data", "data"],
    ] {
        let (code, said) = roster(folder, words);
        assert_eq!(code, 0, "{words:?}: {}", String::from_utf8_lossy(&said));
        hay.push((words.join(" "), said));
    }
    hay.extend(files(&data));

    let search = Search::new(mine.canaries.iter().map(|canary| canary.text.as_str()));
    let mut problems = Vec::new();
    for (name, bytes) in &hay {
        for canary in search.found(bytes).into_iter().map(|n| &mine.canaries[n]) {
            let told_back = TOLD_BACK.iter().any(|place| canary.place.ends_with(place));
            if !(told_back && name == "answers") {
                problems.push(format!("{} is in {name}", canary.place));
            }
        }
    }
    problems.dedup();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(mine.canaries.len() > 60, "{}", mine.canaries.len());
    let search = Search::new(kept.iter().map(String::as_str));
    for (n, (what, place)) in KEPT.into_iter().enumerate() {
        let found = hay
            .iter()
            .any(|(name, bytes)| name.contains(place) && search.found(bytes).contains(&n));
        assert!(found, "{what} is not in {place}, so this search proves nothing");
    }
}

/// Secrets where they belong. The last canary is a valid access token.
fn rightly(mine: &mut Mine, secret: &str, jwt_secret: &str, pair: &rcgen::KeyPair) {
    let form = |grant: &str| format!("client_id={CLIENT}&client_secret={secret}&{grant}");
    let in_query = mine.token(
        &format!("/ims/token/v2?{}", form("grant_type=client_credentials")),
        "",
    );
    mine.keep("access token", in_query.clone());
    let basic = STANDARD.encode(format!("{CLIENT}:{secret}"));
    let head = format!("Authorization: Basic {basic}\r\n");
    let before = mine.answers.len();
    assert_eq!(
        mine.send("POST", "/ims/token/v3?grant_type=client_credentials", &head, b""),
        200
    );
    mine.answers.truncate(before);
    mine.keep("basic credentials", basic);
    for target in ["/ims/exchange/jwt", "/ims/exchange/v1/jwt"] {
        let jwt = jwt(pair, target);
        mine.keep("signed JWT", jwt.rsplit('.').next().unwrap().to_owned());
        let form = format!("client_id={SIGNER}&client_secret={jwt_secret}&jwt_token={jwt}");
        let token = mine.token(target, &form);
        mine.keep("access token for a JWT", token.clone());
        // Used again, it is refused, and quoted nowhere.
        assert_eq!(mine.send("POST", &format!("{target}?{form}"), "", b""), 400);
        let revoke = format!("/ims/revoke?client_id={SIGNER}&client_secret={jwt_secret}&token={token}");
        assert_eq!(mine.send("POST", &revoke, "", b""), 200);
        let check = format!("/ims/validate_token/v1?type=access_token&client_id={SIGNER}&token={token}");
        assert_eq!(mine.send("GET", &check, "", b""), 200);
    }
    let token = mine.token("/ims/token/v2", &form("grant_type=client_credentials"));
    let signature = token.rsplit('.').next().unwrap().to_owned();
    mine.keep("signature of the access token", signature);
    mine.keep("access token in use", token);
}

/// A new canary for each wrong place.
fn wrongly(mine: &mut Mine, token: &str) {
    for kind in ["client secret", "token", "password"] {
        for n in 0..places().len() {
            let (name, _) = places()[n];
            let text = match kind {
                "client secret" => mine.secret(&format!("client secret as {name}")),
                "token" => {
                    let n = mine.canaries.len();
                    let claims = URL_SAFE_NO_PAD.encode(format!("{{\"client_id\":\"canary{n:03}\"}}"));
                    let token = format!("eyJhbGciOiJSUzI1NiJ9.{claims}.{}", "Sig_na-ture".repeat(20));
                    mine.keep(
                        &format!("token as {name}"),
                        format!("{claims}.{}", "Sig_na-ture".repeat(20)),
                    );
                    token
                }
                _ => {
                    let n = mine.canaries.len();
                    mine.keep(
                        &format!("password as {name}"),
                        format!("Canary{n:03}!=/+pass%word;"),
                    )
                }
            };
            one(mine, n, &text, token);
        }
    }
}

/// One text in every wrong place.
fn anywhere(mine: &mut Mine, text: &str, token: &str) {
    for (n, (name, _)) in places().iter().enumerate() {
        if !TOLD_BACK.contains(name) {
            one(mine, n, text, token);
        }
    }
}

fn one(mine: &mut Mine, n: usize, text: &str, token: &str) {
    let (name, place) = places()[n];
    let (method, target, head, body) = place(text);
    let own = head.to_ascii_lowercase();
    let mut credentials = String::new();
    if !own.contains("authorization:") {
        credentials = format!("Authorization: Bearer {token}\r\n");
    }
    if !own.contains("x-api-key:") {
        credentials = format!("{credentials}X-Api-Key: {CLIENT}\r\n");
    }
    let status = mine.send(method, &target, &format!("{credentials}{head}"), &body);
    assert_ne!(status, 500, "{name}");
}

/// What [`KEPT`] lists, in its order.
fn on_purpose(mine: &mut Mine, token: &str) -> Vec<String> {
    let texts: Vec<String> = (0..KEPT.len())
        .map(|n| format!("Kept{n}-{}", "abc".repeat(6)))
        .collect();
    let credentials = format!("Authorization: Bearer {token}\r\nX-Api-Key: {CLIENT}\r\n");
    let head = format!(
        "X-Request-Id: {}\r\nUser-Agent: {}\r\nPragma: {}\r\n",
        texts[0], texts[1], texts[2]
    );
    let commands = json!([
        {"user": "kept@example.com", "requestID": texts[3],
         "do": [{"createFederatedID": {"email": "kept@example.com", "country": "DE", "firstname": texts[4]}}]},
        {"user": texts[5], "do": [{"remove": "all"}]},
    ]);
    let before = mine.answers.len();
    let status = mine.send(
        "POST",
        &action(),
        &format!("{credentials}{head}"),
        commands.to_string().as_bytes(),
    );
    assert_eq!(status, 200);
    mine.answers.truncate(before);
    texts
}

#[test]
fn k9_only_the_owner_may_read_what_a_server_keeps() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start_with(&data, &[], "error", Stdio::null());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let kept = files(&data);
    assert!(kept.len() >= 6, "{}", kept.len());
    for folder in [data.clone(), data.join("tls")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for (name, _) in kept {
        // Certificates are shown to everybody who connects.
        let public = name.ends_with("/ca.pem") || name.ends_with("/cert.pem");
        let wanted = if public { 0o644 } else { 0o600 };
        assert_eq!(mode(Path::new(&name)), wanted, "{name}");
    }
    server.kill();
}

#[test]
fn k9_commands_that_refuse_do_not_repeat_secrets() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let canary = "p8e-CanaryOnTheCommandLine";
    let integration = |secret: &str| {
        format!("organizations: [{{name: A, integrations: [{{name: a, types: [oauth], {secret}}}]}}]\n")
    };
    for (name, text) in [
        ("list.yml", integration(&format!("client_secret: [{canary}]"))),
        (
            "map.yml",
            integration(&format!("client_secret: {{vault: {canary}}}")),
        ),
        ("typo.yml", integration(&format!("client_sekret: {canary}"))),
        (
            "twice.yml",
            integration(&format!("client_secret: {canary}, client_secret: {canary}")),
        ),
        ("broken.yml", integration(&format!("client_secret: \"{canary}"))),
        ("bad.toml", format!("metrics_token = [\"{canary}\"]\n")),
        ("typo.toml", format!("metrics_tokn = \"{canary}\"\n")),
        ("broken.toml", format!("metrics_token = \"{canary}\n")),
        (
            "url.toml",
            format!(
                "database = \"postgres://roster:{canary}@127.0.0.1:1/roster\"\nmaster_key_file = \"key\"\n"
            ),
        ),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    std::fs::write(folder.join("key"), "7".repeat(64)).unwrap();
    let url = format!("postgres://roster:{canary}@127.0.0.1:1/roster");
    let broken_url = format!("postgres://roster:{canary}@127.0.0.1:notaport/roster");
    let mut asked: Vec<Vec<&str>> = Vec::new();
    for file in ["list.yml", "map.yml", "typo.yml", "twice.yml", "broken.yml"] {
        asked.push(vec!["org", "apply", file, "--data", "data"]);
    }
    // Without a folder on the command line, which would take the place of the database in the file.
    asked.push(vec!["serve", "--tls", "off", "--config", "url.toml"]);
    for file in ["bad.toml", "typo.toml", "broken.toml"] {
        asked.push(vec![
            "serve",
            "--data",
            "data2",
            "--listen",
            "127.0.0.1:0",
            "--tls",
            "off",
            "--config",
            file,
        ]);
    }
    for url in [&url, &broken_url] {
        asked.push(vec!["verify", "--database", url]);
        asked.push(vec![
            "serve",
            "--database",
            url,
            "--master-key-file",
            "key",
            "--tls",
            "off",
        ]);
    }
    let search = Search::new([canary]);
    let mut problems = Vec::new();
    for words in asked {
        let (code, said) = roster(folder, &words);
        let text = String::from_utf8_lossy(&said);
        if code != 2 || !search.found(&said).is_empty() {
            problems.push(format!("{words:?} ended with {code}: {text}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
