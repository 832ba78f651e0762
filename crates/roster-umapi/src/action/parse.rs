//! A body to entries: the batch, the root of each command, and the order of its steps.
//!
//! Order of checks of a command, the first problem being the one that is told:
//!
//! 1. it is an object, with no unknown and no repeated key;
//! 2. it has one root, which is a text that is not blank and not too long;
//! 3. `requestID`, `domain`, `useAdobeID`;
//! 4. `do` is an array of not too many steps;
//! 5. each step by itself: its form, its name, its place, its value, keys in the order sent. Every step that is
//!    wrong is told, with one problem each.

use roster_core::command::{Action, Command, Deprecated, Step, Target};
use roster_core::refusal::StepWarning;

use super::fields::{MAX_TEXT, Stray, limited, longer_than, slots};
use super::group_steps::GroupStep;
use super::steps::{Read, UserStep, domain};
use super::syntax::{Syntax, SyntaxError};
use super::tree::{Field, Node, read_array};
use super::{Batch, Entry, Limits, Malformed};

/// Reads the body of an action request.
pub fn parse(body: &[u8], limits: &Limits) -> Result<Batch, Malformed> {
    if body.len() > limits.max_body {
        return Err(Malformed::TooLarge { max: limits.max_body });
    }
    match body.trim_ascii_start().first() {
        None => return Err(Malformed::Empty),
        Some(b'[') => {}
        Some(_) => return Err(not_an_array(body)),
    }
    let commands =
        read_array(body, limits.max_commands).map_err(|error| Malformed::NotJson(error.to_string()))?;
    if commands.count == 0 {
        return Err(Malformed::NoCommands);
    }
    if commands.count > limits.max_commands {
        return Err(Malformed::TooManyCommands {
            max: limits.max_commands,
        });
    }
    Ok(Batch {
        entries: commands.first.iter().map(|node| entry(node, limits)).collect(),
    })
}

/// Says whether a body that is no array is JSON at all.
fn not_an_array(body: &[u8]) -> Malformed {
    match super::tree::read(body) {
        Ok(_) => Malformed::NotAnArray,
        Err(error) => Malformed::NotJson(error.to_string()),
    }
}

fn entry(node: &Node<'_>, limits: &Limits) -> Entry {
    let mut entry = read(node, limits);
    let mut text = Vec::new();
    match entry.command {
        Ok(_) => node.write(&mut text),
        Err(_) if node.fields().is_some() => node.write_known(&KNOWN, &mut text),
        Err(_) => node.write_known(&[], &mut text),
    }
    entry.text = String::from_utf8_lossy(&text).into_owned();
    entry
}

/// An entry whose text is still to be written.
fn read(node: &Node<'_>, limits: &Limits) -> Entry {
    let text = String::new();
    let Some(fields) = node.fields() else {
        let problem = Syntax::IllegalEntry {
            what: "a command must be an object".to_owned(),
        };
        return Entry {
            request_id: None,
            label: None,
            command: Err(vec![problem.at(0)]),
            text,
            spellings: Vec::new(),
        };
    };
    let root = Root::of(fields);
    let mut spellings = Vec::new();
    let command = if node.holds_nul() {
        let what = "a text holds U+0000".to_owned();
        Err(vec![Syntax::IllegalEntry { what }.at(0)])
    } else {
        root.command(limits, &mut spellings)
    };
    Entry {
        request_id: text_of(root.request_id).filter(|id| !id.is_empty()),
        label: text_of(root.user).or_else(|| text_of(root.usergroup)),
        command,
        text,
        spellings,
    }
}

/// Every key that a command may hold: what stands under others is not kept.
const KNOWN: [&str; 38] = [
    "user",
    "usergroup",
    "do",
    "requestID",
    "domain",
    "useAdobeID",
    "addAdobeID",
    "createEnterpriseID",
    "addEnterpriseID",
    "createFederatedID",
    "update",
    "add",
    "remove",
    "removeFromOrg",
    "addRoles",
    "removeRoles",
    "removeFromDomain",
    "resetPassword",
    "createUserGroup",
    "updateUserGroup",
    "deleteUserGroup",
    "email",
    "username",
    "firstname",
    "lastname",
    "country",
    "option",
    "group",
    "product",
    "productConfiguration",
    "users",
    "admin",
    "productAdmin",
    "deleteAccount",
    "removedDomain",
    "name",
    "description",
    "roles",
];

fn text_of(node: Option<&Node<'_>>) -> Option<String> {
    node.and_then(Node::text).map(str::to_owned)
}

/// The keys of a command.
struct Root<'n, 'a> {
    user: Option<&'n Node<'a>>,
    usergroup: Option<&'n Node<'a>>,
    steps: Option<&'n Node<'a>>,
    request_id: Option<&'n Node<'a>>,
    domain: Option<&'n Node<'a>>,
    use_adobe_id: Option<&'n Node<'a>>,
    stray: Option<Stray<'n>>,
}

impl<'n, 'a> Root<'n, 'a> {
    fn of(fields: &'n [Field<'a>]) -> Self {
        let keys = ["user", "usergroup", "do", "requestID", "domain", "useAdobeID"];
        let ([user, usergroup, steps, request_id, domain, use_adobe_id], stray) = slots(fields, keys);
        Self {
            user,
            usergroup,
            steps,
            request_id,
            domain,
            use_adobe_id,
            stray,
        }
    }

    fn command(
        &self,
        limits: &Limits,
        spellings: &mut Vec<StepWarning>,
    ) -> Result<Command, Vec<SyntaxError>> {
        let whole = |problem: Syntax| vec![problem.at(0)];
        let target = self.target().map_err(whole)?;
        let steps = self.list_of_steps(limits).map_err(whole)?;
        let steps = match target {
            Target::User { .. } => read_steps::<UserStep>(steps, limits, spellings),
            Target::UserGroup { .. } => read_steps::<GroupStep>(steps, limits, spellings),
        }?;
        Ok(Command { target, steps })
    }

    fn target(&self) -> Result<Target, Syntax> {
        if let Some(stray) = &self.stray {
            return Err(stray.illegal());
        }
        let target = match (self.user, self.usergroup) {
            (None, None) => return Err(Syntax::RootMissing),
            (Some(_), Some(_)) => {
                return Err(Syntax::IllegalEntry {
                    what: "both user and usergroup".to_owned(),
                });
            }
            (Some(user), None) => {
                let user = root_text(user, "user", Syntax::UserMissing)?;
                let user = limited(Some(user), "user", MAX_TEXT)?.unwrap_or_default();
                Target::User {
                    user,
                    domain: None,
                    use_adobe_id: false,
                }
            }
            // No limit here: what a name that is too long means depends on the step, and is a rule.
            (None, Some(name)) => Target::UserGroup {
                name: root_text(name, "usergroup", Syntax::RootMissing)?,
            },
        };
        self.check_request_id()?;
        let domain = domain(self.domain, "domain")?;
        let use_adobe_id = self.use_adobe_id()?;
        match target {
            Target::User { user, .. } => Ok(Target::User {
                user,
                domain,
                use_adobe_id: use_adobe_id.unwrap_or(false),
            }),
            Target::UserGroup { .. } if domain.is_some() => Err(Stray::Unknown("domain").illegal()),
            Target::UserGroup { .. } if use_adobe_id.is_some() => Err(Stray::Unknown("useAdobeID").illegal()),
            Target::UserGroup { name } => Ok(Target::UserGroup { name }),
        }
    }

    /// The request id is echoed as it is, blanks and all.
    fn check_request_id(&self) -> Result<(), Syntax> {
        match self.request_id {
            Some(Node::Text(id)) if longer_than(id, MAX_TEXT) => Err(Syntax::TooLong {
                field: "requestID",
                max: MAX_TEXT,
            }),
            None | Some(Node::Null | Node::Text(_)) => Ok(()),
            Some(_) => Err(Syntax::StringExpected { field: "requestID" }),
        }
    }

    fn use_adobe_id(&self) -> Result<Option<bool>, Syntax> {
        match self.use_adobe_id {
            None | Some(Node::Null) => Ok(None),
            Some(Node::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(Syntax::BooleanExpected { field: "useAdobeID" }),
        }
    }

    fn list_of_steps(&self, limits: &Limits) -> Result<&'n [Node<'a>], Syntax> {
        match self.steps {
            Some(Node::List(steps)) if steps.len() > limits.max_steps => Err(Syntax::TooManySteps {
                max: limits.max_steps,
            }),
            Some(Node::List(steps)) => Ok(steps),
            _ => Err(Syntax::StepsMalformed),
        }
    }
}

/// A root value, trimmed and not blank.
fn root_text(node: &Node<'_>, field: &'static str, missing: Syntax) -> Result<String, Syntax> {
    match node {
        Node::Null => Err(missing),
        Node::Text(text) => match text.trim() {
            "" => Err(missing),
            text => Ok(text.to_owned()),
        },
        _ => Err(Syntax::StringExpected { field }),
    }
}

/// The steps of one root, by their names on the wire.
pub(super) trait StepKind: Copy {
    fn named(name: &str) -> Option<Self>;
    /// Whether it must be the first step, and the only one of its kind.
    fn creates(self) -> bool;
    /// Its name, if no step may come after it.
    fn must_be_last(self) -> Option<&'static str>;
    fn read(self, value: &Node<'_>, limits: &Limits) -> Result<Read, Syntax>;
}

/// Reads the steps one by one; what a name means, and how the value is read, depends on the root.
fn read_steps<S: StepKind>(
    steps: &[Node<'_>],
    limits: &Limits,
    spellings: &mut Vec<StepWarning>,
) -> Result<Vec<Step>, Vec<SyntaxError>> {
    let mut actions = Vec::with_capacity(steps.len());
    let mut problems = Vec::new();
    let mut created = false;
    for (n, node) in steps.iter().enumerate() {
        let action = single_key(node).and_then(|(name, value)| {
            let step = S::named(name).ok_or_else(|| Syntax::StepUnknown {
                name: name.to_owned(),
            })?;
            if step.creates() {
                check_place_of_create(n, &mut created)?;
            }
            if let Some(step) = step.must_be_last().filter(|_| n + 1 < steps.len()) {
                return Err(Syntax::NotLast { step });
            }
            step.read(value, limits)
        });
        match action {
            Ok((action, deprecated)) => {
                actions.push(step_of(action, &deprecated));
                let of_step = |warning| StepWarning { step: n, warning };
                spellings.extend(deprecated.into_iter().map(of_step));
            }
            Err(problem) => problems.push(problem.at(n)),
        }
    }
    if problems.is_empty() {
        Ok(actions)
    } else {
        Err(problems)
    }
}

fn step_of(action: Action, deprecated: &[Deprecated]) -> Step {
    Step {
        action,
        deprecated: deprecated.first().copied(),
    }
}

fn check_place_of_create(n: usize, created: &mut bool) -> Result<(), Syntax> {
    if std::mem::replace(created, true) {
        Err(Syntax::CreateMoreThanOne)
    } else if n > 0 {
        Err(Syntax::CreateNotFirst)
    } else {
        Ok(())
    }
}

/// The name and the value of a step.
fn single_key<'n, 'a>(node: &'n Node<'a>) -> Result<(&'n str, &'n Node<'a>), Syntax> {
    match node.fields() {
        Some([(name, value)]) => Ok((name, value)),
        Some(fields) => Err(Syntax::IllegalEntry {
            what: format!("a step must have exactly one key, not {}", fields.len()),
        }),
        None => Err(Syntax::IllegalEntry {
            what: "a step must be an object".to_owned(),
        }),
    }
}
