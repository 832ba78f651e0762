//! Parsing a batch and telling what came of it, for tests of the form of commands.

use expect_test::Expect;
use roster_umapi::action::{Limits, Syntax, parse};
use roster_umapi::code::{syntax_code, syntax_message};

/// Parses a batch and tells every entry in a line or more.
pub(crate) fn check(body: &str, expected: &Expect) {
    expected.assert_eq(&told(body.as_bytes()));
}

pub(crate) fn told(body: &[u8]) -> String {
    let batch = match parse(body, &Limits::default()) {
        Ok(batch) => batch,
        Err(malformed) => return format!("malformed: {malformed}"),
    };
    let mut lines = Vec::new();
    for (n, entry) in batch.entries.iter().enumerate() {
        match &entry.command {
            Ok(command) => {
                lines.push(format!("{n}: {:?}", command.target));
                for step in &command.steps {
                    let old = step
                        .deprecated
                        .map(|old| format!(" ({old:?})"))
                        .unwrap_or_default();
                    lines.push(format!("   {:?}{old}", step.action));
                }
            }
            Err(problems) => {
                for problem in problems {
                    let (code, message) = (syntax_code(&problem.kind), syntax_message(&problem.kind));
                    lines.push(format!("{n}.{}: {code}: {message}", problem.step));
                }
            }
        }
    }
    lines.join("\n")
}

/// The one problem of a command on a person with this `do`.
pub(crate) fn step_problem(steps: &str) -> (usize, String, String) {
    problem(&format!(r#"[{{"user":"a@b.example","do":{steps}}}]"#))
}

pub(crate) fn group_step_problem(steps: &str) -> (usize, String, String) {
    problem(&format!(r#"[{{"usergroup":"Design","do":{steps}}}]"#))
}

pub(crate) fn problem(body: &str) -> (usize, String, String) {
    let batch = parse(body.as_bytes(), &Limits::default()).unwrap();
    let problems = batch.entries[0].command.as_ref().expect_err(body);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let kind: &Syntax = &problems[0].kind;
    (
        problems[0].step,
        syntax_code(kind).to_owned(),
        syntax_message(kind),
    )
}

/// Each of `bodies` has this code and message at step 0.
pub(crate) fn all(find: fn(&str) -> (usize, String, String), bodies: &[&str], code: &str, message: &str) {
    for body in bodies {
        assert_eq!(find(body), (0, code.to_owned(), message.to_owned()), "{body}");
    }
}
