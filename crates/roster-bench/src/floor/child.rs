//! The child's side: takes a line, does the work, answers with a line.

use std::io::BufRead as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::rows::Rows;
use super::sync;
use crate::ui;

/// Serves until its standard input ends.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let hello = listener.local_addr()?.to_string();
    runtime.spawn(async move {
        let router = Router::new().fallback(get(|| async { "hello" }));
        axum::serve(listener, router).await
    });
    ui::out(json!({ "hello": hello }));
    let mut rows = None;
    for line in std::io::stdin().lock().lines() {
        ui::out(answer(&line?, &mut rows, &runtime)?);
    }
    Ok(())
}

fn answer(line: &str, rows: &mut Option<Rows>, runtime: &tokio::runtime::Runtime) -> anyhow::Result<Value> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "open" => {
            *rows = Some(Rows::open(Path::new(rest))?);
            Ok(json!({}))
        }
        "write" => {
            let mut numbers = rest.split(' ');
            let mut next = || numbers.next().context("write BATCH SECONDS FIRST");
            let (batch, seconds): (u64, f64) = (next()?.parse()?, next()?.parse()?);
            let first: u64 = next()?.parse()?;
            let rows = rows.as_mut().context("no database is open")?;
            let began = Instant::now();
            let within = Duration::from_secs_f64(seconds);
            let mut people = 0;
            while people == 0 || began.elapsed() < within {
                rows.newcomers(first + people, batch)?;
                people += batch;
            }
            Ok(json!({ "people": people, "seconds": began.elapsed().as_secs_f64() }))
        }
        "pages" => Ok(json!({ "seconds": pages(Path::new(rest))?.as_secs_f64() })),
        "sync" => {
            let took = runtime.block_on(sync::run(&serde_json::from_str(rest)?))?;
            Ok(json!({ "seconds": took.as_secs_f64() }))
        }
        "search" => {
            let (entries, took) = runtime.block_on(sync::search(&serde_json::from_str(rest)?))?;
            Ok(json!({ "entries": entries, "seconds": took.as_secs_f64() }))
        }
        _ => bail!("the floor cannot {word:?}"),
    }
}

/// A page of people as the server writes it. What it does not know here, it does not write, so
/// [`pages`] checks the length.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(rename = "lastPage")]
    pub(super) last: bool,
    result: String,
    pub(super) users: Vec<User>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    id: String,
    email: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    username: String,
    domain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    firstname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lastname: Option<String>,
    country: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Reads a page, then writes it from memory; only the writing counts. One page a line.
fn pages(file: &Path) -> anyhow::Result<Duration> {
    let file = std::fs::File::open(file).with_context(|| format!("no pages in {}", file.display()))?;
    let mut took = Duration::ZERO;
    for line in std::io::BufReader::new(file).lines() {
        let line = line?;
        let page: Page = serde_json::from_str(&line)?;
        let began = Instant::now();
        let written = serde_json::to_vec(&page)?;
        took += began.elapsed();
        if written.len() != line.len() {
            bail!(
                "the floor writes {} bytes where the server wrote {}",
                written.len(),
                line.len()
            );
        }
    }
    Ok(took)
}
