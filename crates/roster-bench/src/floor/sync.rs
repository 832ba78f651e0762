//! What a sync cannot do without.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{LdapConnAsync, Scope};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::child::Page;
use crate::client::Door;
use crate::people::ORG;

/// Requests under way at once, as many as a sync has.
const AT_ONCE: usize = 4;

/// What is to be read and sent.
#[derive(Debug, Deserialize)]
pub(super) struct Question {
    address: String,
    ca: PathBuf,
    client: String,
    token: String,
    csv: Option<PathBuf>,
    requests: Option<PathBuf>,
}

/// Reads and sends it.
pub(super) async fn run(question: &Question) -> anyhow::Result<Duration> {
    let requests = match &question.requests {
        Some(path) => std::fs::read_to_string(path)?,
        None => String::new(),
    };
    let door = Door::trusting(&question.address, &question.ca)?.with_token(&question.client, &question.token);
    let began = Instant::now();
    if let Some(path) = &question.csv {
        let mut people = 0_u64;
        for record in csv::Reader::from_path(path)?.records() {
            people += u64::from(!record?.is_empty());
        }
        if people == 0 {
            bail!("{} has nobody in it", path.display());
        }
    }
    let mut connection = door.open().await?;
    for n in 0.. {
        let path = format!("/v2/usermanagement/users/{ORG}/{n}");
        let page: Page = serde_json::from_slice(connection.send(&door.request("GET", &path, "")).await?)?;
        if page.users.is_empty() {
            bail!("{path} has nobody in it");
        }
        if page.last {
            break;
        }
    }
    let path = format!("/v2/usermanagement/action/{ORG}");
    let bodies: Vec<Vec<u8>> = requests
        .lines()
        .map(|body| door.request("POST", &path, body))
        .collect();
    let mut senders = JoinSet::new();
    for first in 0..AT_ONCE.min(bodies.len()) {
        let door = door.clone();
        let mine: Vec<Vec<u8>> = bodies.iter().skip(first).step_by(AT_ONCE).cloned().collect();
        senders.spawn(async move {
            let mut connection = door.open().await?;
            for request in mine {
                connection.send(&request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    Ok(began.elapsed())
}

/// A search, and as whom.
#[derive(Debug, Deserialize)]
pub(super) struct Search {
    url: String,
    user: String,
    password: String,
    base: String,
    filter: String,
    page: i32,
}

/// Takes all pages of a search and forgets them.
pub(super) async fn search(search: &Search) -> anyhow::Result<(u64, Duration)> {
    let began = Instant::now();
    let (connection, mut ldap) = LdapConnAsync::new(&search.url)
        .await
        .with_context(|| format!("{} does not answer", search.url))?;
    let driven = tokio::spawn(connection.drive());
    ldap.simple_bind(&search.user, &search.password)
        .await?
        .success()?;
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![
        Box::new(EntriesOnly::new()),
        Box::new(PagedResults::new(search.page)),
    ];
    let attributes = ["givenName", "sn", "c", "mail", "uid"];
    let mut found = ldap
        .streaming_search_with(adapters, &search.base, Scope::Subtree, &search.filter, attributes)
        .await?;
    let mut entries = 0;
    while found.next().await?.is_some() {
        entries += 1;
    }
    found.finish().await.success()?;
    ldap.unbind().await?;
    driven.await??;
    Ok((entries, began.elapsed()))
}
