//! Reading over https from services that are no User Management API: the same trust and proxies, nothing else.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};

use crate::config::{Proxies, Trust};
use crate::error::ClientError;
use crate::tls::{self, Distrust};
use crate::transport::{causes, proxies};

/// How such a service is reached.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Whom to trust.
    pub trust: Trust,
    /// Proxies.
    pub proxies: Proxies,
    /// The `User-Agent`.
    pub user_agent: String,
    /// How long one request may take; `None` waits forever.
    pub timeout: Option<Duration>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}

/// Asks for pages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Web {
    http: reqwest::Client,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct WebAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    headers: HeaderMap,
}

/// No answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{cause}")]
pub struct NoAnswer {
    /// Why, in words.
    pub cause: String,
    /// What is wrong with the server's certificate, if that is why; asking again does not help then.
    pub untrusted: Option<Distrust>,
}

impl Web {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ClientError::Settings`] when a proxy or a certificate cannot be used.
    pub fn new(settings: &WebSettings) -> Result<Self, ClientError> {
        let http = http(settings)?;
        Ok(Self { http })
    }

    /// Asks for an address with the content of an `Authorization` header. Redirections are not followed.
    pub async fn get(&self, url: &str, authorization: &str) -> Result<WebAnswer, NoAnswer> {
        let no_answer = |error: reqwest::Error| NoAnswer {
            untrusted: tls::distrust(&error),
            cause: causes(&error),
        };
        let mut header = HeaderValue::from_str(authorization).map_err(|_| NoAnswer {
            cause: "the credential has characters that a request cannot carry".to_owned(),
            untrusted: None,
        })?;
        header.set_sensitive(true);
        let request = self
            .http
            .get(url)
            .header("Authorization", header)
            .header("Accept", "application/json");
        let mut response = request.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = response.bytes().await.map_err(no_answer)?;
        Ok(WebAnswer {
            status,
            body,
            headers,
        })
    }
}

impl WebAnswer {
    /// A header, the first of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All headers of a name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers
            .get_all(name)
            .into_iter()
            .filter_map(|value| value.to_str().ok())
    }
}

/// The client underneath.
pub(crate) fn http(settings: &WebSettings) -> Result<reqwest::Client, ClientError> {
    let mut tls = tls::client_config(&settings.trust)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(settings.user_agent.clone())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(settings.connect_timeout)
        .no_proxy();
    for proxy in proxies(&settings.proxies)? {
        builder = builder.proxy(proxy);
    }
    if let Some(timeout) = settings.timeout {
        builder = builder.timeout(timeout);
    }
    builder.build().map_err(|e| ClientError::Settings(causes(&e)))
}
