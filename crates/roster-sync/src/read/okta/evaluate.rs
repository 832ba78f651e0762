//! What the expressions of [`super::predicate`] mean, as Python has it.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::predicate::{ATTRIBUTES, Comparison, Expression};

/// A value while a filter is worked out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    /// An object of Okta's; whether a name that it lacks is an error.
    Object(serde_json::Map<String, Json>),
    User,
    Function(Function),
}

/// Functions that filters may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Len,
    Int,
    Float,
    Str,
    List,
    Map,
    Filter,
    Min,
    Max,
    Sum,
    Sorted,
    Range,
    Enumerate,
    Zip,
    GetAttr,
    HasAttr,
}

impl Function {
    /// Finds one by name.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "len" => Self::Len,
            "int" => Self::Int,
            "float" => Self::Float,
            "str" => Self::Str,
            "list" | "tuple" => Self::List,
            "map" => Self::Map,
            "filter" => Self::Filter,
            "min" => Self::Min,
            "max" => Self::Max,
            "sum" => Self::Sum,
            "sorted" => Self::Sorted,
            "range" => Self::Range,
            "enumerate" => Self::Enumerate,
            "zip" => Self::Zip,
            "getattr" => Self::GetAttr,
            "hasattr" => Self::HasAttr,
            _ => return None,
        })
    }
}

/// Methods of texts that filters may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Lower,
    Upper,
    Strip,
    StartsWith,
    EndsWith,
    Find,
    Split,
    Replace,
}

impl Method {
    /// Finds one by name.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "strip" => Self::Strip,
            "startswith" => Self::StartsWith,
            "endswith" => Self::EndsWith,
            "find" => Self::Find,
            "split" => Self::Split,
            "replace" => Self::Replace,
            _ => return None,
        })
    }
}

/// The longest list that `range` makes.
const LONGEST: i64 = 10_000;

impl Value {
    /// Whether it counts as true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(yes) => *yes,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Object(_) | Self::User | Self::Function(_) => true,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) | Self::User => "an object",
            Self::Function(_) => "a function",
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "Python compares whole numbers with others likewise"
    )]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(yes) => Some(f64::from(u8::from(*yes))),
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.partial_cmp(&b) == Some(Ordering::Equal),
                _ => self == other,
            },
        }
    }

    fn order(&self, other: &Self) -> Result<Ordering, String> {
        let wrong = || format!("{} and {} have no order between them", self.kind(), other.kind());
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Ok(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Ok(a.cmp(b)),
            (Self::List(a), Self::List(b)) => {
                for (a, b) in a.iter().zip(b) {
                    if !a.equals(b) {
                        return a.order(b);
                    }
                }
                Ok(a.len().cmp(&b.len()))
            }
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.partial_cmp(&b).ok_or_else(wrong),
                _ => Err(wrong()),
            },
        }
    }

    fn contains(&self, item: &Self) -> Result<bool, String> {
        match (self, item) {
            (Self::List(items), item) => Ok(items.iter().any(|known| known.equals(item))),
            (Self::Text(text), Self::Text(part)) => Ok(text.contains(part.as_str())),
            (Self::Object(object), Self::Text(name)) => Ok(object.contains_key(name)),
            _ => Err(format!("`in` cannot look for {} in {}", item.kind(), self.kind())),
        }
    }

    fn items(self) -> Result<Vec<Self>, String> {
        match self {
            Self::List(items) => Ok(items),
            Self::Text(text) => Ok(text.chars().map(|c| Self::Text(c.to_string())).collect()),
            other => Err(format!("a list was expected, not {}", other.kind())),
        }
    }

    fn into_text(self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(format!("a text was expected, not {}", other.kind())),
        }
    }
}

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::None,
            Json::Bool(yes) => Self::Bool(*yes),
            Json::Number(number) => number
                .as_i64()
                .map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Int),
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Json::Object(object) => Self::Object(object.clone()),
        }
    }
}

/// What an expression is for somebody.
pub(super) fn value(expression: &Expression, user: &Json) -> Result<Value, String> {
    let of = |expression: &Expression| value(expression, user);
    let list = |items: &[Expression]| items.iter().map(of).collect::<Result<Vec<_>, _>>();
    Ok(match expression {
        Expression::None => Value::None,
        Expression::Bool(yes) => Value::Bool(*yes),
        Expression::Int(number) => Value::Int(*number),
        Expression::Float(number) => Value::Float(*number),
        Expression::Text(text) => Value::Text(text.clone()),
        Expression::List(items) => Value::List(list(items)?),
        Expression::User => Value::User,
        Expression::Function(function) => Value::Function(*function),
        Expression::Attribute(target, name) => {
            let target = of(target)?;
            attribute(&target, name, user)?.ok_or_else(|| {
                format!("`{name}` is not there; `getattr(…, '{name}', None)` copes with that")
            })?
        }
        Expression::Item(target, item) => self::item(&of(target)?, &of(item)?)?,
        Expression::Call(function, arguments) => call(*function, list(arguments)?, user)?,
        Expression::Method(target, method, arguments) => {
            self::method(*method, of(target)?, list(arguments)?)?
        }
        Expression::Not(inner) => Value::Bool(!of(inner)?.is_true()),
        Expression::And(parts) => {
            let mut result = Value::Bool(true);
            for part in parts {
                result = of(part)?;
                if !result.is_true() {
                    break;
                }
            }
            result
        }
        Expression::Or(parts) => {
            let mut result = Value::Bool(false);
            for part in parts {
                result = of(part)?;
                if result.is_true() {
                    break;
                }
            }
            result
        }
        Expression::Compare(first, chain) => {
            let mut left = of(first)?;
            for (how, right) in chain {
                let right = of(right)?;
                if !compare(*how, &left, &right)? {
                    return Ok(Value::Bool(false));
                }
                left = right;
            }
            Value::Bool(true)
        }
    })
}

fn compare(how: Comparison, left: &Value, right: &Value) -> Result<bool, String> {
    Ok(match how {
        Comparison::Equal | Comparison::Is => left.equals(right),
        Comparison::Unequal | Comparison::IsNot => !left.equals(right),
        Comparison::Less => left.order(right)?.is_lt(),
        Comparison::LessOrEqual => left.order(right)?.is_le(),
        Comparison::Greater => left.order(right)?.is_gt(),
        Comparison::GreaterOrEqual => left.order(right)?.is_ge(),
        Comparison::In => right.contains(left)?,
        Comparison::NotIn => !right.contains(left)?,
    })
}

/// An attribute; `None` where there is none of the name. What everybody has counts as there, set or not.
fn attribute(target: &Value, name: &str, user: &Json) -> Result<Option<Value>, String> {
    match target {
        Value::User => Ok(user
            .get(name)
            .map(Value::from)
            .or_else(|| ATTRIBUTES.contains(&name).then_some(Value::None))),
        Value::Object(object) => Ok(object.get(name).map(Value::from)),
        other => Err(format!("{} has no `{name}`", other.kind())),
    }
}

fn item(target: &Value, item: &Value) -> Result<Value, String> {
    let missing = || "an item that is asked for is not there".to_owned();
    let at = |length: usize| {
        let Value::Int(number) = item else { return None };
        let number = if *number < 0 {
            number.checked_add(i64::try_from(length).ok()?)?
        } else {
            *number
        };
        usize::try_from(number).ok()
    };
    match (target, item) {
        (Value::List(items), _) => at(items.len())
            .and_then(|at| items.get(at))
            .cloned()
            .ok_or_else(missing),
        (Value::Text(text), _) => at(text.chars().count())
            .and_then(|at| text.chars().nth(at))
            .map(|c| Value::Text(c.to_string()))
            .ok_or_else(missing),
        (Value::Object(object), Value::Text(name)) => object.get(name).map(Value::from).ok_or_else(missing),
        _ => Err(format!("{} has no items", target.kind())),
    }
}

fn method(method: Method, target: Value, arguments: Vec<Value>) -> Result<Value, String> {
    let text = target.into_text()?;
    let mut arguments = arguments.into_iter();
    let mut texts = Vec::new();
    let wanted = match method {
        Method::Lower | Method::Upper => 0..=0,
        Method::Strip | Method::Split => 0..=1,
        Method::StartsWith | Method::EndsWith | Method::Find => 1..=1,
        Method::Replace => 2..=2,
    };
    // `startswith` and `endswith` take several texts in a list.
    let several = matches!(method, Method::StartsWith | Method::EndsWith);
    if several && let Some(Value::List(items)) = arguments.as_slice().first() {
        texts = items
            .clone()
            .into_iter()
            .map(Value::into_text)
            .collect::<Result<_, _>>()?;
    } else {
        for argument in arguments.by_ref() {
            texts.push(argument.into_text()?);
        }
        if !wanted.contains(&texts.len()) {
            return Err("a method of a text was given too few or too many values".to_owned());
        }
    }
    let first = texts.first().map(String::as_str);
    Ok(match method {
        Method::Lower => Value::Text(text.to_lowercase()),
        Method::Upper => Value::Text(text.to_uppercase()),
        Method::Strip => Value::Text(match first {
            None => text.trim().to_owned(),
            Some(set) => text.trim_matches(|c| set.contains(c)).to_owned(),
        }),
        Method::StartsWith => Value::Bool(texts.iter().any(|start| text.starts_with(start))),
        Method::EndsWith => Value::Bool(texts.iter().any(|end| text.ends_with(end))),
        Method::Find => {
            let before = text
                .split_once(first.unwrap_or_default())
                .map(|(before, _)| before);
            let at = before.map(|before| before.chars().count());
            Value::Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
        }
        Method::Split => {
            let parts: Vec<&str> = match first {
                None => text.split_whitespace().collect(),
                Some("") => return Err("`split` needs something to split at".to_owned()),
                Some(at) => text.split(at).collect(),
            };
            Value::List(
                parts
                    .into_iter()
                    .map(|part| Value::Text(part.to_owned()))
                    .collect(),
            )
        }
        Method::Replace => {
            let with = texts.get(1).map(String::as_str).unwrap_or_default();
            Value::Text(text.replace(first.unwrap_or_default(), with))
        }
    })
}

fn call(function: Function, arguments: Vec<Value>, user: &Json) -> Result<Value, String> {
    let count = arguments.len();
    let mut rest = arguments.into_iter();
    let mut next = || {
        rest.next()
            .ok_or_else(|| "a function was given too few values".to_owned())
    };
    let whole = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    Ok(match function {
        Function::Len => match next()? {
            Value::Text(text) => whole(text.chars().count()),
            Value::List(items) => whole(items.len()),
            Value::Object(object) => whole(object.len()),
            other => return Err(format!("{} has no length", other.kind())),
        },
        Function::Int => match next()? {
            Value::Text(text) => {
                let number = text.trim().parse();
                Value::Int(number.map_err(|_| format!("`{text}` is no whole number"))?)
            }
            Value::Bool(yes) => Value::Int(i64::from(yes)),
            #[expect(clippy::cast_possible_truncation, reason = "cutting off is what `int` is for")]
            Value::Float(number) => Value::Int(number as i64),
            number @ Value::Int(_) => number,
            other => return Err(format!("{} is no number", other.kind())),
        },
        Function::Float => match next()? {
            Value::Text(text) => {
                let number = text.trim().parse();
                Value::Float(number.map_err(|_| format!("`{text}` is no number"))?)
            }
            other => Value::Float(
                other
                    .number()
                    .ok_or_else(|| format!("{} is no number", other.kind()))?,
            ),
        },
        Function::Str => Value::Text(match next()? {
            Value::Text(text) => text,
            Value::None => "None".to_owned(),
            Value::Bool(yes) => if yes { "True" } else { "False" }.to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            other => return Err(format!("`str` of {} is not available", other.kind())),
        }),
        Function::List if count == 0 => Value::List(Vec::new()),
        Function::List => Value::List(next()?.items()?),
        Function::Map | Function::Filter => {
            let by = next()?;
            let items = next()?.items()?;
            let mut found = Vec::new();
            for item in items {
                let result = match (&by, function) {
                    (Value::None, Function::Filter) => item.clone(),
                    (Value::Function(by), _) => call(*by, vec![item.clone()], user)?,
                    _ => return Err("a function was expected".to_owned()),
                };
                if function == Function::Map {
                    found.push(result);
                } else if result.is_true() {
                    found.push(item);
                }
            }
            Value::List(found)
        }
        Function::Min | Function::Max => {
            let mut items = if count == 1 {
                next()?.items()?
            } else {
                rest.collect()
            };
            sort(&mut items)?;
            let found = if function == Function::Min {
                items.first()
            } else {
                items.last()
            };
            found.cloned().ok_or("an empty list has no first and last")?
        }
        Function::Sum => {
            let mut total = Value::Int(0);
            for item in next()?.items()? {
                total = match (&total, &item) {
                    (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
                    _ => match (total.number(), item.number()) {
                        (Some(a), Some(b)) => Value::Float(a + b),
                        _ => return Err("`sum` adds numbers".to_owned()),
                    },
                };
            }
            total
        }
        Function::Sorted => {
            let mut items = next()?.items()?;
            sort(&mut items)?;
            Value::List(items)
        }
        Function::Range => {
            let first = next()?;
            let (from, to) = if count > 1 {
                (first, next()?)
            } else {
                (Value::Int(0), first)
            };
            let (Value::Int(from), Value::Int(to)) = (from, to) else {
                return Err("`range` takes whole numbers".to_owned());
            };
            if to.saturating_sub(from) > LONGEST {
                return Err("`range` is too long".to_owned());
            }
            Value::List((from..to).map(Value::Int).collect())
        }
        Function::Enumerate => {
            let items = next()?.items()?.into_iter().enumerate();
            Value::List(
                items
                    .map(|(at, item)| Value::List(vec![whole(at), item]))
                    .collect(),
            )
        }
        Function::Zip => {
            let (left, right) = (next()?.items()?, next()?.items()?);
            let pairs = left.into_iter().zip(right);
            Value::List(pairs.map(|(a, b)| Value::List(vec![a, b])).collect())
        }
        Function::GetAttr | Function::HasAttr => {
            let (target, name) = (next()?, next()?.into_text()?);
            let found = attribute(&target, &name, user).unwrap_or_default();
            if function == Function::HasAttr {
                Value::Bool(found.is_some())
            } else if let Some(found) = found {
                found
            } else if count > 2 {
                next()?
            } else {
                return Err(format!("`{name}` is not there"));
            }
        }
    })
}

fn sort(items: &mut [Value]) -> Result<(), String> {
    let mut problem = None;
    items.sort_by(|a, b| {
        a.order(b).unwrap_or_else(|why| {
            problem = Some(why);
            Ordering::Equal
        })
    });
    problem.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::read::okta::predicate::Predicate;

    fn fits(text: &str) -> Result<bool, String> {
        let user = json!({
            "id": "00u1", "status": "ACTIVE", "lastLogin": null,
            "credentials": {"provider": {"type": "OKTA"}},
            "profile": {"login": "Ada@Corp.example", "level": 7, "tags": ["a", "b"], "manager": null}
        });
        Predicate::parse(text).unwrap().fits(&user)
    }

    #[test]
    fn filters_mean_what_python_says() {
        for yes in [
            "user.status == \"ACTIVE\"",
            "user.status in ['ACTIVE', 'PASSWORD_EXPIRED']",
            "user.status != 'DEPROVISIONED' and user.profile.level >= 5",
            "not user.lastLogin",
            "user.activated is None",
            "user.status is not None",
            "user.profile.login.lower().endswith('@corp.example')",
            "user.profile.login.endswith(('@a.example', '@Corp.example'))",
            "user.credentials.provider.type == 'OKTA'",
            "user.profile['level'] == 7",
            "1 < user.profile.level <= 7",
            "'b' in user.profile.tags and 'c' not in user.profile.tags",
            "getattr(user.profile, 'department', 'none') == 'none'",
            "hasattr(user.profile, 'level') and not hasattr(user.profile, 'x')",
            "len(user.profile.login.split('@')) == 2",
            "user.profile.login.split('@')[-1].startswith('Corp')",
            "user.profile.login.find('@') == 3",
            "max(1, 2) == 2 and min([3, 4]) == 3 and sum([1, 2]) == 3",
            "sorted(['b', 'a']) == ['a', 'b']",
            "list(map(str, range(2))) == ('0', '1')",
            "False or 'x'",
            "True == 1 and 1.0 == 1",
            "user.profile.login.strip().replace('Ada', 'x').upper() == 'X@CORP.EXAMPLE'",
            "int('7') == user.profile.level and float('0.5') == 0.5",
            "list(filter(None, ['', 'a'])) == ['a']",
            "list(zip([1], [2]))[0] == (1, 2) and list(enumerate('a')) == [(0, 'a')]",
        ] {
            assert_eq!(fits(yes), Ok(true), "{yes}");
        }
        for no in [
            "user.status == 'active'",
            "user.profile.level < 7",
            "user.profile.manager",
            "'x' == 1",
            "not not ''",
            "-1 > 0",
        ] {
            assert_eq!(fits(no), Ok(false), "{no}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_an_error_not_a_no() {
        for (text, why) in [
            ("user.profile.department == 'x'", "`department` is not there"),
            ("user.profile.level < 'x'", "no order"),
            (
                "user.profile.manager.lower() == 'x'",
                "a text was expected, not None",
            ),
            ("user.profile.tags[5] == 'x'", "is not there"),
            ("3 in 'x'", "cannot look for a number"),
            ("len(3)", "no length"),
            ("range(1000000)", "too long"),
            ("int('x')", "no whole number"),
        ] {
            let said = fits(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
