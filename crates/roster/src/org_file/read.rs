//! From the tree to values. Every reader takes what it can and notes what is wrong.

use roster_core::decide::console::Appointment;
use roster_core::describe::{
    Description, DirectoryDescription, DomainDescription, ProductDescription, ProfileDescription,
    UserGroupDescription,
};
use roster_core::value::{IdentityType, Key, Login, OrgState, Status, is_email, parse_org_id};

use super::yaml::{Node, Problem, Value, nearest, parse};
use super::{AccountEntry, AdministratorEntry, IntegrationEntry, OrgEntry, OrgFile, Secret, SecretSource};

/// Reads a file's text, or lists everything that is wrong with it, in the order of lines.
pub(crate) fn read(text: &str) -> Result<OrgFile, Vec<Problem>> {
    let root = parse(text).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let mut top = Fields::of(&root, "the file", &["organizations"], &mut problems);
    let organizations = top.list("organizations", organization);
    if root.get("organizations").is_none() {
        top.problems.push(Problem {
            at: root.at,
            message: "the key `organizations` is missing".to_owned(),
        });
    }
    if problems.is_empty() {
        Ok(OrgFile { organizations, root })
    } else {
        problems.sort();
        problems.dedup();
        Err(problems)
    }
}

/// A mapping being read.
struct Fields<'a, 'p> {
    node: &'a Node,
    problems: &'p mut Vec<Problem>,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// Notes keys that are unknown or stand twice, and values that are no mapping at all.
    fn of(node: &'a Node, what: &str, known: &[&str], problems: &'p mut Vec<Problem>) -> Self {
        match &node.value {
            Value::Map(entries) => {
                let mut seen = Vec::new();
                for (key, _) in entries {
                    let name = key.text().unwrap_or_default();
                    if seen.contains(&name) {
                        problems.push(Problem {
                            at: key.at,
                            message: format!("the key `{name}` stands twice"),
                        });
                    } else if !known.contains(&name) {
                        let hint = match nearest(name, known) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("known are {}", known.join(", ")),
                        };
                        problems.push(Problem {
                            at: key.at,
                            message: format!("unknown key `{name}` in {what}; {hint}"),
                        });
                    }
                    seen.push(name);
                }
            }
            _ => problems.push(Problem {
                at: node.at,
                message: format!("{what} is a mapping, not {}", node.what()),
            }),
        }
        Self { node, problems }
    }

    fn get(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key).filter(|node| !node.is_null())
    }

    fn wrong(&mut self, node: &Node, message: String) {
        self.problems.push(Problem { at: node.at, message });
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let node = self.get(key)?;
        if let Some(text) = node.text() {
            return Some(text.trim().to_owned());
        }
        self.wrong(node, format!("`{key}` is a text, not {}", node.what()));
        None
    }

    /// A text that may begin or end with white space, where it stands in quotes.
    fn exact(&mut self, key: &str) -> Option<String> {
        match self.get(key).map(|node| &node.value) {
            Some(Value::Scalar {
                text, exact: true, ..
            }) => Some(text.clone()),
            _ => self.text(key),
        }
    }

    fn required(&mut self, key: &str, what: &str) -> String {
        let text = self.text(key).unwrap_or_default();
        if text.is_empty()
            && self
                .node
                .get(key)
                .is_none_or(|node| node.is_null() || node.text() == Some(""))
        {
            let node = self.node;
            self.wrong(node, format!("{what} has no `{key}`"));
        }
        text
    }

    fn word<T>(&mut self, key: &str, parse: impl Fn(&str) -> Option<T>, known: &str) -> Option<T> {
        let node = self.get(key)?;
        let parsed = node.text().and_then(parse);
        if parsed.is_none() {
            self.wrong(node, format!("`{key}` is one of {known}, not {}", node.what()));
        }
        parsed
    }

    fn truth(&mut self, key: &str) -> Option<bool> {
        self.word(key, truth, "true, false")
    }

    fn quota(&mut self, key: &str) -> Option<i64> {
        let node = self.get(key)?;
        if node
            .text()
            .is_some_and(|text| text.eq_ignore_ascii_case("unlimited"))
        {
            return None;
        }
        let number = node
            .text()
            .and_then(|text| text.replace('_', "").parse().ok())
            .filter(|n: &i64| *n >= 0);
        if number.is_none() {
            self.wrong(
                node,
                format!(
                    "`{key}` is a number of seats from 0 on, or absent for unlimited; not {}",
                    node.what()
                ),
            );
        }
        number
    }

    fn items(&mut self, key: &str) -> &'a [Node] {
        match self.get(key).map(|node| (node, &node.value)) {
            None => &[],
            Some((_, Value::List(items))) => items,
            Some((node, _)) => {
                self.wrong(node, format!("`{key}` is a list, not {}", node.what()));
                &[]
            }
        }
    }

    fn list<T>(&mut self, key: &str, read: impl Fn(&'a Node, &mut Vec<Problem>) -> T) -> Vec<T> {
        let items = self.items(key);
        items.iter().map(|node| read(node, self.problems)).collect()
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        self.placed_texts(key).into_iter().map(|(_, text)| text).collect()
    }

    fn placed_texts(&mut self, key: &str) -> Vec<(super::At, String)> {
        let mut texts = Vec::new();
        for node in self.items(key) {
            match node.text() {
                Some(text) => texts.push((node.at, text.trim().to_owned())),
                None => self.wrong(
                    node,
                    format!("an entry of `{key}` is a text, not {}", node.what()),
                ),
            }
        }
        texts
    }

    fn ids(&mut self, key: &str) -> Vec<String> {
        for node in self.items(key) {
            if node
                .text()
                .is_some_and(|text| parse_org_id(text.trim()).is_none())
            {
                self.wrong(
                    node,
                    format!(
                        "{} is no organization id (letters and digits, then @AdobeOrg)",
                        node.what()
                    ),
                );
            }
        }
        self.texts(key)
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

const ORGANIZATION: &[&str] = &[
    "id",
    "name",
    "state",
    "identity_types",
    "directories",
    "products",
    "user_groups",
    "integrations",
    "administrators",
    "accounts",
    "contract_admins",
];

fn organization(node: &Node, problems: &mut Vec<Problem>) -> OrgEntry {
    let mut fields = Fields::of(node, "an organization", ORGANIZATION, problems);
    let id = fields.text("id");
    if let (Some(id), Some(at)) = (&id, fields.get("id"))
        && parse_org_id(id).is_none()
    {
        fields.wrong(
            at,
            format!("`{id}` is no organization id (up to 64 letters and digits, then @AdobeOrg)"),
        );
    }
    let description = Description {
        id,
        name: fields.required("name", "the organization"),
        state: fields
            .word("state", OrgState::parse, "active, migrating")
            .unwrap_or_default(),
        identity_types: identity_types(&mut fields),
        directories: fields.list("directories", directory),
        products: fields.list("products", product),
        user_groups: fields.list("user_groups", user_group),
        contract_admins: fields.texts("contract_admins"),
    };
    let integrations = fields.list("integrations", integration);
    let administrators = fields.list("administrators", administrator);
    let accounts = fields.list("accounts", account);
    OrgEntry {
        description,
        integrations,
        administrators,
        accounts: accounts.into_iter().flatten().collect(),
    }
}

fn identity_type(text: &str) -> Option<IdentityType> {
    match text.trim().to_ascii_lowercase().as_str() {
        "adobeid" | "adobe" => Some(IdentityType::AdobeId),
        "enterpriseid" | "enterprise" => Some(IdentityType::Enterprise),
        "federatedid" | "federated" => Some(IdentityType::Federated),
        _ => None,
    }
}

fn identity_types(fields: &mut Fields<'_, '_>) -> Vec<IdentityType> {
    let all = vec![
        IdentityType::AdobeId,
        IdentityType::Enterprise,
        IdentityType::Federated,
    ];
    if fields.get("identity_types").is_none() {
        return all;
    }
    let mut types = Vec::new();
    for node in fields.items("identity_types") {
        match node.text().and_then(identity_type) {
            Some(kind) => types.push(kind),
            None => fields.wrong(
                node,
                format!(
                    "an identity type is adobeID, enterpriseID or federatedID, not {}",
                    node.what()
                ),
            ),
        }
    }
    // One order, so that the same file in another order changes nothing.
    all.into_iter().filter(|kind| types.contains(kind)).collect()
}

fn directory(node: &Node, problems: &mut Vec<Problem>) -> DirectoryDescription {
    let known = &["name", "type", "login", "synced", "domains", "trustees"];
    let mut fields = Fields::of(node, "a directory", known, problems);
    let kind = fields.word(
        "type",
        |text| identity_type(text).filter(|kind| *kind != IdentityType::AdobeId),
        "federated, enterprise",
    );
    if fields.get("type").is_none() {
        fields.wrong(
            node,
            "the directory has no `type` (federated or enterprise)".to_owned(),
        );
    }
    DirectoryDescription {
        name: fields.required("name", "the directory"),
        kind: kind.unwrap_or(IdentityType::Federated),
        login: fields
            .word("login", Login::parse, "any, email, username")
            .unwrap_or_default(),
        synced: fields.truth("synced").unwrap_or_default(),
        domains: fields.list("domains", domain),
        trustees: fields.ids("trustees"),
    }
}

fn domain(node: &Node, problems: &mut Vec<Problem>) -> DomainDescription {
    let (name, restrict_adobe_ids) = match &node.value {
        Value::Map(_) => {
            let mut fields = Fields::of(node, "a domain", &["name", "restrict_adobe_ids"], problems);
            (
                fields.required("name", "the domain"),
                fields.truth("restrict_adobe_ids").unwrap_or_default(),
            )
        }
        _ => (node.text().unwrap_or_default().to_owned(), false),
    };
    if !is_email(&format!("x@{}", name.trim())) {
        problems.push(Problem {
            at: node.at,
            message: format!("`{name}` is no domain name (such as example.com)"),
        });
    }
    DomainDescription {
        name: Key::new(&name),
        restrict_adobe_ids,
    }
}

fn product(node: &Node, problems: &mut Vec<Problem>) -> ProductDescription {
    let mut fields = Fields::of(
        node,
        "a product",
        &["name", "code", "quota", "profiles"],
        problems,
    );
    ProductDescription {
        name: fields.required("name", "the product"),
        code: fields.text("code").unwrap_or_default(),
        quota: fields.quota("quota"),
        profiles: fields.list("profiles", profile),
    }
}

fn profile(node: &Node, problems: &mut Vec<Problem>) -> ProfileDescription {
    let mut fields = Fields::of(node, "a profile", &["name", "quota"], problems);
    ProfileDescription {
        name: fields.required("name", "the profile"),
        quota: fields.quota("quota"),
    }
}

fn user_group(node: &Node, problems: &mut Vec<Problem>) -> UserGroupDescription {
    let known = &["name", "description", "profiles", "shared_with"];
    let mut fields = Fields::of(node, "a user group", known, problems);
    UserGroupDescription {
        name: fields.required("name", "the user group"),
        description: fields.exact("description"),
        profiles: fields.texts("profiles"),
        shared_with: fields.ids("shared_with"),
    }
}

const INTEGRATION: &[&str] = &[
    "name",
    "type",
    "types",
    "enabled",
    "client_id",
    "client_secret",
    "certificates",
    "technical_account_id",
    "scopes",
    "require_jti",
];

fn integration(node: &Node, problems: &mut Vec<Problem>) -> IntegrationEntry {
    let mut fields = Fields::of(node, "an integration", INTEGRATION, problems);
    let mut types = fields.texts("types");
    types.extend(fields.text("type"));
    for word in &types {
        if !matches!(word.as_str(), "oauth" | "jwt") {
            fields.wrong(
                node,
                format!("an integration's types are oauth and jwt, not `{word}`"),
            );
        }
    }
    if types.is_empty() {
        fields.wrong(
            node,
            "the integration has no `types` (oauth, jwt or both)".to_owned(),
        );
    }
    let client_id = fields.text("client_id");
    if client_id
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > 250 || !id.bytes().all(|b| b.is_ascii_graphic()))
    {
        fields.wrong(
            node,
            "a `client_id` is 1 to 250 visible ASCII characters".to_owned(),
        );
    }
    let client_secret = secret(&mut fields, "client_secret");
    if let Some(super::SecretSource::Text(text)) = client_secret.as_ref().map(|secret| &secret.source)
        && !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    {
        // Scripts paste secrets into forms and addresses without escaping them.
        fields.wrong(
            node,
            "a `client_secret` holds letters, digits, `-` and `_` only".to_owned(),
        );
    }
    let technical_account_id = fields.text("technical_account_id");
    if technical_account_id
        .as_ref()
        .is_some_and(|id| !id.to_ascii_lowercase().ends_with("@techacct.adobe.com"))
    {
        fields.wrong(
            node,
            "a `technical_account_id` ends in @techacct.adobe.com".to_owned(),
        );
    }
    IntegrationEntry {
        at: node.at,
        name: fields.required("name", "the integration"),
        oauth: types.iter().any(|word| word == "oauth"),
        jwt: types.iter().any(|word| word == "jwt"),
        enabled: fields.truth("enabled").unwrap_or(true),
        client_id,
        client_secret,
        certificates: fields.placed_texts("certificates"),
        technical_account_id,
        scopes: fields.get("scopes").is_some().then(|| fields.texts("scopes")),
        require_jti: fields.truth("require_jti").unwrap_or_default(),
    }
}

fn secret(fields: &mut Fields<'_, '_>, key: &str) -> Option<Secret> {
    let node = fields.get(key)?;
    let source = match &node.value {
        Value::Scalar { text, .. } => SecretSource::Text(text.clone()),
        Value::Map(entries) => {
            let [(name, value)] = entries.as_slice() else {
                fields.wrong(
                    node,
                    format!("`{key}` is a text, {{env: NAME}} or {{file: NAME}}: one of them"),
                );
                return None;
            };
            match (name.text(), value.text()) {
                (Some("env"), Some(variable)) => SecretSource::Env(variable.to_owned()),
                (Some("file"), Some(file)) => SecretSource::File(file.to_owned()),
                _ => {
                    fields.wrong(
                        node,
                        format!("`{key}` is a text, {{env: NAME}} or {{file: NAME}}"),
                    );
                    return None;
                }
            }
        }
        Value::List(_) => {
            fields.wrong(
                node,
                format!("`{key}` is a text, {{env: NAME}} or {{file: NAME}}, not a list"),
            );
            return None;
        }
    };
    Some(Secret { at: node.at, source })
}

fn administrator(node: &Node, problems: &mut Vec<Problem>) -> AdministratorEntry {
    let mut fields = Fields::of(
        node,
        "an administrator",
        &["email", "roles", "password"],
        problems,
    );
    let email = email(&mut fields, node, "the administrator");
    let roles = fields.texts("roles");
    if roles.is_empty() {
        fields.wrong(
            node,
            "the administrator has no `roles` (system, support, deployment, or an admin group's name)"
                .to_owned(),
        );
    }
    let password = secret(&mut fields, "password");
    AdministratorEntry {
        at: node.at,
        appointment: Appointment { email, roles },
        password,
    }
}

fn email(fields: &mut Fields<'_, '_>, node: &Node, what: &str) -> String {
    let email = fields.required("email", what);
    if !email.is_empty() && !is_email(&email) {
        fields.wrong(node, format!("`{email}` is no e-mail address"));
    }
    email
}

fn account(node: &Node, problems: &mut Vec<Problem>) -> Option<AccountEntry> {
    let mut fields = Fields::of(node, "an account", &["email", "status"], problems);
    let email = email(&mut fields, node, "the account");
    let status = fields.word("status", Status::parse, "active, disabled, locked");
    if fields.get("status").is_none() {
        fields.wrong(
            node,
            "the account has no `status` (active, disabled or locked)".to_owned(),
        );
    }
    Some(AccountEntry {
        at: node.at,
        email,
        status: status?,
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn all_problems_are_listed_with_their_lines() {
        let text = "organizations:\n  - nmae: Acme\n    directories:\n      - name: SSO\n        type: feddy\n        domains: [example]\n    products:\n      - name: Photo\n        quota: many\n    integrations:\n      - name: sync\n        client_secret: [a]\n";
        let problems = read(text).unwrap_err();
        let said: Vec<String> = problems
            .iter()
            .map(|p| format!("{}:{} {}", p.at.line, p.at.column, p.message))
            .collect();
        let all = said.join("\n");
        for part in [
            "2:5 the organization has no `name`",
            "2:5 unknown key `nmae` in an organization; did you mean `name`?",
            "5:15 `type` is one of federated, enterprise, not `feddy`",
            "6:19 `example` is no domain name",
            "9:16 `quota` is a number of seats",
            "11:9 the integration has no `types`",
            "12:24 `client_secret` is a text",
        ] {
            assert!(all.contains(part), "{part} is not in\n{all}");
        }
        assert_eq!(problems.len(), 7, "{all}");
    }

    #[test]
    fn an_empty_file_says_what_is_missing() {
        assert_eq!(
            read("").unwrap_err()[0].message,
            "the key `organizations` is missing"
        );
    }
}
