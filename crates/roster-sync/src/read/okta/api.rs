//! Okta's interface on the wire: pages by link header, limits by header, refusals in JSON.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use roster_client::{Distrust, NoAnswer, Secret, Web, WebAnswer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::log::{Level, Log};
use crate::read::ReadError;
use crate::send::Stop;

/// Why nothing more can be read.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked to stop.
    Stopped,
    /// What happened.
    Read(ReadError),
}

impl Failure {
    pub(super) fn read(key: &'static str, message: String) -> Self {
        Self::Read(ReadError { key, message })
    }
}

/// The connection to one Okta organization.
pub(crate) struct Api<'r> {
    pub(crate) web: &'r Web,
    /// Scheme and host, without a slash at the end.
    pub(crate) base: &'r str,
    pub(crate) token: &'r Secret,
    pub(crate) stop: &'r Stop,
    pub(crate) log: &'r Log,
    /// How long waits for the limits may take for one request, in all.
    pub(crate) patience: Duration,
    /// The pause after a failed attempt; it doubles.
    pub(crate) first_pause: Duration,
    /// How long the next request has to wait, so that the limit is not hit.
    pub(crate) hold: Mutex<Option<Duration>>,
}

/// How often a request is tried when there is no answer or a failure of the server.
const ATTEMPTS: u32 = 4;

impl Api<'_> {
    /// The items of a list, page by page: `page` says whether it wants more.
    pub(super) async fn list(
        &self,
        path: &str,
        mut page: impl FnMut(&[Value]) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut url = format!("{}{path}", self.base);
        let mut seen = BTreeSet::new();
        loop {
            if !seen.insert(url.clone()) {
                return Err(Failure::read(
                    "okta-not-understood",
                    format!("GET {url}: the pages lead in a circle"),
                ));
            }
            let answer = self.get(&url).await?;
            let Ok(Value::Array(items)) = serde_json::from_slice(&answer.body) else {
                return Err(Failure::read(
                    "okta-not-understood",
                    format!("GET {url}: the answer is no list; is this the address of an Okta organization?"),
                ));
            };
            if !page(&items)? {
                return Ok(());
            }
            let mut next = None;
            for header in answer.all("link") {
                let found = next_link(header).map_err(|()| {
                    Failure::read(
                        "okta-not-understood",
                        format!("GET {url}: where the next page is cannot be read: `Link: {header}`"),
                    )
                })?;
                next = next.or(found);
            }
            let Some(next) = next else {
                return Ok(());
            };
            // The token goes to the organization of the settings and nowhere else.
            let here = next
                .strip_prefix(self.base)
                .is_some_and(|rest| rest.starts_with('/'));
            if !here {
                return Err(Failure::read(
                    "okta-not-understood",
                    format!(
                        "GET {url}: the next page is at another host: {next}; set `host` to the one that Okta itself uses"
                    ),
                ));
            }
            url = next;
        }
    }

    /// Asks until there is an answer that is not "later".
    async fn get(&self, url: &str) -> Result<WebAnswer, Failure> {
        let (mut failed, mut waited) = (0, Duration::ZERO);
        let authorization = format!("SSWS {}", self.token.reveal());
        self.hold_back().await;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Failure::Stopped);
            }
            let problem = match self.web.get(url, &authorization).await {
                Ok(answer) if answer.status == 429 => {
                    let pause = self.pause_for(&answer);
                    waited += pause;
                    if waited > self.patience {
                        return Err(Failure::read(
                            "okta-throttled",
                            format!(
                                "GET {url}: Okta's rate limit is used up and the wait until it is lifted, {} seconds, is longer than \
                                 the {} allowed; run again later, or ask Okta for a higher limit",
                                waited.as_secs(),
                                self.patience.as_secs()
                            ),
                        ));
                    }
                    self.log.warning(
                        "okta",
                        "throttled",
                        format_args!(
                            "Okta request limit reached; waiting {} seconds to continue...",
                            pause.as_secs()
                        ),
                    );
                    self.pause(pause).await;
                    continue;
                }
                Ok(answer) if answer.status >= 500 => format!("status {}", answer.status),
                Ok(answer) if answer.status == 200 => {
                    self.note_what_is_left(&answer);
                    return Ok(answer);
                }
                Ok(answer) => return Err(refused(url, &answer)),
                Err(NoAnswer {
                    untrusted: Some(Distrust { cause, way_out }),
                    ..
                }) => {
                    let hint = way_out
                        .map(|way_out| format!("; hint: {way_out}"))
                        .unwrap_or_default();
                    return Err(Failure::read(
                        "okta-unavailable",
                        format!("GET {url}: the server's certificate is not trusted: {cause}{hint}"),
                    ));
                }
                Err(error) => error.to_string(),
            };
            failed += 1;
            if failed >= ATTEMPTS {
                return Err(Failure::read(
                    "okta-unavailable",
                    format!("GET {url}: no answer after {failed} attempts: {problem}"),
                ));
            }
            let pause = self.first_pause.saturating_mul(1 << (failed - 1));
            self.log.warning(
                "okta",
                "connection-error",
                format_args!(
                    "Okta does not answer ({problem}); trying again in {} seconds",
                    pause.as_secs()
                ),
            );
            self.pause(pause).await;
        }
    }

    /// Where one request is left, the next one would be refused: it will wait for the limit to be lifted first.
    fn note_what_is_left(&self, answer: &WebAnswer) {
        let left = number(answer, "x-rate-limit-remaining");
        let is_last = left.is_some_and(|left| left <= 1) && answer.header("x-rate-limit-reset").is_some();
        let pause = is_last
            .then(|| self.pause_for(answer))
            .filter(|&pause| pause <= self.patience);
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = pause;
    }

    async fn hold_back(&self) {
        let pause = self.hold.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(pause) = pause else { return };
        self.log.line(
            Level::Info,
            "okta",
            format_args!(
                "Okta request limit nearly reached; waiting {} seconds to continue...",
                pause.as_secs()
            ),
        );
        self.pause(pause).await;
    }

    /// The time until the limit is lifted, by the clock of the server, and a moment more, so that several programs do
    /// not all come back at once.
    fn pause_for(&self, answer: &WebAnswer) -> Duration {
        let date = answer.header("date");
        let date = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
        let now = date.map_or_else(
            || {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.unwrap_or_default().as_secs()
            },
            |date| u64::try_from(date.unix_timestamp()).unwrap_or(0),
        );
        let jitter = {
            use std::hash::{BuildHasher as _, Hasher as _};
            std::hash::RandomState::new().build_hasher().finish() % 500
        };
        match number(answer, "x-rate-limit-reset") {
            Some(reset) => {
                Duration::from_secs(reset.saturating_sub(now)) + Duration::from_millis(500 + jitter)
            }
            None => self.first_pause.saturating_mul(4),
        }
    }

    async fn pause(&self, pause: Duration) {
        const GLANCE: Duration = Duration::from_millis(100);
        let until = tokio::time::Instant::now() + pause;
        while !self.stop.load(Ordering::Relaxed) && tokio::time::Instant::now() < until {
            tokio::time::sleep_until(until.min(tokio::time::Instant::now() + GLANCE)).await;
        }
    }
}

fn number(answer: &WebAnswer, header: &str) -> Option<u64> {
    answer.header(header)?.trim().parse().ok()
}

fn refused(url: &str, answer: &WebAnswer) -> Failure {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |key: &str| {
        said.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (summary, code) = (text("errorSummary"), text("errorCode"));
    let hint = match answer.status {
        401 => "; check `api_token`, which ends when it is not used for 30 days",
        403 => "; the owner of `api_token` has to be allowed to read users and groups",
        _ => "",
    };
    let key = if matches!(answer.status, 401 | 403) {
        "authorization"
    } else {
        "okta-refused"
    };
    Failure::read(
        key,
        format!(
            "GET {url}: Okta says no: status {} {code} {summary}{hint}",
            answer.status
        ),
    )
}

/// The address of the next page in a `Link` header, which may hold several. An error where that cannot be told: the page
/// must not pass for the last one then.
fn next_link(header: &str) -> Result<Option<String>, ()> {
    let mut rest = header;
    while let Some((before, link)) = rest.split_once('<') {
        let (url, after) = link.split_once('>').ok_or(())?;
        if rest.len() == header.len() && !before.trim().is_empty() {
            return Err(());
        }
        // The parameters end where the next link begins; an address may hold commas, so the bracket decides.
        let parameters = after.split_once('<').map_or(after, |(parameters, _)| parameters);
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches(['"', '\'']);
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .split_whitespace()
                    .any(|word| word.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Ok(Some(url.to_owned()));
        }
        rest = after;
    }
    // An address without brackets, or nothing that is a link.
    let is_left = rest.len() == header.len() && !header.trim().is_empty();
    if is_left { Err(()) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        for (header, next) in [
            (
                "<https://a/x?after=1,2>; rel=\"next\"",
                Some("https://a/x?after=1,2"),
            ),
            (
                "<https://a/x>; rel=\"self\", <https://a/y>; rel=\"next\"",
                Some("https://a/y"),
            ),
            ("<https://a/y>;rel=next", Some("https://a/y")),
            ("<https://a/y>; Rel = \"last next\"", Some("https://a/y")),
            ("<https://a/x>; rel=\"self\"", None),
            ("", None),
        ] {
            assert_eq!(next_link(header).unwrap().as_deref(), next, "{header}");
        }
        for broken in [
            "<https://a/x",
            "<https://a/x; rel=\"next\"",
            "https://a/y; rel=\"next\"",
            "https://a/y>; rel=\"next\"",
            "<https://a/x>; rel=\"self\", <https://a/y; rel=\"next\"",
        ] {
            assert_eq!(next_link(broken), Err(()), "{broken}");
        }
    }
}
