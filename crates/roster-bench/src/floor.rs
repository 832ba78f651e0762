//! What the machine can do at all: the least work that gives the same result, in a process of its own.
//!
//! The child answers lines of text on its standard input with lines of JSON, so it stays warm between rounds as the
//! server does. Writes are the user and membership rows with their indexes, nothing else: no log, no Users list, no
//! counters, no network. Reads are `serde_json` writing the pages that the server gave. Requests are answered with a
//! word by a bare handler, without TLS. A sync is the file parsed, the pages fetched and parsed, the entries of a search
//! counted, and requests sent that were made before.

pub(crate) mod child;
mod rows;
mod sync;

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) use rows::make;

/// The child's other end.
pub(crate) struct Floor {
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Where the bare handler listens.
    pub(crate) hello: String,
}

impl Floor {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut child = Command::new(program)
            .arg("--floor")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the floor does not start")?;
        let questions = child.stdin.take().context("the floor takes no questions")?;
        let answers = child.stdout.take().context("the floor gives no answers")?;
        let mut floor = Self {
            child,
            questions,
            answers: BufReader::new(answers).lines(),
            hello: String::new(),
        };
        let hello = floor.answer().await?;
        hello
            .get("hello")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .clone_into(&mut floor.hello);
        Ok(floor)
    }

    /// Opens the database that [`Floor::write`] writes to.
    pub(crate) async fn open(&mut self, database: &Path) -> anyhow::Result<()> {
        self.ask(&format!("open {}", database.display())).await.map(drop)
    }

    /// Writes people in transactions of `batch` for so many seconds; how many people, and in what time.
    pub(crate) async fn write(&mut self, batch: u64, seconds: f64, first: u64) -> anyhow::Result<(u64, f64)> {
        let answer = self.ask(&format!("write {batch} {seconds} {first}")).await?;
        let people = answer.get("people").and_then(Value::as_u64).unwrap_or_default();
        Ok((people, seconds_of(&answer)?))
    }

    /// Writes the pages in a file with `serde_json`; the seconds that took, reading them not counted.
    pub(crate) async fn pages(&mut self, file: &Path) -> anyhow::Result<f64> {
        seconds_of(&self.ask(&format!("pages {}", file.display())).await?)
    }

    /// Reads a file and the organization's pages and sends requests, as the question says; the seconds that took.
    pub(crate) async fn sync(&mut self, question: &Value) -> anyhow::Result<f64> {
        seconds_of(&self.ask(&format!("sync {question}")).await?)
    }

    /// Reads what a search of a directory finds, and forgets it; how many entries, and in what time.
    pub(crate) async fn search(&mut self, question: &Value) -> anyhow::Result<(u64, f64)> {
        let answer = self.ask(&format!("search {question}")).await?;
        let entries = answer.get("entries").and_then(Value::as_u64).unwrap_or_default();
        Ok((entries, seconds_of(&answer)?))
    }

    /// Lets the child end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.questions);
        self.child.wait().await?;
        Ok(())
    }

    async fn ask(&mut self, question: &str) -> anyhow::Result<Value> {
        self.questions.write_all(question.as_bytes()).await?;
        self.questions.write_all(b"\n").await?;
        self.questions.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> anyhow::Result<Value> {
        let line = self.answers.next_line().await?;
        let line = line.context("the floor has ended; it says why above")?;
        serde_json::from_str(&line).with_context(|| format!("the floor answered {line:?}"))
    }
}

fn seconds_of(answer: &Value) -> anyhow::Result<f64> {
    answer
        .get("seconds")
        .and_then(Value::as_f64)
        .with_context(|| format!("the floor answered {answer}"))
}
