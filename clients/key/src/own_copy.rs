//! The digest of the encrypted part of a message that the user has: what a gateway says of a message
//! can then be checked.

use std::path::Path;

use cedrat_keyring::{mail, openpgp, reader, wire::Digest};

use crate::Error;

/// SHA-256 of the CMS octets, or of the OpenPGP packets, in a message (RFC 5322), or of a file that is CMS itself.
///
/// # Errors
/// There are none that could be decrypted.
pub fn digest(octets: Vec<u8>, path: &Path) -> Result<Digest, Error> {
    let limits = reader::Limits::default();
    let refuse = |what: String| Error::Input(format!("{}: {what}", path.display()));
    if octets.first() == Some(&0x30) {
        let structure = reader::Structure::of(&octets, limits).map_err(|error| refuse(error.to_string()))?;
        return Ok(Digest(structure.summary.sha256));
    }
    let message = cedrat_mime::walk(&octets.into(), &cedrat_mime::Limits::default())
        .map_err(|error| refuse(format!("{error:?}")))?;
    if let Some(node) = openpgp::encrypted(&message).and_then(|index| message.node(index)) {
        let structure = openpgp::structure(node, openpgp::Limits::default());
        return structure.map(|it| Digest(it.summary.sha256)).map_err(|error| refuse(error.to_string()));
    }
    let (index, _) = mail::encrypted(&message)
        .envelope
        .ok_or_else(|| refuse("no encrypted part that is the whole of the message".into()))?;
    let (_, node) = message
        .leaves()
        .find(|(leaf, _)| *leaf == index)
        .ok_or_else(|| refuse("no encrypted part".into()))?;
    let structure = mail::structure(node, limits).map_err(|error| refuse(error.to_string()))?;
    Ok(Digest(structure.summary.sha256))
}
