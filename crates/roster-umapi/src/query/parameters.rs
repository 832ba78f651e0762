//! The query string (umapi.md 2.3): unknown names are ignored, of repeated ones the first counts.

use crate::form;
use crate::request::RequestError;

/// The parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads what stands behind the `?`.
    pub fn parse(query: Option<&str>) -> Self {
        Self(form::parse(query.unwrap_or_default().as_bytes()))
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A switch, `true` or `false` in any letter case. Anything else is refused: a `testOnly` with a slip of the
    /// pen must not change data.
    ///
    /// ```
    /// use roster_umapi::query::parameters::Parameters;
    ///
    /// let parameters = Parameters::parse(Some("directOnly=False&testOnly=yes"));
    /// assert_eq!(parameters.flag("directOnly", true), Ok(false));
    /// assert_eq!(parameters.flag("excludeGroups", false), Ok(false));
    /// assert_eq!(parameters.flag("testOnly", false).unwrap_err().to_string(), "Invalid value for testOnly: yes");
    /// ```
    pub fn flag(&self, name: &'static str, default: bool) -> Result<bool, RequestError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(invalid(name, value)),
        }
    }

    /// `status` of a profile's members: `Some(true)` for those holding a licence, `Some(false)` for those without
    /// one, `None` for everybody.
    pub fn licence(&self) -> Result<Option<bool>, RequestError> {
        match self.get("status") {
            None => Ok(None),
            Some(value) if value.eq_ignore_ascii_case("active") => Ok(Some(true)),
            Some(value) if value.eq_ignore_ascii_case("inactive") => Ok(Some(false)),
            Some(value) => Err(invalid("status", value)),
        }
    }

    /// `page` of the deprecated lists that count from 0.
    pub fn page(&self) -> Result<u64, RequestError> {
        self.get("page").map_or(Ok(0), number)
    }

    /// `page` of the deprecated list that counts from 1 (where 0 means the first page, too), counted from 0.
    pub fn page_from_one(&self) -> Result<u64, RequestError> {
        let page = self.get("page").map_or(Ok(1), number)?;
        Ok(page.saturating_sub(1))
    }
}

/// A non-negative decimal number.
pub fn number(text: &str) -> Result<u64, RequestError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| RequestError::InvalidNumber {
            value: text.to_owned(),
        })
}

fn invalid(name: &'static str, value: &str) -> RequestError {
    RequestError::InvalidValue {
        name,
        value: value.to_owned(),
    }
}
