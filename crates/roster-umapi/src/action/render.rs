//! What became of a batch, as the body of the answer (umapi.md 4.3).

use roster_core::decide::{Mode, Outcome};
use roster_core::refusal::{Refusal, StepRefusal, StepWarning};

use super::{Batch, Entry, SyntaxError};
use crate::code;
use crate::json::{List, Object};

/// Writes the answer to a batch.
///
/// `outcomes` are those of [`Batch::commands`], in that order. One that is missing counts as a failure inside:
/// a client that reads no error takes its command as done.
///
/// ```
/// use roster_core::decide::{Mode, Outcome};
/// use roster_umapi::action;
///
/// let body = br#"[{"user": "ana@example.com", "do": [{"removeFromOrg": {}}]}]"#;
/// let batch = action::parse(body, &action::Limits::default()).unwrap();
/// assert_eq!(
///     action::render(&batch, &[Outcome::default()], Mode::Live),
///     br#"{"completed":1,"notCompleted":0,"completedInTestMode":0,"result":"success"}"#,
/// );
/// ```
pub fn render(batch: &Batch, outcomes: &[Outcome], mode: Mode) -> Vec<u8> {
    let lost = Outcome {
        refusals: vec![StepRefusal {
            step: 0,
            refusal: Refusal::OutsideScope {
                what: "the command was not decided".to_owned(),
            },
        }],
        ..Outcome::default()
    };
    let mut outcomes = outcomes.iter();
    let verdicts: Vec<Verdict<'_>> = (0..)
        .zip(&batch.entries)
        .map(|(index, entry)| Verdict {
            index,
            entry,
            answer: match &entry.command {
                Ok(_) => Ok(outcomes.next().unwrap_or(&lost)),
                Err(problems) => Err(problems),
            },
        })
        .collect();
    let failed = verdicts.iter().filter(|verdict| verdict.failed()).count();
    let done = verdicts.len() - failed;
    let (completed, rehearsed) = match mode {
        Mode::Live => (done, 0),
        Mode::TestOnly => (0, done),
    };
    let result = match (done, failed) {
        (_, 0) => "success",
        (0, _) => "error",
        _ => "partial",
    };

    let mut out = Vec::with_capacity(128);
    let mut body = Object::begin(&mut out);
    body.number("completed", completed);
    body.number("notCompleted", failed);
    body.number("completedInTestMode", rehearsed);
    body.text("result", result);
    // Absent when there are none: umapi-client reads an empty array as failures it cannot attribute.
    if failed > 0 {
        let mut errors = List::begin(body.key("errors"));
        for verdict in &verdicts {
            verdict.write_errors(&mut errors);
        }
        errors.end();
    }
    if verdicts.iter().any(|verdict| verdict.warnings().next().is_some()) {
        let mut warnings = List::begin(body.key("warnings"));
        for verdict in &verdicts {
            verdict.write_warnings(&mut warnings);
        }
        warnings.end();
    }
    body.end();
    out
}

/// An entry and the answer to it.
struct Verdict<'a> {
    index: usize,
    entry: &'a Entry,
    answer: Result<&'a Outcome, &'a [SyntaxError]>,
}

impl Verdict<'_> {
    fn failed(&self) -> bool {
        match self.answer {
            Ok(outcome) => !outcome.refusals.is_empty(),
            Err(_) => true,
        }
    }

    /// The warnings of the steps that were begun: core says which steps, the entry knows all their spellings.
    fn warnings(&self) -> impl Iterator<Item = StepWarning> {
        let begun = self.answer.map_or(&[][..], |outcome| &outcome.warnings);
        let spelled = &self.entry.spellings;
        begun.iter().flat_map(move |warning| {
            let known = spelled.iter().filter(|spelling| spelling.step == warning.step);
            let unknown = !spelled.iter().any(|spelling| spelling.step == warning.step);
            known.chain(unknown.then_some(warning)).copied()
        })
    }

    fn write_errors(&self, errors: &mut List<'_>) {
        match self.answer {
            Ok(outcome) => {
                for met in &outcome.refusals {
                    let (code, message) = (code::code(&met.refusal), code::message(&met.refusal));
                    self.write_error(errors.item(), met.step, code, &message);
                }
            }
            Err(problems) => {
                for problem in problems {
                    let (code, message) = (
                        code::syntax_code(&problem.kind),
                        code::syntax_message(&problem.kind),
                    );
                    self.write_error(errors.item(), problem.step, code, &message);
                }
            }
        }
    }

    fn write_error(&self, out: &mut Vec<u8>, step: usize, code: &str, message: &str) {
        let mut error = Object::begin(out);
        error.number("index", self.index);
        error.number("step", step);
        error.text_unless_empty("requestID", self.entry.request_id.as_deref());
        error.text("message", message);
        error.text_unless_empty("user", self.entry.label.as_deref());
        error.text("errorCode", code);
        error.end();
    }

    fn write_warnings(&self, warnings: &mut List<'_>) {
        for warning in self.warnings() {
            let mut object = Object::begin(warnings.item());
            object.text("warningCode", code::warning_code(warning.warning));
            object.text_unless_empty("requestID", self.entry.request_id.as_deref());
            object.number("index", self.index);
            object.number("step", warning.step);
            object.text("message", code::warning_message(warning.warning));
            object.text_unless_empty("user", self.entry.label.as_deref());
            object.end();
        }
    }
}
