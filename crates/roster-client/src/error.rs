//! Why a call failed: refused, throttled, not reached, not understood.

use std::time::Duration;

/// What went wrong, with what was tried.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The settings cannot be used; nothing was sent.
    #[error("{0}")]
    Settings(String),
    /// The private key cannot sign.
    #[error("the private key cannot be used: {0}")]
    PrivateKey(String),
    /// The token endpoint did not give a token.
    #[error("no access token from {url}: status {status}{}", detail(code.as_deref(), message.as_deref()))]
    Token {
        /// Where it was asked for.
        url: String,
        /// The status of the answer.
        status: u16,
        /// `error` of the answer.
        code: Option<String>,
        /// `error_description` of the answer.
        message: Option<String>,
    },
    /// The server does not take the token, not even a fresh one.
    #[error("the server does not accept the credentials: {request} answered 401{}", detail(code.as_deref(), message.as_deref()))]
    Unauthorized {
        /// What was asked.
        request: String,
        /// `error_code` or `result` of the answer.
        code: Option<String>,
        /// `message` of the answer.
        message: Option<String>,
    },
    /// The server understood and said no.
    #[error("{request} was refused: status {status}{}", detail(code.as_deref(), message.as_deref()))]
    Refused {
        /// What was asked.
        request: String,
        /// The status of the answer.
        status: u16,
        /// `error_code` or `result` of the answer.
        code: Option<String>,
        /// `message` of the answer.
        message: Option<String>,
    },
    /// Every attempt was throttled or not answered.
    #[error("Server unavailable: Made {attempts} attempts over {} seconds ({request}: {last})", after.as_secs())]
    Unavailable {
        /// What was asked.
        request: String,
        /// How often.
        attempts: u32,
        /// Over which time.
        after: Duration,
        /// What the last attempt got.
        last: String,
    },
    /// The server's certificate is not one to trust; nothing was sent, and asking again does not help.
    #[error("{request}: the server's certificate is not trusted ({cause})")]
    Untrusted {
        /// What was asked.
        request: String,
        /// What is wrong with the certificate.
        cause: String,
        /// What helps, unless it is to trust the authority that issued it.
        way_out: Option<&'static str>,
    },
    /// The server asks for a longer wait than allowed.
    #[error("{request}: the server asks to wait {} seconds, more than the {} allowed; try again later, and leave two hours between full runs", asked.as_secs(), allowed.as_secs())]
    LongWait {
        /// What was asked.
        request: String,
        /// The wait the server asks for.
        asked: Duration,
        /// The longest one allowed.
        allowed: Duration,
    },
    /// It was asked to stop before there was an answer; nothing of the request was carried out.
    #[error("{request}: stopped before it was answered")]
    Stopped {
        /// What was asked.
        request: String,
    },
    /// It may have been carried out, and doing it again would do something else.
    #[error("{request}: no answer ({last}), and it may have been carried out")]
    Unsure {
        /// What was asked.
        request: String,
        /// What the attempt got.
        last: String,
    },
    /// A list ended before it had shown what the server had announced.
    #[error("{request}: {problem}; run again later")]
    Incomplete {
        /// What was asked.
        request: String,
        /// What was announced and did not come.
        problem: String,
    },
    /// The answer makes no sense.
    #[error("{request}: the answer (status {status}) cannot be read: {problem}; it begins: {excerpt}")]
    NotUnderstood {
        /// What was asked.
        request: String,
        /// The status of the answer.
        status: u16,
        /// What is wrong with it.
        problem: String,
        /// Its beginning.
        excerpt: String,
    },
}

fn detail(code: Option<&str>, message: Option<&str>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!(", {code}: {message}"),
        (Some(text), None) | (None, Some(text)) => format!(", {text}"),
        (None, None) => String::new(),
    }
}

/// The beginning of an answer, short enough for a message.
pub(crate) fn excerpt(body: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(body);
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    if short.is_empty() {
        "(nothing)".to_owned()
    } else {
        short
    }
}
