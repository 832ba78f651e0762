//! A server with a script: it answers each request by asking a function, and keeps what arrived.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use roster_client::{Client, Config, Event, Host, Observer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What to answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(body: &str) -> Self {
        Self {
            status: 200,
            headers: String::new(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn status(status: u16, headers: &str) -> Self {
        Self {
            status,
            headers: headers.to_owned(),
            body: r#"{"error_code":"said","message":"no"}"#.to_owned(),
        }
    }
}

pub(crate) const TOKEN: &str = r#"{"access_token":"t0","token_type":"bearer","expires_in":86399}"#;

/// A running server.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts one. `script` gets each request that is not for a token, with its number from 1.
    pub(crate) async fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with_tokens(script, |_| Reply::json(TOKEN)).await
    }

    /// Starts one that also decides about tokens.
    pub(crate) async fn start_with_tokens(
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
        tokens: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let answer = Arc::new(move |request: &Request| {
            if request.line.contains("/ims/") {
                return tokens(request);
            }
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.push(request.clone());
                seen.len()
            };
            script(number, request)
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move { serve(stream, &*answer).await });
            }
        });
        Self { url, requests }
    }

    /// What arrived, requests for tokens left out.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Settings for this server that do not wait long.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::oauth("ORG@AdobeOrg", "id", "secret");
        config.host = Host::new(&self.url);
        config.auth_host = Host::new(&self.url);
        config.first_pause = Duration::from_millis(3);
        config.attempts = 3;
        config
    }

    /// A client of this server.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.config()).unwrap()
    }
}

async fn serve(mut stream: TcpStream, answer: &(dyn Fn(&Request) -> Reply + Send + Sync)) {
    let mut buffer = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut buffer).await else {
            return;
        };
        let reply = answer(&request);
        if reply.status == 0 {
            return; // The connection breaks.
        }
        let text = format!(
            "HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}",
            reply.status,
            reply.body.len(),
            reply.headers,
            reply.body
        );
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let mut request = Request {
                line: String::new(),
                head,
                body: String::new(),
            };
            let length: usize = request
                .header("content-length")
                .map_or(0, |text| text.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                request.line = request
                    .head
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .replace(" HTTP/1.1", "");
                request.body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
                buffer.drain(..end + 4 + length);
                return Some(request);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => buffer.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Keeps what a client tells.
#[derive(Default)]
pub(crate) struct Ears(pub(crate) Mutex<Vec<Event>>);

impl Observer for Ears {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}
