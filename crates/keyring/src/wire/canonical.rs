//! Canonical JSON (RFC 8785): one spelling of a value, for everything that is hashed.
//!
//! Numbers other than integers that every implementation holds exactly (below 2^53) are refused
//! instead of spelled: nothing here has one, and ECMAScript's spelling of doubles is a page of code.

use alloc::{string::String, vec::Vec};

use serde::Serialize;
use serde_json::Value;

/// The largest integer that a double holds exactly together with its neighbours.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The value has no canonical spelling here: a fraction, or an integer of 2^53 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCanonical;

/// The canonical octets of a value.
///
/// # Errors
/// [`NotCanonical`], also when the value is no JSON at all (a map whose keys are no strings).
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    let value = serde_json::to_value(value).map_err(|_| NotCanonical)?;
    let mut out = String::new();
    write(&value, &mut out)?;
    Ok(out.into_bytes())
}

fn write(value: &Value, out: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let exact = match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => number <= MAX_INTEGER,
                (None, Some(number)) => number.unsigned_abs() <= MAX_INTEGER,
                (None, None) => false,
            };
            if !exact {
                return Err(NotCanonical);
            }
            out.push_str(&alloc::format!("{number}"));
        }
        Value::String(text) => write_string(text, out)?,
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (n, (name, member)) in members.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_string(name, out)?;
                out.push(':');
                write(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// `serde_json` escapes exactly what RFC 8785 §3.2.2.2 asks for, in the same spelling.
fn write_string(text: &str, out: &mut String) -> Result<(), NotCanonical> {
    out.push_str(&serde_json::to_string(text).map_err(|_| NotCanonical)?);
    Ok(())
}
