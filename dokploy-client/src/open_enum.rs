//! Sets of words that later versions of Dokploy may add to.

/// An enum of words on the wire, with `Unknown` for what is not known.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
            /// What a later version says.
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
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
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
    fn an_unknown_word_is_kept() {
        let read = |word: &str| serde_json::from_value::<Colour>(word.into()).unwrap();
        assert_eq!(read("red"), Colour::Red);
        assert_eq!(read("blue"), Colour::Unknown("blue".into()));
        assert_eq!((read("red").as_str(), read("blue").as_str()), ("red", "blue"));
    }
}
