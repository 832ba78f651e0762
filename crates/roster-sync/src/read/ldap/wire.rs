//! One connection: messages out and in, each within its time.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::read::ldap::ber::{self, Malformed};
use crate::read::ldap::message::{EXTENDED_RESPONSE, Message, Outcome};

/// The longest message that is taken from a server: far more than any entry, far less than a machine has.
const LONGEST: usize = 512 << 20;
/// How much is read at once.
const PIECE: usize = 64 << 10;
/// How soon a request to stop is heeded.
const TICK: Duration = Duration::from_millis(250);

/// A stream of bytes to a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Encryption that was agreed on while binding, where there is no TLS.
pub(crate) trait Layer: Send {
    /// A message as it goes out, without its length before it.
    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, String>;
    /// What came in, readable.
    fn unwrap(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String>;
}

/// Why nothing more can be said over a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// The run was asked to stop.
    #[error("asked to stop")]
    Stopped,
    /// No answer.
    #[error("no answer within {} seconds", .0.as_secs())]
    Late(Duration),
    /// The other side hung up.
    #[error("the server closed the connection")]
    Closed,
    /// The other side hung up and said why.
    #[error("the server closed the connection: {0}")]
    Goodbye(String),
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// An answer that is none.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// Encryption that does not fit.
    #[error("what is sent or came in cannot be encrypted or decrypted: {0}")]
    Layer(String),
    /// An answer that is too long to be kept.
    #[error("an answer of {0} bytes is longer than any directory needs")]
    TooLong(usize),
}

impl WireError {
    /// Whether it may go better on another connection.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Late(_) | Self::Closed | Self::Goodbye(_) | Self::Io(_)
        )
    }
}

/// Waits for something; nothing when the run is asked to stop meanwhile.
pub(crate) async fn unless_stopped<T>(stop: &AtomicBool, all: impl Future<Output = T>) -> Option<T> {
    let mut all = pin!(all);
    while !stop.load(Ordering::Relaxed) {
        if let Ok(done) = timeout(TICK, &mut all).await {
            return Some(done);
        }
    }
    None
}

/// A connection.
pub(crate) struct Wire<'s> {
    stream: Box<dyn Stream + 's>,
    layer: Option<Box<dyn Layer>>,
    /// What came in and is still wrapped in the layer.
    sealed: Vec<u8>,
    buffer: Vec<u8>,
    /// Where the next message begins.
    start: usize,
    last_id: i32,
    /// How long an answer may take.
    answer: Duration,
    stop: Arc<AtomicBool>,
}

impl<'s> Wire<'s> {
    pub(crate) fn new(stream: Box<dyn Stream + 's>, answer: Duration, stop: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            layer: None,
            sealed: Vec::new(),
            buffer: Vec::new(),
            start: 0,
            last_id: 0,
            answer,
            stop,
        }
    }

    /// From here on everything is encrypted.
    #[cfg_attr(
        not(feature = "gssapi"),
        expect(dead_code, reason = "only Kerberos agrees on encryption")
    )]
    pub(crate) fn set_layer(&mut self, layer: Box<dyn Layer>) {
        self.layer = Some(layer);
    }

    /// The number of the next request.
    pub(crate) fn id(&mut self) -> i32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }

    /// Sends a request.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<(), WireError> {
        let sealed;
        let message = if let Some(layer) = &mut self.layer {
            let wrapped = layer.wrap(message).map_err(WireError::Layer)?;
            let length = u32::try_from(wrapped.len()).map_err(|_| WireError::TooLong(wrapped.len()))?;
            sealed = [&length.to_be_bytes()[..], &wrapped].concat();
            &sealed
        } else {
            message
        };
        let all = async {
            self.stream.write_all(message).await?;
            self.stream.flush().await
        };
        match timeout(self.answer, all).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(WireError::Late(self.answer)),
        }
    }

    /// The next message of the server.
    pub(crate) async fn next(&mut self) -> Result<Message<'_>, WireError> {
        let length = loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(WireError::Stopped);
            }
            let waiting = self.buffer.get(self.start..).unwrap_or_default();
            match ber::frame(waiting)? {
                Some(length) if length > LONGEST => return Err(WireError::TooLong(length)),
                Some(length) if length <= waiting.len() => break length,
                _ => self.fill().await?,
            }
        };
        let from = self.start;
        self.start += length;
        let message = Message::parse(self.buffer.get(from..self.start).unwrap_or_default())?;
        if message.id == 0 && message.tag == EXTENDED_RESPONSE {
            let outcome = Outcome::parse(message.body)?;
            return Err(WireError::Goodbye(super::error::answer(&outcome)));
        }
        Ok(message)
    }

    /// Ends the connection; nothing can be said over it any more.
    pub(crate) fn hang_up(&mut self) {
        self.stream = Box::new(tokio::io::empty());
    }

    /// Whether nothing is there that has not been read.
    pub(crate) fn is_drained(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Waits for more bytes.
    async fn fill(&mut self) -> Result<(), WireError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let into = if self.layer.is_some() {
            &mut self.sealed
        } else {
            &mut self.buffer
        };
        let began = Instant::now();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(WireError::Stopped);
            }
            let left = self.answer.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(WireError::Late(self.answer));
            }
            into.reserve(PIECE);
            match timeout(left.min(TICK), self.stream.read_buf(into)).await {
                Err(_) => {}
                Ok(Ok(0)) => return Err(WireError::Closed),
                Ok(Ok(_)) => break,
                Ok(Err(error)) => return Err(error.into()),
            }
        }
        self.open_sealed()
    }

    /// Takes what is complete out of its wrapping.
    fn open_sealed(&mut self) -> Result<(), WireError> {
        let Some(layer) = &mut self.layer else {
            return Ok(());
        };
        while let Some((length, rest)) = self.sealed.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            if length > LONGEST {
                return Err(WireError::TooLong(length));
            }
            let Some(wrapped) = rest.get(..length) else { break };
            let open = layer.unwrap(wrapped).map_err(WireError::Layer)?;
            self.buffer.extend_from_slice(&open);
            self.sealed.drain(..4 + length);
        }
        Ok(())
    }
}
