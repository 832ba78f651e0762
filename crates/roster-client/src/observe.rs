//! What a client tells while it works. It prints nothing itself.

use std::time::Duration;

/// Something worth telling a person who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The server said to come back later.
    Throttled {
        /// 429, 502, 503 or 504.
        status: u16,
        /// The attempt that got this answer, from 1.
        attempt: u32,
    },
    /// No answer came: no connection, no trust, or out of time.
    NotReached {
        /// The causes, outermost first.
        cause: String,
        /// Whether time ran out.
        timeout: bool,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// The client waits before it tries again.
    Waiting {
        /// For how long.
        pause: Duration,
        /// Whether the server named the time.
        asked: bool,
    },
    /// All attempts are used up.
    GaveUp {
        /// How many there were.
        attempts: u32,
        /// How long all took together.
        after: Duration,
    },
    /// A request carries a signal for the service's load planning.
    Signal(Signal),
    /// A token was obtained.
    Token,
    /// An answer to actions counts fewer commands as carried out than were sent and does not name the others, or it has
    /// no word for how it went.
    Odd {
        /// How the answer begins.
        excerpt: String,
    },
}

/// The signals of a synchronization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `umapi-sync-start`.
    Start,
    /// `umapi-sync-end`.
    End,
}

impl Signal {
    /// The value of the `Pragma` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "umapi-sync-start",
            Self::End => "umapi-sync-end",
        }
    }
}

/// Receives events. Called between requests, so it should be quick.
pub trait Observer: Send + Sync {
    /// Takes note of one event.
    fn observe(&self, event: &Event);
}

/// Takes note of nothing.
pub(crate) struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event) {}
}
