//! The query of a request (`application/x-www-form-urlencoded`): each parameter once, none that is
//! not known, all of it bounded.

use super::problem::{Code, Problem};
use crate::config::read::hint;

/// Longest query, octets: a file name of 255 characters, each written as `%XX` thrice, and the rest.
const LONGEST: usize = 4096;

/// What a query said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads a query that may hold the parameters `known`.
    ///
    /// # Errors
    /// 400 with the parameter that is not known, repeated or not readable.
    pub fn read(text: &str, known: &'static [&'static str]) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(Code::BadRequest, detail);
        if text.len() > LONGEST {
            return Err(bad(format!("the query has {} octets; {LONGEST} are allowed", text.len())));
        }
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (unescape(name), unescape(value)) else {
                return Err(bad(format!("{pair:?} in the query is not UTF-8 written as %XX")));
            };
            let Some(known) = known.iter().find(|known| **known == name) else {
                return Err(bad(format!(
                    "there is no parameter {name:?}{}; there are {}",
                    hint(&name, known),
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                )));
            };
            if found.iter().any(|(seen, _)| seen == known) {
                return Err(bad(format!("the parameter {known:?} is there twice")));
            }
            found.push((known, value));
        }
        Ok(Self(found))
    }

    /// The value of a parameter; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(seen, value)| *seen == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A number of at least 1.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn number<T: std::str::FromStr + PartialOrd + From<u8>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().ok().filter(|number| *number >= T::from(1)).map(Some).ok_or_else(|| {
            Problem::new(Code::BadRequest, format!("{name}={text} is not a whole number from 1"))
        })
    }
}

/// `%XX` and `+`; `None` when it is not UTF-8 or an escape is cut.
pub fn unescape(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => percent(&mut rest)?,
            _ => octet,
        });
    }
    String::from_utf8(octets).ok()
}

/// The two digits after a `%`.
pub fn percent(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["profile", "max_octets", "name"];

    #[test]
    fn a_query_is_read_with_its_escapes() {
        let query =
            Query::read("profile=image-basic&name=%C3%A9t%C3%A9+1.jpg&max_octets=300000", KNOWN).unwrap();
        assert_eq!(query.text("name"), Some("été 1.jpg"));
        assert_eq!(query.number::<u64>("max_octets").unwrap(), Some(300_000));
        assert_eq!(query.text("profile"), Some("image-basic"));
    }

    #[test]
    fn a_bad_parameter_is_named_with_what_would_be_right() {
        let detail = |text: &str| Query::read(text, KNOWN).unwrap_err().detail;
        assert!(detail("max_octet=1").contains("did you mean `max_octets`?"));
        assert!(detail("name=a&name=b").contains("twice"));
        assert!(detail("name=%zz").contains("%XX"));
        assert!(detail("name=%ff").contains("UTF-8"));
        assert!(detail(&"a".repeat(5000)).contains("4096"));
        let query = Query::read("max_octets=0", KNOWN).unwrap();
        assert!(query.number::<u64>("max_octets").unwrap_err().detail.contains("max_octets=0"));
    }

    proptest::proptest! {
        #[test]
        fn no_query_panics(text in ".{0,200}") {
            drop(Query::read(&text, KNOWN));
        }
    }
}
