//! Which page a request means, and what the paging headers say about it (umapi.md 3.2).

/// What a list endpoint does with a page past the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastEnd {
    /// Serves the last page (the users endpoints).
    LastPage,
    /// Says that there is none (the groups endpoint and the deprecated lists).
    NotFound,
}

/// The page to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This page (0-based).
    Serve(u64),
    /// None.
    NotFound,
}

/// How many pages `total` entries fill: at least one.
pub fn page_count(total: u64, size: u64) -> u64 {
    total.div_ceil(size.max(1)).max(1)
}

/// Which page to serve for `asked` when there are `pages`.
pub fn choose(asked: u64, pages: u64, past_end: PastEnd) -> Choice {
    let pages = pages.max(1);
    if asked < pages {
        return Choice::Serve(asked);
    }
    match past_end {
        PastEnd::LastPage => Choice::Serve(pages - 1),
        PastEnd::NotFound => Choice::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_one_page() {
        assert_eq!(page_count(0, 2000), 1);
        assert_eq!(page_count(2000, 2000), 1);
        assert_eq!(page_count(2001, 2000), 2);
        assert_eq!(choose(0, 1, PastEnd::NotFound), Choice::Serve(0));
    }

    #[test]
    fn past_the_end_each_list_has_its_way() {
        assert_eq!(choose(7, 3, PastEnd::LastPage), Choice::Serve(2));
        assert_eq!(choose(7, 3, PastEnd::NotFound), Choice::NotFound);
    }
}
