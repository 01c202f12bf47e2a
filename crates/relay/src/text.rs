//! Reading of configuration values that are written as text: one value or a list of them, and
//! types that are read with `FromStr`. No value of its own.

use alloc::{string::String, vec::Vec};
use core::{fmt, marker::PhantomData, str::FromStr};

use cedrat_message::{Origin, Reason};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor, value::StrDeserializer},
};

/// Reads `"x"` as `["x"]`; most rules name one thing.
pub(crate) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            T::deserialize(StrDeserializer::new(text)).map(|value| alloc::vec![value])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = seq.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }
    deserializer.deserialize_any(List(PhantomData))
}

/// Reads a text with `FromStr`; its `Display`ed fault becomes the diagnostic.
pub(crate) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: fmt::Display,
{
    struct Text<T>(PhantomData<T>);
    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(PhantomData))
}

/// The name of an interface in configuration, ledgers and explanations.
pub(crate) const fn origin_token(origin: Origin) -> &'static str {
    match origin {
        Origin::Mail => "mail",
        Origin::Mm4 => "mm4",
    }
}

/// An interface that serde can read and write.
#[derive(Clone, Copy)]
pub(crate) struct Interface(pub(crate) Origin);

impl<'de> Deserialize<'de> for Interface {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "mail" => Ok(Self(Origin::Mail)),
            "mm4" => Ok(Self(Origin::Mm4)),
            other => Err(D::Error::unknown_variant(other, &["mail", "mm4"])),
        }
    }
}

impl Serialize for Interface {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(origin_token(self.0))
    }
}

/// `#[serde(with)]` for one interface.
pub(crate) mod origin {
    use super::*;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Origin, D::Error> {
        Interface::deserialize(deserializer).map(|interface| interface.0)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(crate) fn serialize<S: Serializer>(origin: &Origin, serializer: S) -> Result<S::Ok, S::Error> {
        Interface(*origin).serialize(serializer)
    }
}

/// Reads one interface or a list of them.
pub(crate) fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Origin>, D::Error> {
    one_or_many::<D, Interface>(deserializer).map(|list| list.into_iter().map(|one| one.0).collect())
}

/// `#[serde(with)]` for a reason by its token.
pub(crate) mod reason {
    use super::*;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
        let token = String::deserialize(deserializer)?;
        Reason::read(&token)
            .ok_or_else(|| D::Error::custom(alloc::format!("`{token}` is no reason that the gateway knows")))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(crate) fn serialize<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(reason.token())
    }
}
