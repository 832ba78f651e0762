//! Hooks run by a `python3` beside Roster: one process for a run, one line of JSON for a person.

use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::hook::{Failure, Given, Outcome};
use crate::log::{Level, Log, visible};
use crate::send::Stop;

/// What runs inside of `python3`.
const WORKER: &str = include_str!("worker.py");

/// Names under which Python 3 is installed.
const NAMES: [&str; 2] = ["python3", "python"];

/// The name of an end that nobody asked for.
const ENDED: &str = "hook-python-ended";

/// How often a request to stop is looked for.
const GLANCE: Duration = Duration::from_millis(200);

/// How much of what the process says on standard error is kept.
const LAST_WORDS: usize = 2000;

/// A `python3` that has compiled a hook.
pub(super) struct Worker {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    errors: Option<JoinHandle<String>>,
    /// Its version, as in `3.11.7`.
    pub(super) version: String,
    stop: Stop,
    /// How long one person may take.
    patience: Duration,
    /// How many people it was asked about.
    asked: u64,
}

/// Why no worker could be started.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// There is no Python 3.
    Missing,
    /// The hook is no Python: the line, where it is known, and why.
    Syntax(Option<u64>, String),
    /// Anything else.
    Failed(Failure),
}

/// Which answers are waited for.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// One, to the code of the hook.
    Start,
    /// Those of people, in the order of their numbers. Only the number ties an answer to its question: a copy of the process that
    /// the hook makes may answer, too, and what it left must not become the answer for somebody else.
    People { first: u64, count: usize },
}

impl Expected {
    fn count(self) -> usize {
        match self {
            Self::Start => 1,
            Self::People { count, .. } => count,
        }
    }

    /// Whether this number is the next person's; the answer to the start has none.
    fn is_next(self, number: Option<u64>, answered: usize) -> bool {
        match self {
            Self::Start => true,
            Self::People { first, .. } => number == Some(first + answered as u64),
        }
    }
}

/// What came instead of an answer.
enum NoAnswer {
    Stopped,
    TooLate,
    Ended,
}

impl Worker {
    /// Starts the first Python 3 on the path and has it compile the hook.
    pub(super) async fn start(
        code: &str,
        stop: &Stop,
        patience: Duration,
        log: &Log,
    ) -> Result<Self, NotStarted> {
        let mut none = NotStarted::Missing;
        for name in NAMES {
            match Self::start_as(name, code, stop, patience, log).await {
                Err(NotStarted::Missing) => {}
                // A name may lead to an older Python, or on Windows to a shop.
                Err(NotStarted::Failed(Failure::Engine { key: ENDED, text, at })) => {
                    none = NotStarted::Failed(Failure::Engine { key: ENDED, text, at });
                }
                other => return other,
            }
        }
        Err(none)
    }

    async fn start_as(
        name: &str,
        code: &str,
        stop: &Stop,
        patience: Duration,
        log: &Log,
    ) -> Result<Self, NotStarted> {
        let broken = |error: io::Error| {
            NotStarted::Failed(Failure::engine(format!("`{name}` cannot be run: {error}")))
        };
        // Isolated: neither variables nor files of the working directory decide what is imported.
        let spawned = Command::new(name)
            .args(["-I", "-B", "-c", WORKER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NotStarted::Missing),
            Err(error) => return Err(broken(error)),
        };
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broken(io::Error::other("it has no pipes")));
        };
        let mut worker = Self {
            child,
            input,
            output: BufReader::new(output).lines(),
            errors: Some(tokio::spawn(last_words(errors))),
            version: String::new(),
            stop: stop.clone(),
            patience,
            asked: 0,
        };
        let mut first = json!({ "code": code, "level": least_level(log) }).to_string();
        first.push('\n');
        let answers = worker
            .ask(first.into_bytes(), Expected::Start, log)
            .await
            .map_err(NotStarted::Failed)?;
        let answer = answers.into_iter().next().unwrap_or_default();
        let word = |at: usize| {
            answer
                .get(at)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        match word(0).as_str() {
            "ready" => {
                worker.version = word(1);
                Ok(worker)
            }
            "syntax" => Err(NotStarted::Syntax(answer.get(1).and_then(Value::as_u64), word(2))),
            other => Err(NotStarted::Failed(not_understood(other))),
        }
    }

    /// Runs the hook for people, in order.
    pub(super) async fn run(&mut self, people: &[Given<'_>], log: &Log) -> Result<Vec<Outcome>, Failure> {
        let mut lines = Vec::with_capacity(people.len() * 400);
        let first = self.asked;
        for (number, person) in (first..).zip(people) {
            person.write_json(number, &mut lines);
            lines.push(b'\n');
            self.asked = number + 1;
        }
        lines.push(b'\n');
        let expected = Expected::People {
            first,
            count: people.len(),
        };
        let answers = self.ask(lines, expected, log).await?;
        answers.iter().map(|answer| outcome(answer)).collect()
    }

    /// Says something and collects so many answers. An answer that the hook failed is an error.
    async fn ask(
        &mut self,
        lines: Vec<u8>,
        expected: Expected,
        log: &Log,
    ) -> Result<Vec<Vec<Value>>, Failure> {
        let mut answers = Vec::with_capacity(expected.count());
        let failed = {
            let Self { input, output, .. } = self;
            // Both at once: the pipes hold little, and answers come while questions are still written. What is wrong with a
            // process that does not listen is in what it answers.
            let mut write = pin!(async {
                let _ = input.write_all(&lines).await;
                let _ = input.flush().await;
            });
            let mut read = pin!(collect(
                output,
                &mut answers,
                expected,
                (&self.stop, self.patience),
                log
            ));
            let mut written = false;
            loop {
                tokio::select! {
                    done = &mut read => break done,
                    () = &mut write, if !written => written = true,
                }
            }
        };
        let at = answers.len();
        let failure = match failed {
            Ok(Ok(())) => return Ok(answers),
            Ok(Err(failure)) => {
                let _ = self.child.start_kill();
                return Err(failure);
            }
            Err(NoAnswer::Stopped) => Failure::Stopped,
            Err(NoAnswer::TooLate) => Failure::Engine {
                key: "hook-no-answer",
                text: format!("no answer for {} s; Python was ended", self.patience.as_secs()),
                at: Some(at),
            },
            Err(NoAnswer::Ended) => Failure::Engine {
                key: ENDED,
                text: self.how_it_ended().await,
                at: Some(at),
            },
        };
        let _ = self.child.start_kill();
        Err(failure.at(at))
    }

    async fn how_it_ended(&mut self) -> String {
        let _ = self.child.start_kill();
        let status = timeout(Duration::from_secs(5), self.child.wait()).await;
        let status = match status {
            Ok(Ok(status)) => status.to_string(),
            _ => "it is not known how".to_owned(),
        };
        let words = match self.errors.take() {
            Some(errors) => timeout(Duration::from_secs(1), errors).await,
            None => return format!("Python ended ({status})"),
        };
        match words {
            Ok(Ok(words)) if !words.trim().is_empty() => format!("Python ended ({status}): {}", words.trim()),
            _ => format!("Python ended ({status})"),
        }
    }
}

/// The number that Python has for the least level that goes anywhere.
fn least_level(log: &Log) -> u8 {
    let levels = [
        (Level::Debug, 10),
        (Level::Info, 20),
        (Level::Warning, 30),
        (Level::Error, 40),
    ];
    let least = levels.into_iter().find(|(level, _)| log.shows(*level));
    least.map_or(50, |(_, number)| number)
}

/// Reads answers, and puts lines of the log where they belong.
async fn collect(
    output: &mut Lines<impl AsyncBufRead + Unpin>,
    answers: &mut Vec<Vec<Value>>,
    expected: Expected,
    (stop, patience): (&Stop, Duration),
    log: &Log,
) -> Result<Result<(), Failure>, NoAnswer> {
    let mut last = Instant::now();
    while answers.len() < expected.count() {
        // Looked at before every line: what a hook says is no answer, however much it says.
        if stop.load(Ordering::Relaxed) {
            return Err(NoAnswer::Stopped);
        }
        if last.elapsed() > patience {
            return Err(NoAnswer::TooLate);
        }
        let line = match timeout(GLANCE, output.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(_) => return Err(NoAnswer::Ended),
            Err(_) => continue,
        };
        let Ok(Value::Array(answer)) = serde_json::from_str(&line) else {
            return Ok(Err(not_understood(&line)));
        };
        let text = |at: usize| answer.get(at).and_then(Value::as_str).unwrap_or_default();
        match text(0) {
            "log" => {
                let level = level(answer.get(1).and_then(Value::as_i64).unwrap_or_default());
                log.line(level, &visible(text(2)), visible(text(3)));
            }
            word @ ("done" | "failed") => {
                let number = answer.get(1).and_then(Value::as_u64);
                if !expected.is_next(number, answers.len()) {
                    return Ok(Err(mixed_up()));
                }
                if word == "failed" {
                    let line = answer.get(2).and_then(Value::as_u64);
                    return Ok(Err(Failure::raised(line, text(3)).at(answers.len())));
                }
                last = Instant::now();
                answers.push(answer);
            }
            "ready" | "syntax" if matches!(expected, Expected::Start) => answers.push(answer),
            _ => return Ok(Err(not_understood(&line))),
        }
    }
    Ok(Ok(()))
}

fn level(number: i64) -> Level {
    match number {
        ..20 => Level::Debug,
        20..30 => Level::Info,
        30..40 => Level::Warning,
        40..50 => Level::Error,
        _ => Level::Critical,
    }
}

fn outcome(answer: &[Value]) -> Result<Outcome, Failure> {
    let wrong = || not_understood("an answer");
    let [_, _, Value::Array(values), Value::Array(groups)] = answer else {
        return Err(wrong());
    };
    let values: Vec<Option<String>> = values
        .iter()
        .map(|value| match value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(wrong()),
        })
        .collect::<Result<_, _>>()?;
    if values.len() != 7 {
        return Err(wrong());
    }
    let groups = groups
        .iter()
        .map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let mut values = values.into_iter();
    let mut next = || values.next().flatten();
    Ok(Outcome {
        email: next(),
        username: next(),
        domain: next(),
        firstname: next(),
        lastname: next(),
        country: next(),
        kind: next(),
        groups,
    })
}

fn mixed_up() -> Failure {
    Failure::Engine {
        key: "hook-answers-mixed",
        text: "an answer came for somebody else than was asked about; a hook must not make copies of its process (os.fork) that \
               go on with it"
            .to_owned(),
        at: None,
    }
}

fn not_understood(what: &str) -> Failure {
    let what: String = what.chars().take(200).collect();
    Failure::engine(format!("Python answered what is not understood: {what}"))
}

/// The end of what the process says on standard error.
async fn last_words(mut errors: ChildStderr) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let surplus = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use roster_core::plan::text::{TextId, Texts};
    use time::UtcOffset;

    use super::*;
    use crate::read::attributes::{Attribute, Attributes};

    /// A worker for `code`; `None`, said, where there is no Python and not all tests are asked for.
    async fn worker(code: &str, patience: Duration) -> Option<Worker> {
        // On a busy machine Python itself needs its time to start.
        match Worker::start(code, &Arc::default(), Duration::from_mins(1), &quiet()).await {
            Err(NotStarted::Missing) => {
                assert!(std::env::var_os("ROSTER_TEST_ALL").is_none_or(|value| value != "1"));
                None
            }
            other => {
                let mut worker = other.map_err(|why| format!("{why:?}")).unwrap();
                worker.patience = patience;
                Some(worker)
            }
        }
    }

    fn quiet() -> Log {
        Log::new(Box::new(io::sink()), UtcOffset::UTC)
    }

    #[test]
    fn k10_answers_of_a_hook() {
        roster_testkit::fuzz::Target {
            name: "hook",
            corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
            words: &[
                "[\"done\",0,",
                "[\"done\",1,",
                "[\"failed\",0,",
                "[\"log\",",
                "[\"ready\",",
                "[null,null,null,null,null,null,null]",
                "[",
                "]",
                ",",
                "\n",
                "null",
                "\"G\"",
                "{}",
                "-1",
                "1e300",
                "18446744073709551616",
            ],
            property: |said| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap();
                let (mut answers, stop) = (Vec::new(), Stop::default());
                let asked = Expected::People { first: 0, count: 3 };
                let read = runtime.block_on(collect(
                    &mut said.lines(),
                    &mut answers,
                    asked,
                    (&stop, Duration::from_secs(1)),
                    &quiet(),
                ));
                // All answers came, or it is said why not: nobody is left out without a word.
                match read {
                    Ok(Ok(())) => assert_eq!(answers.len(), asked.count()),
                    Ok(Err(Failure::Engine { text, .. })) => assert!(text.len() < 1000, "{text}"),
                    Ok(Err(Failure::Raised { .. })) | Err(NoAnswer::Ended) => {}
                    Ok(Err(Failure::Stopped)) | Err(NoAnswer::Stopped | NoAnswer::TooLate) => {
                        panic!("nobody stopped it, and it waited for nothing")
                    }
                }
                assert!(answers.len() <= asked.count());
                for (number, answer) in answers.iter().enumerate() {
                    if let Ok(outcome) = outcome(answer) {
                        assert_eq!((&answer[0], &answer[1]), (&json!("done"), &json!(number)));
                        assert_eq!(answer[2][0].as_str(), outcome.email.as_deref());
                        assert_eq!(answer[2][6].as_str(), outcome.kind.as_deref());
                    }
                }
            },
        }
        .run();
    }

    #[tokio::test]
    async fn a_hook_that_never_ends_is_not_waited_for_forever() {
        let patience = Duration::from_millis(600);
        let code = "if target_attributes['email'] == 'b': import time; time.sleep(600)";
        let Some(mut worker) = worker(code, patience).await else {
            return;
        };
        let mut texts = Texts::default();
        let (a, b) = (texts.intern("a"), texts.intern("b"));
        let table = Attributes::default();
        let given = |email: TextId| Given {
            texts: &texts,
            attributes: (&table, 0),
            groups: Vec::new(),
            values: [email; 6],
            targets: Vec::new(),
        };
        let began = Instant::now();
        let failure = worker
            .run(&[given(a), given(b), given(a)], &quiet())
            .await
            .unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        let Failure::Engine { key, at, .. } = failure else {
            panic!("{failure:?}")
        };
        // The first answer may not have been handed over yet.
        assert_eq!(key, "hook-no-answer");
        assert!(at <= Some(1), "{at:?}");
    }

    #[tokio::test]
    async fn a_hook_that_says_something_all_the_time_is_not_waited_for_forever_either() {
        let patience = Duration::from_millis(600);
        let Some(mut worker) = worker("while True: print('x' * 2000)", patience).await else {
            return;
        };
        let mut texts = Texts::default();
        let a = texts.intern("a");
        let table = Attributes::default();
        let given = Given {
            texts: &texts,
            attributes: (&table, 0),
            groups: Vec::new(),
            values: [a; 6],
            targets: Vec::new(),
        };
        let failure = worker.run(&[given], &quiet()).await.unwrap_err();
        let Failure::Engine { key, .. } = failure else {
            panic!("{failure:?}")
        };
        assert_eq!(key, "hook-no-answer");
    }

    /// Lines in place of a process: the error that they lead to, for two people from number 5 on.
    async fn collected(said: &[&str]) -> Option<Failure> {
        let said = said.join("\n");
        let (mut answers, stop) = (Vec::new(), Stop::default());
        let expected = Expected::People { first: 5, count: 2 };
        let patience = Duration::from_secs(9);
        let read = collect(
            &mut said.as_bytes().lines(),
            &mut answers,
            expected,
            (&stop, patience),
            &quiet(),
        )
        .await;
        match read {
            Ok(done) => done.err(),
            Err(NoAnswer::Stopped | NoAnswer::TooLate | NoAnswer::Ended) => panic!("the lines ended"),
        }
    }

    #[tokio::test]
    async fn an_answer_counts_only_for_the_one_that_was_asked_about() {
        let done = |number: u64| format!(r#"["done",{number},[null,null,null,null,null,null,null],[]]"#);
        let (four, five, six, seven) = (done(4), done(5), done(6), done(7));
        assert_eq!(collected(&[&five, &six]).await, None);
        let unnumbered = five.replace("5,", "");
        for mixed in [
            [&four, &five],
            [&five, &five],
            [&six, &five],
            [&five, &seven],
            [&five, &unnumbered],
        ] {
            let said = mixed.map(String::as_str);
            assert_eq!(collected(&said).await, Some(mixed_up()), "{said:?}");
        }
        let failed = collected(&[&five, r#"["failed",6,3,"no"]"#]).await;
        assert_eq!(failed, Some(Failure::raised(Some(3), "no").at(1)));
    }

    #[test]
    fn values_that_are_neither_text_nor_nothing_are_no_answer() {
        for answer in [
            json!(["done", 0, [1, null, null, null, null, null, null], []]),
            json!(["done", 0, [null, null, null, null, null, null, null], [1]]),
            json!(["done", 0, [null], []]),
        ] {
            assert!(outcome(answer.as_array().unwrap()).is_err(), "{answer}");
        }
    }

    #[tokio::test]
    async fn values_of_every_kind_arrive_as_such() {
        let code = "import datetime\n\
            a = source_attributes\n\
            assert list(a) == ['n', 't', 'b', 'i', 'f', 'w', 'x', 'l', 'bad'], a\n\
            assert a['n'] is None and a['t'] == 'q\"\\u00fc\\n' and a['b'] is True and a['i'] == -7 and a['f'] == 1.5, a\n\
            assert a['w'] == datetime.datetime(2026, 11, 24, 19, 5, tzinfo=datetime.timezone.utc), a\n\
            assert a['x'] == b'\\xff\\xfe' and a['l'] == ['m', 2] and a['bad'] == '2026-13-01 00:00:00+00:00', a\n\
            target_attributes['lastname'] = None\n\
            target_groups.add('G')";
        let Some(mut worker) = worker(code, Duration::from_mins(1)).await else {
            return;
        };
        let mut texts = Texts::default();
        let mut table = Attributes::new(["n", "t", "b", "i", "f", "w", "x", "l", "bad"]);
        let m = Attribute::text(&mut texts, "m");
        let row = [
            Attribute::None,
            Attribute::text(&mut texts, "q\"\u{fc}\n"),
            Attribute::Bool(true),
            Attribute::Int(-7),
            Attribute::Float(1.5),
            Attribute::Time(texts.intern("2026-11-24 19:05:00+00:00")),
            Attribute::Bytes(texts.intern("//4=")),
            table.list(vec![m, Attribute::Int(2)]),
            Attribute::Time(texts.intern("2026-13-01 00:00:00+00:00")),
        ];
        let row = table.push(row);
        let email = texts.intern("a@x.com");
        let given = Given {
            texts: &texts,
            attributes: (&table, row),
            groups: vec!["Painters"],
            values: [email, email, TextId::EMPTY, email, email, email],
            targets: vec!["Photo"],
        };
        let outcomes = worker.run(&[given], &quiet()).await.unwrap();
        let text = || Some("a@x.com".to_owned());
        let expected = Outcome {
            email: text(),
            username: text(),
            domain: None,
            firstname: text(),
            lastname: None,
            country: text(),
            kind: None,
            groups: vec!["G".to_owned(), "Photo".to_owned()],
        };
        assert_eq!(outcomes, [expected]);
    }
}
