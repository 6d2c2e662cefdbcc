//! Lists in pages. A page begins behind the last item of the one before (keyset), so it costs the same
//! however deep it lies, and items added meanwhile shift nothing.

use crate::error::{Error, Result};

/// Items of a page, unless asked otherwise.
pub const DEFAULT_PAGE: u32 = 50;
/// Most items of a page; more are not given.
pub const MAX_PAGE: u32 = 200;

/// A part of a list, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// A place in a list. Its text is opaque: it is only ever given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) number: i64,
    pub(crate) key: String,
}

impl Cursor {
    /// Reads what [`Cursor`]'s `Display` wrote.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let read = || {
            let (number, key) = text.split_once('-')?;
            Some(Self { number: i64::from_str_radix(number, 16).ok()?, key: key.to_owned() })
        };
        read().filter(|cursor| cursor.number >= 0).ok_or(INVALID)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.number, self.key)
    }
}

/// No cursor of this list.
pub(crate) const INVALID: Error = Error::Invalid { field: "cursor", reason: "is none of this list" };

/// Which page: the first, unless said otherwise.
#[derive(Debug, Clone)]
pub struct Paging {
    limit: u32,
    after: Option<Cursor>,
}

impl Default for Paging {
    fn default() -> Self {
        Self { limit: DEFAULT_PAGE, after: None }
    }
}

impl Paging {
    /// The first page.
    #[must_use]
    pub fn first() -> Self {
        Self::default()
    }

    /// At most this many items: 1 to [`MAX_PAGE`], [`DEFAULT_PAGE`] unless set.
    #[must_use]
    pub fn limit(mut self, items: u32) -> Self {
        self.limit = items.clamp(1, MAX_PAGE);
        self
    }

    /// The page behind another one's end.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// Where to begin: everything sorts below the start of the first page.
    pub(crate) fn cursor(&self) -> (i64, Option<&str>) {
        self.after.as_ref().map_or((i64::MAX, None), |at| (at.number, Some(at.key.as_str())))
    }

    /// One item more than asked for: whether there is one says whether there is a next page.
    pub(crate) fn look_ahead(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Makes a page of what `look_ahead` rows gave.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, place: impl Fn(&T) -> Cursor) -> Page<T> {
        let limit = self.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(place);
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor { number: 1_732_000_000_000_000, key: "a-b-c".to_owned() };
        assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
        for bad in ["", "x", "-1-a", "zz-a"] {
            assert!(Cursor::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_page_with_more_behind_it_has_a_next() {
        let place = |n: &i64| Cursor { number: *n, key: String::new() };
        let two = Paging::first().limit(2);
        assert_eq!(two.page(vec![3, 2, 1], place).next.unwrap().number, 2);
        assert!(two.page(vec![3, 2], place).next.is_none());
    }
}
