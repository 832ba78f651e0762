//! One request after another: headers, token, retries, waits. What the requests mean is in `read` and `action`.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::config::{Config, Proxies};
use crate::error::ClientError;
use crate::observe::{Event, Signal};
use crate::pace::Pace;
use crate::tls::Distrust;
use crate::token::{self, Token};
use crate::web::{self, WebSettings};
use crate::{retry, tls};

/// A client of one organization. Cheap to clone; clones share connections and token.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    api_url: String,
    http: reqwest::Client,
    token: tokio::sync::Mutex<Option<Token>>,
    /// The same for all requests of this client; the time is appended.
    request_id: String,
    started: AtomicBool,
    wrote: AtomicBool,
    requests: AtomicU64,
    repeated: AtomicU64,
    waited_ms: AtomicU64,
    pace: Pace,
}

/// What to send.
pub(crate) struct Ask {
    /// Shown in errors: method and path.
    pub(crate) name: String,
    pub(crate) url: String,
    /// A body makes it a POST.
    pub(crate) body: Option<Bytes>,
    pub(crate) signal: Option<Signal>,
    /// Whether a second time would not do the same again: then it is an error when the first may have been carried out.
    pub(crate) once: bool,
}

/// What is tried until it is answered.
enum Attempt<'a> {
    Api {
        ask: &'a Ask,
        token: &'a str,
        signal: Option<Signal>,
    },
    Token {
        url: &'a str,
        body: &'a str,
    },
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Takes out of an answer a token that it repeats, as proxies do that show the request: what it says may be shown.
    fn hide(&mut self, token: &str) {
        const SHORT: usize = 64 * 1024;
        // Shorter than any that is a secret, it may be part of a word.
        const LEAST: usize = 16;
        let token = token.as_bytes();
        let is_there = |body: &[u8]| body.windows(token.len()).any(|part| part == token);
        // Of a list only the beginning is ever shown.
        let looked_at = match self.status {
            200 => self.body.get(..SHORT).unwrap_or(&self.body),
            _ => &self.body,
        };
        if token.len() < LEAST || !is_there(looked_at) {
            return;
        }
        let text = String::from_utf8_lossy(&self.body);
        self.body = text.replace(&*String::from_utf8_lossy(token), "(hidden)").into();
    }

    /// A header that is a number, if it is there.
    pub(crate) fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.to_str().ok()?.trim().parse().ok()
    }

    /// The error for an answer that says no.
    pub(crate) fn refusal(&self, request: &str) -> ClientError {
        let said: Said = serde_json::from_slice(&self.body).unwrap_or_default();
        ClientError::Refused {
            request: request.to_owned(),
            status: self.status,
            code: said.error_code.or(said.result),
            message: said.message,
        }
    }
}

/// What error bodies have in common.
#[derive(Deserialize, Default)]
struct Said {
    error_code: Option<String>,
    result: Option<String>,
    message: Option<String>,
}

/// No answer: the causes in words, and whether time ran out.
struct NotReached {
    cause: String,
    timeout: bool,
    /// Whether the request may have arrived.
    perhaps: bool,
    /// What is wrong with the certificate, if that is why.
    untrusted: Option<Distrust>,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ClientError::Settings`] when an address, a proxy or a certificate in `config` cannot be used.
    pub fn new(config: Config) -> Result<Self, ClientError> {
        let api_url = config.api_url();
        for url in [&api_url, &config.token_url()] {
            reqwest::Url::parse(url)
                .map_err(|e| ClientError::Settings(format!("`{url}` is no address: {e}")))?;
        }
        let http = web::http(&WebSettings {
            trust: config.trust.clone(),
            proxies: config.proxies.clone(),
            user_agent: config.user_agent.clone(),
            timeout: config.timeout,
            connect_timeout: config.connect_timeout,
        })?;
        let request_id = format!("{:016x}{:016x}", retry::chance(), retry::chance());
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                api_url,
                http,
                token: tokio::sync::Mutex::new(None),
                request_id,
                started: AtomicBool::new(false),
                wrote: AtomicBool::new(false),
                requests: AtomicU64::new(0),
                repeated: AtomicU64::new(0),
                waited_ms: AtomicU64::new(0),
                pace: Pace::default(),
            }),
        })
    }

    /// The settings this client was made with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// How many requests were sent so far, those for tokens and repeated ones included.
    pub fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// How many of the requests were sent because one before had no usable answer.
    pub fn repeated(&self) -> u64 {
        self.inner.repeated.load(Ordering::Relaxed)
    }

    /// How long requests have waited so far before they were sent again, all waits added.
    pub fn waited(&self) -> Duration {
        Duration::from_millis(self.inner.waited_ms.load(Ordering::Relaxed))
    }

    /// How long the client waits from now on before it sends anything, because the server asked for it.
    pub fn waits(&self) -> Duration {
        self.inner.pace.waits()
    }

    /// How many requests are worth having under way, by what the server has said; `None` is any number.
    pub(crate) fn most_at_once(&self) -> Option<usize> {
        self.inner.pace.most()
    }

    pub(crate) fn api_url(&self) -> &str {
        &self.inner.api_url
    }

    pub(crate) fn observe(&self, event: &Event) {
        self.inner.config.observer.observe(event);
    }

    /// Sends until there is an answer that is neither temporary nor a 401, or patience ends.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answer, ClientError> {
        let signal = self.signal_for(ask);
        if let Some(signal) = signal {
            self.observe(&Event::Signal(signal));
        }
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            let attempt = Attempt::Api {
                ask,
                token: &token,
                signal,
            };
            let answer = self.patiently(&ask.name, &attempt).await?;
            if answer.status != 401 {
                return Ok(answer);
            }
            if renewed {
                let ClientError::Refused {
                    request,
                    code,
                    message,
                    ..
                } = answer.refusal(&ask.name)
                else {
                    return Err(answer.refusal(&ask.name));
                };
                return Err(ClientError::Unauthorized {
                    request,
                    code,
                    message,
                });
            }
            renewed = true;
            *self.inner.token.lock().await = None;
        }
    }

    /// The signal a request carries: the first of a run and the first write say that it starts, whatever else is asked.
    fn signal_for(&self, ask: &Ask) -> Option<Signal> {
        if !self.inner.config.sync_signals {
            return None;
        }
        let first = !self.inner.started.swap(true, Ordering::Relaxed);
        let first_write = ask.body.is_some() && !self.inner.wrote.swap(true, Ordering::Relaxed);
        if first || first_write {
            Some(Signal::Start)
        } else {
            ask.signal
        }
    }

    /// The request of an attempt, made anew each time so that it says when it was sent.
    fn request(&self, attempt: &Attempt<'_>) -> reqwest::RequestBuilder {
        let config = &self.inner.config;
        let http = &self.inner.http;
        match attempt {
            Attempt::Token { url, body } => http
                .post(*url)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Cache-Control", "no-cache")
                .body((*body).to_owned()),
            Attempt::Api { ask, token, signal } => {
                let request = match &ask.body {
                    Some(body) => http.post(&ask.url).body(body.clone()),
                    None => http.get(&ask.url),
                };
                let millis = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_millis();
                let request = request
                    .bearer_auth(token)
                    .header("x-api-key", &config.client_id)
                    .header("Content-type", "application/json")
                    .header("Accept", "application/json")
                    .header("X-Request-Id", format!("{}_{millis}", self.inner.request_id));
                match signal {
                    Some(signal) => request.header("Pragma", signal.as_str()),
                    None => request,
                }
            }
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Answer, NotReached> {
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        let not_reached = |e: reqwest::Error| NotReached {
            timeout: e.is_timeout(),
            perhaps: !e.is_connect() && !e.is_builder(),
            untrusted: tls::distrust(&e),
            cause: causes(&e),
        };
        let mut response = request.send().await.map_err(not_reached)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = response.bytes().await.map_err(not_reached)?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// Asks until something other than "later" comes back.
    async fn patiently(&self, name: &str, attempt: &Attempt<'_>) -> Result<Answer, ClientError> {
        let config = &self.inner.config;
        let began = Instant::now();
        let (mut counted, mut tried) = (0, 0);
        loop {
            if self.is_stopped() {
                return Err(ClientError::Stopped {
                    request: name.to_owned(),
                });
            }
            tried += 1;
            // Tokens come from another service, which counts for itself.
            let place = match attempt {
                Attempt::Token { .. } => None,
                Attempt::Api { .. } => match self.inner.pace.place(|| self.is_stopped()).await {
                    Some(place) => Some(place),
                    None => continue,
                },
            };
            let mut answer = self.answer(self.request(attempt)).await;
            if let (Ok(answer), Attempt::Api { token, .. }) = (&mut answer, attempt) {
                answer.hide(token);
            }
            if let Some(place) = &place {
                match &answer {
                    Ok(answer) if retry::is_temporary(answer.status) => place.too_much(),
                    Err(NotReached { timeout: true, .. }) => place.too_much(),
                    Ok(_) => place.fine(),
                    Err(_) => {}
                }
            }
            let throttled = matches!(&answer, Ok(answer) if answer.status == 429);
            let (last, asked, perhaps) = match answer {
                Ok(answer) if retry::is_temporary(answer.status) => {
                    self.observe(&Event::Throttled {
                        status: answer.status,
                        attempt: tried,
                    });
                    let asked = answer
                        .headers
                        .get(RETRY_AFTER)
                        .and_then(|v| retry::retry_after(v.to_str().ok()?, OffsetDateTime::now_utc()));
                    let perhaps = matches!(answer.status, 502 | 504);
                    (format!("status {}", answer.status), asked, perhaps)
                }
                Ok(answer) => return Ok(answer),
                Err(NotReached {
                    untrusted: Some(Distrust { cause, way_out }),
                    ..
                }) => {
                    // It does not heal, so the first attempt is the last.
                    self.observe(&Event::NotReached {
                        cause: cause.clone(),
                        timeout: false,
                        attempt: tried,
                    });
                    return Err(ClientError::Untrusted {
                        request: name.to_owned(),
                        cause,
                        way_out,
                    });
                }
                Err(NotReached {
                    cause,
                    timeout,
                    perhaps,
                    ..
                }) => {
                    self.observe(&Event::NotReached {
                        cause: cause.clone(),
                        timeout,
                        attempt: tried,
                    });
                    (cause, None, perhaps)
                }
            };
            if let Some(asked) = asked
                && asked > config.longest_wait
            {
                let allowed = config.longest_wait;
                return Err(ClientError::LongWait {
                    request: name.to_owned(),
                    asked,
                    allowed,
                });
            }
            // A long wait that the server asked for is its wish, not a failure of ours.
            if asked.is_none_or(|asked| asked <= retry::FREE_WAIT) {
                counted += 1;
            }
            if counted >= config.attempts.max(1) {
                let after = began.elapsed();
                self.observe(&Event::GaveUp {
                    attempts: tried,
                    after,
                });
                return Err(ClientError::Unavailable {
                    request: name.to_owned(),
                    attempts: tried,
                    after,
                    last,
                });
            }
            let pause = asked.unwrap_or_else(|| retry::pause(config.first_pause, counted, retry::chance()));
            if place.is_some() && (throttled || asked.is_some()) {
                self.inner.pace.hold(pause);
            }
            // Only now: whoever waits for the place has to see the wait.
            drop(place);
            if perhaps && matches!(attempt, Attempt::Api { ask, .. } if ask.once) {
                return Err(ClientError::Unsure {
                    request: name.to_owned(),
                    last,
                });
            }
            self.observe(&Event::Waiting {
                pause,
                asked: asked.is_some(),
            });
            self.pause(pause).await;
            self.inner.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The token, fetched when there is none or when it is about to end.
    async fn token(&self) -> Result<String, ClientError> {
        let mut held = self.inner.token.lock().await;
        if let Some(token) = held.as_ref()
            && Instant::now() < token.renew_at
        {
            return Ok(token.text.clone());
        }
        let config = &self.inner.config;
        let url = config.token_url();
        let form = token::form(config)?;
        let body = urlencoded(&form);
        let attempt = Attempt::Token {
            url: &url,
            body: &body,
        };
        let answer = self.patiently(&format!("POST {url}"), &attempt).await?;
        let token = token::read(config, &form, answer.status, &answer.body, Instant::now())?;
        self.observe(&Event::Token);
        let text = token.text.clone();
        *held = Some(token);
        Ok(text)
    }

    /// Waits as long as after a first failed attempt.
    pub(crate) async fn wait_once(&self) {
        let pause: Duration = retry::pause(self.inner.config.first_pause, 1, retry::chance());
        self.observe(&Event::Waiting { pause, asked: false });
        self.pause(pause).await;
        self.inner.repeated.fetch_add(1, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        let stop = &self.inner.config.stop;
        stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Waits, unless it is asked to stop.
    async fn pause(&self, pause: Duration) {
        const GLANCE: Duration = Duration::from_millis(100);
        let began = Instant::now();
        let until = tokio::time::Instant::now() + pause;
        while !self.is_stopped() && tokio::time::Instant::now() < until {
            tokio::time::sleep_until(until.min(tokio::time::Instant::now() + GLANCE)).await;
        }
        let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.inner.waited_ms.fetch_add(waited, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.inner.config).finish()
    }
}

pub(crate) fn proxies(settings: &Proxies) -> Result<Vec<reqwest::Proxy>, ClientError> {
    let except = settings.except.as_deref().and_then(reqwest::NoProxy::from_string);
    let mut found = Vec::new();
    for (url, make) in [
        (
            &settings.https,
            reqwest::Proxy::https as fn(String) -> reqwest::Result<reqwest::Proxy>,
        ),
        (&settings.http, reqwest::Proxy::http),
    ] {
        let Some(url) = url else { continue };
        let text = url.reveal();
        let text = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        // The address may hold a password, so it is not part of the message.
        let proxy = make(text)
            .map_err(|_| ClientError::Settings("the address of the proxy cannot be read".to_owned()))?;
        found.push(proxy.no_proxy(except.clone()));
    }
    Ok(found)
}

/// An error and everything below it, in one line.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

fn urlencoded(form: &[(&str, String)]) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEEP: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    let fields: Vec<String> = form
        .iter()
        .map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, KEEP)))
        .collect();
    fields.join("&")
}

/// Names of headers that answers to reads carry.
pub(crate) mod header {
    pub(crate) const TOTAL: &str = "X-Total-Count";
    pub(crate) const PAGES: &str = "X-Page-Count";
    pub(crate) const CURRENT: &str = "X-Current-Page";
}
