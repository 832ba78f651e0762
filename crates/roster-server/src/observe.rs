//! One line in the log per request, and the numbers behind `/metrics`.
//!
//! Paths are logged as their templates: real ones name people. Label sets are bounded by the route table.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use roster_store::Store;

use crate::route::Row;
use crate::throttle::Class;

/// What is known about a request while it is worked on.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The route, once it is found.
    pub(crate) row: Option<&'static Row>,
    /// The integration that asks, once it is known.
    pub(crate) client: Option<String>,
    /// Marks of a sync run (`Pragma`).
    pub(crate) pragma: Option<String>,
    /// Parameters, as far as they may be shown.
    pub(crate) query: String,
    /// The caller's program.
    pub(crate) user_agent: String,
    /// Commands of an action request: completed, refused.
    pub(crate) commands: Option<(usize, usize)>,
}

/// The measured durations, in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// The numbers of one server.
pub(crate) struct Numbers {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    in_flight: Gauge,
    requests: RwLock<HashMap<Kind, OfKind>>,
}

/// What requests are counted by: route, method, status. There are few of each, so what counts them is looked up once.
type Kind = (&'static str, &'static str, u16);

/// Counts requests of one kind.
#[derive(Clone)]
struct OfKind {
    answered: Counter,
    duration: Histogram,
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numbers")
    }
}

impl Numbers {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // Only an empty list is refused.
        let builder = builder
            .set_buckets(&BUCKETS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let numbers = Self {
            in_flight: with_local_recorder(&recorder, || gauge!("roster_http_requests_in_flight")),
            requests: RwLock::default(),
            recorder,
            handle,
        };
        numbers.describe();
        numbers
    }

    /// The page that Prometheus reads, with what the store counts.
    pub(crate) fn render(&self, store: &Store) -> String {
        let commits = store.commits();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.record(|| {
            for (jobs, count) in commits.by_jobs() {
                counter!("roster_store_commits_by_jobs_total", "jobs" => jobs).absolute(count);
            }
            #[expect(clippy::cast_precision_loss, reason = "a queue is far shorter than 2^52")]
            gauge!("roster_store_queue_depth").set(store.queued() as f64);
            counter!("roster_store_commits_total").absolute(read(&commits.commits));
            counter!("roster_store_jobs_total").absolute(read(&commits.jobs));
            counter!("roster_store_helped_reads_total").absolute(store.helped());
        });
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Work that is due from time to time, whether anybody reads the page or not.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(crate) fn in_flight(&self, by: f64) {
        self.in_flight.increment(by);
    }

    pub(crate) fn throttled(&self, class: Class) {
        self.record(|| counter!("roster_throttled_total", "class" => class.name()).increment(1));
    }

    /// Counts a refused request, or a refused command of a request.
    pub(crate) fn refused(&self, what: &'static str, code: &'static str) {
        self.record(|| counter!("roster_refusals_total", "of" => what, "code" => code).increment(1));
    }

    pub(crate) fn token_issued(&self, grant: &'static str) {
        self.record(|| counter!("roster_tokens_issued_total", "grant" => grant).increment(1));
    }

    fn request(&self, trace: &Trace, method: &Method, status: StatusCode, took: Duration) {
        let route = trace.row.map_or("unknown", |row| row.path);
        let method = method_label(method);
        let of_kind = self.of_kind((route, method, status.as_u16()));
        of_kind.answered.increment(1);
        of_kind.duration.record(took.as_secs_f64());
        if let Some((completed, refused)) = trace.commands {
            self.record(|| {
                counter!("roster_commands_total", "result" => "completed").increment(completed as u64);
                counter!("roster_commands_total", "result" => "refused").increment(refused as u64);
            });
        }
    }

    fn of_kind(&self, kind: Kind) -> OfKind {
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&kind) {
            return known.clone();
        }
        drop(known);
        let (route, method, status) = kind;
        let made = with_local_recorder(&self.recorder, || OfKind {
            answered: counter!("roster_http_requests_total", "route" => route, "method" => method, "status" => status.to_string()),
            duration: histogram!("roster_http_request_duration_seconds", "route" => route),
        });
        let mut requests = self.requests.write().unwrap_or_else(PoisonError::into_inner);
        requests.insert(kind, made.clone());
        made
    }

    fn describe(&self) {
        self.record(|| {
            metrics::describe_counter!("roster_http_requests_total", "Requests answered");
            metrics::describe_histogram!("roster_http_request_duration_seconds", "Time to answer");
            metrics::describe_gauge!("roster_http_requests_in_flight", "Requests being worked on");
            metrics::describe_counter!("roster_throttled_total", "Requests refused by a limit");
            metrics::describe_counter!("roster_tokens_issued_total", "Access tokens issued");
            metrics::describe_counter!("roster_commands_total", "Commands of action requests");
            metrics::describe_counter!("roster_store_commits_total", "Transactions committed");
            metrics::describe_counter!("roster_refusals_total", "Refused requests and commands, by code");
            metrics::describe_gauge!("roster_store_queue_depth", "Requests that wait to be saved");
            metrics::describe_counter!(
                "roster_store_commits_by_jobs_total",
                "Transactions committed, by how many requests each saved"
            );
            metrics::describe_counter!("roster_store_jobs_total", "Requests saved in these transactions");
            metrics::describe_counter!(
                "roster_store_helped_reads_total",
                "Pages that two readers read at once"
            );
        });
    }

    fn record(&self, what: impl FnOnce()) {
        with_local_recorder(&self.recorder, what);
    }
}

fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Writes the request's line and counts it. `cause` is what the caller was not told.
pub(crate) fn finish(
    numbers: &Numbers,
    trace: &Trace,
    method: &Method,
    request_id: &str,
    status: StatusCode,
    took: Duration,
    cause: Option<&str>,
) {
    numbers.request(trace, method, status, took);
    let route = trace.row.map_or("(unknown path)", |row| row.path);
    let method = method_label(method);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let status = status.as_u16();
    if let Some(cause) = cause {
        tracing::error!(
            target: "roster::request",
            error = cause,
            request.id = request_id,
            http.route = route,
            http.status = status,
            "{method} {route} failed: {cause}"
        );
    }
    tracing::info!(
        target: "roster::access",
        duration_ms,
        request.id = request_id,
        http.method = method,
        http.route = route,
        http.query = trace.query,
        http.status = status,
        client.id = trace.client,
        user_agent = trace.user_agent,
        pragma = trace.pragma,
        "{method} {route} {status} in {duration_ms} ms"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_server_has_its_own_numbers() {
        let (one, other) = (Numbers::new(), Numbers::new());
        let trace = Trace {
            commands: Some((3, 1)),
            ..Trace::default()
        };
        one.request(&trace, &Method::GET, StatusCode::OK, Duration::from_millis(3));
        one.in_flight(1.0);
        one.throttled(Class::Action);
        one.refused("command", "error.group.not_found");
        let folder = tempfile::tempdir().unwrap();
        let location = roster_store::Location::Sqlite(folder.path().join("roster.db"));
        let store = Store::open(location, roster_store::Options::default())
            .await
            .unwrap();
        store.ping_write().await.unwrap();
        let page = one.render(&store);
        for line in [
            r#"roster_http_requests_total{route="unknown",method="GET",status="200"} 1"#,
            r#"roster_http_request_duration_seconds_bucket{route="unknown",le="0.005"} 1"#,
            r#"roster_throttled_total{class="action"} 1"#,
            r#"roster_commands_total{result="completed"} 3"#,
            "roster_http_requests_in_flight 1",
            r#"roster_refusals_total{of="command",code="error.group.not_found"} 1"#,
            r#"roster_store_commits_by_jobs_total{jobs="1"} 1"#,
            r#"roster_store_commits_by_jobs_total{jobs="17-64"} 0"#,
            "roster_store_queue_depth 0",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
        assert!(!other.render(&store).contains("unknown"));
    }
}
