//! What can be wrong with the form of a command, before any row is looked at.

/// What is wrong with the form of a command, and at which step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Index into the command's `do`; 0 for problems of the whole command.
    pub step: usize,
    /// What is wrong.
    pub kind: Syntax,
}

/// The kinds of problems of form. The texts are what the caller sent; step names and keys are those of the
/// wire. Codes and messages are in [`crate::code`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum Syntax {
    /// No object where one is needed, an unknown or repeated key, a step with no key or several.
    IllegalEntry { what: String },
    /// Neither `user` nor `usergroup`, or a blank `usergroup`.
    RootMissing,
    /// A blank `user`.
    UserMissing,
    /// A root key or a value of `update` that is no string.
    StringExpected { field: &'static str },
    /// Longer than the field may be.
    TooLong { field: &'static str, max: usize },
    /// `useAdobeID` or `deleteAccount` is neither true nor false.
    BooleanExpected { field: &'static str },
    /// `domain` is no string.
    DomainStringExpected,
    /// `do` is missing or no array.
    StepsMalformed,
    /// More steps than a command may have.
    TooManySteps { max: usize },
    /// No step of this root has the name.
    StepUnknown { name: String },
    /// The value of a create step is no object.
    CreateObjectExpected { step: &'static str },
    /// A field of a create step is no string.
    CreateStringExpected { field: &'static str },
    /// A create step has no such field.
    CreateKeyUnknown { step: &'static str, key: String },
    /// A second create step.
    CreateMoreThanOne,
    /// A create step behind another step.
    CreateNotFirst,
    /// No such `option`.
    IllegalOption { value: String },
    /// `option` inside `update`.
    OptionInUpdate,
    /// The value of `add` or `remove` is neither an object nor `"all"`.
    ListsExpected { step: &'static str },
    /// The object of a person's `add` or `remove` holds no list.
    ListMissing { step: &'static str },
    /// There is no list of that name.
    ListKeyUnknown { step: &'static str, key: String },
    /// The value of a list key is no array.
    ListNotArray { key: &'static str },
    /// More entries than a list may have.
    ListTooLong { max: usize },
    /// A group's name is too long.
    NameTooLong,
    /// A list of groups stands twice in one object.
    DuplicateGroupList { key: &'static str },
    /// A list of profiles stands twice in one object, under one name or two.
    DuplicateProductList { key: &'static str },
    /// A list of people stands twice in one object, or somebody twice in it.
    DuplicateUser { entry: String },
    /// A list of products stands twice in one object, or one of them twice in it.
    DuplicateProductAdmin { entry: String },
    /// An entry of a list of groups is no string, or blank.
    InvalidListEntry { key: &'static str },
    /// An entry of a list of people is no string, or blank.
    InvalidUserListEntry,
    /// An entry of a list of people is no e-mail.
    InvalidUserInList { entry: String },
    /// `add` or `remove` of a group command holds no list.
    GroupListMissing,
    /// A step that ends the command has others behind it.
    NotLast { step: &'static str },
    /// Content where none is allowed.
    ObjectNotEmpty { step: &'static str },
}

impl Syntax {
    pub(crate) fn at(self, step: usize) -> SyntaxError {
        SyntaxError { step, kind: self }
    }
}
