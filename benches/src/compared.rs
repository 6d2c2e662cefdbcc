//! What is compared, whether a server or a way to decode.

use crate::plot::Kind;

/// One of a closed set that is compared.
pub(crate) trait Compared: Copy + PartialEq + std::fmt::Debug {
    /// As it is typed behind `--only`.
    fn name(self) -> &'static str;

    /// How tables and plots name it.
    fn label(self) -> &'static str;

    /// Whose it is.
    fn kind(self) -> Kind;
}
