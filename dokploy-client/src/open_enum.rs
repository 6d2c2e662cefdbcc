//! Sets of words that later versions of Dokploy may add to.

/// An enum of words on the wire, with `Unknown` for what is not known. What is null is unknown too: most such columns
/// may be.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
            /// What a later version says; nothing where the server has none.
            Unknown(String),
        }

        impl $name {
            /// As Dokploy writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(word) => word,
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <Option<String> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default();
                Ok(match &*word {
                    $($word => Self::$variant,)*
                    _ => Self::Unknown(word),
                })
            }
        }
    };
}

pub(crate) use open_enum;

#[cfg(test)]
mod tests {
    #![allow(unreachable_pub)] // it is public where the macro is used

    open_enum! {
        /// Of this test.
        Colour {
            /// Red.
            Red = "red",
        }
    }

    #[test]
    fn an_unknown_word_is_kept_and_no_word_is_unknown() {
        let read = |word: Option<&str>| serde_json::from_value::<Colour>(word.into()).unwrap();
        assert_eq!(read(Some("red")), Colour::Red);
        assert_eq!(read(Some("blue")), Colour::Unknown("blue".into()));
        assert_eq!(read(None), Colour::Unknown(String::new()));
        assert_eq!((read(Some("red")).as_str(), read(Some("blue")).as_str()), ("red", "blue"));
    }
}
