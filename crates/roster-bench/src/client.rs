//! Requests over one connection that is kept open, with as little work as possible: the load generator shares the
//! machine with what it measures, and its own work counts against both floor and server.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Room for an answer's head; one that is larger is not ours.
const MAX_HEAD: usize = 16 * 1024;

/// Where requests go, and what is the same in all of them.
#[derive(Clone)]
pub(crate) struct Door {
    /// Host and port.
    address: String,
    tls: Option<TlsConnector>,
    /// Lines of every head.
    credentials: String,
}

impl Door {
    /// A server that speaks plain http.
    pub(crate) fn plain(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            tls: None,
            credentials: String::new(),
        }
    }

    /// A server with a certificate of the authority in `ca`.
    pub(crate) fn trusting(address: impl Into<String>, ca: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(ca)
            .map_err(|error| anyhow::anyhow!("{} holds no certificate: {error}", ca.display()))?;
        roots.add(authority)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            address: address.into(),
            tls: Some(TlsConnector::from(Arc::new(config))),
            credentials: String::new(),
        })
    }

    /// The same, with the credentials of an integration.
    pub(crate) fn with_token(mut self, client: &str, token: &str) -> Self {
        self.credentials = format!("Authorization: Bearer {token}\r\nX-Api-Key: {client}\r\n");
        self
    }

    /// A whole request.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let Self {
            address, credentials, ..
        } = self;
        let kind = if body.starts_with(['[', '{']) {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let length = body.len();
        let lines = if method == "GET" {
            String::new()
        } else {
            format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n")
        };
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{credentials}{lines}\r\n{body}").into_bytes()
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(&self.address)
            .await
            .with_context(|| format!("{} does not answer", self.address))?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let host = self.address.split(':').next().unwrap_or_default().to_owned();
                let stream = tls.connect(ServerName::try_from(host)?, stream).await;
                Box::new(stream.context("no TLS connection")?)
            }
        };
        Ok(Connection {
            stream,
            buffer: Vec::new(),
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection with one request at a time.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends a request and waits for its answer; anything but 200 is an error, because the figures would be those of
    /// something else.
    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        let body = loop {
            self.fill().await?;
            let end = self
                .buffer
                .windows(4)
                .take(MAX_HEAD)
                .position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            if self.buffer.len() > MAX_HEAD {
                bail!("the head of the answer has no end");
            }
        };
        let head = String::from_utf8_lossy(self.buffer.get(..body).unwrap_or_default()).into_owned();
        let length = length(&head)?;
        self.buffer
            .reserve((body + length).saturating_sub(self.buffer.len()));
        while self.buffer.len() < body + length {
            self.fill().await?;
        }
        let content = self.buffer.get(body..body + length).unwrap_or_default();
        if !head.starts_with("HTTP/1.1 200 ") {
            let status = head.lines().next().unwrap_or_default();
            bail!("answered {status:?}: {}", String::from_utf8_lossy(content));
        }
        Ok(content)
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection was closed before the answer was whole");
        }
        Ok(())
    }
}

fn length(head: &str) -> anyhow::Result<usize> {
    let named = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    };
    head.lines()
        .find_map(named)
        .with_context(|| format!("the answer does not tell its length: {head:?}"))
}
