//! Entities of XML 1.0 §4.1 and §4.6, read as telephones and vendors write them. No entity of a DTD.

use alloc::{borrow::Cow, string::String};

/// Where the `;` of an entity is looked for, in octets: `&#x0010FFFF;` and no further.
const MAX_ENTITY: usize = 12;

/// Decodes the five entities of XML and character references; leaves a lone `&` as it is.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        plain.push_str(before);
        let end = entity.bytes().take(MAX_ENTITY).position(|octet| octet == b';');
        let split = end.and_then(|end| Some((entity.get(..end)?, entity.get(end + 1..)?)));
        match split.and_then(|(name, tail)| Some((character(name)?, tail))) {
            Some((c, tail)) => {
                plain.push(c);
                rest = tail;
            }
            None => {
                plain.push('&');
                rest = entity;
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "apos" => '\'',
        "gt" => '>',
        "lt" => '<',
        "quot" => '"',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())?
        }
    })
}
