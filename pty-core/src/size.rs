//! Columns and rows.

use crate::error::{Error, Result};

/// The most columns or rows a terminal may have.
const MAX: u16 = 1000;

/// A terminal's size in characters, each of 1…1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    cols: u16,
    rows: u16,
}

impl Size {
    /// So many columns and rows.
    ///
    /// # Errors
    /// [`Error::BadSize`] outside of 1…1000.
    pub fn new(cols: u16, rows: u16) -> Result<Self> {
        let fits = |count| (1..=MAX).contains(&count);
        if fits(cols) && fits(rows) { Ok(Self { cols, rows }) } else { Err(Error::BadSize) }
    }

    /// Characters in a line.
    #[must_use]
    pub const fn cols(self) -> u16 {
        self.cols
    }

    /// Lines.
    #[must_use]
    pub const fn rows(self) -> u16 {
        self.rows
    }
}

impl Default for Size {
    /// 80 × 24, as terminals always were.
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_at_least_one_and_at_most_a_thousand_of_each() {
        for (cols, rows) in [(1, 1), (1000, 1000), (80, 24)] {
            assert_eq!(Size::new(cols, rows).map(|size| (size.cols(), size.rows())).ok(), Some((cols, rows)));
        }
        for (cols, rows) in [(0, 24), (80, 0), (1001, 24), (80, u16::MAX), (0, 0)] {
            assert!(matches!(Size::new(cols, rows), Err(Error::BadSize)), "{cols}x{rows}");
        }
    }
}
