//! PKCS #12 files (RFC 7292): one password for integrity and privacy, PBES2 or the triple DES of old
//! files. DER alone.
//!
//! The crates that read these files are of a generation of ciphers that this program does not link
//! twice; and RC2 with 40 bits, which old files have around their certificates, is not written again
//! for the occasion: the message says how to convert.

use std::path::Path;

use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _, block_padding::Pkcs7};
use der::{
    Decode as _, Encode as _, Sequence,
    asn1::{AnyRef, ObjectIdentifier as Oid, OctetStringRef},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pkcs8::{pkcs5, spki::AlgorithmIdentifierRef};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512, digest::block_api::BlockSizeUser};
use zeroize::Zeroizing;

use super::{Identity, pair, read_certificate, read_key};
use crate::{Error, error::file, secret::Source};

const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERT_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509_CERTIFICATE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.22.1");
const PBES2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.13");
const SHA1_3DES: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.3");
const SHA1: Oid = Oid::new_unwrap("1.3.14.3.2.26");
const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.3");

/// Rounds of a key derivation at most: some seconds.
const MAX_ITERATIONS: u32 = 10_000_000;

const MALFORMED: &str = "not PKCS #12 in DER";
const WRONG: &str = "wrong passphrase, or a damaged file";
const OLD: &str =
    "an encryption that is not supported; convert it: openssl pkcs12 -legacy … | openssl pkcs12 -export …";

#[derive(Sequence)]
struct Pfx<'a> {
    version: u8,
    auth_safe: ContentInfo<'a>,
    mac_data: Option<MacData<'a>>,
}

#[derive(Sequence)]
struct ContentInfo<'a> {
    content_type: Oid,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: AnyRef<'a>,
}

#[derive(Sequence)]
struct MacData<'a> {
    mac: DigestInfo<'a>,
    salt: &'a OctetStringRef,
    #[asn1(default = "one")]
    iterations: u32,
}

#[derive(Sequence)]
struct DigestInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: &'a OctetStringRef,
}

#[derive(Sequence)]
struct EncryptedData<'a> {
    version: u8,
    content: EncryptedContentInfo<'a>,
}

#[derive(Sequence)]
struct EncryptedContentInfo<'a> {
    content_type: Oid,
    algorithm: AlgorithmIdentifierRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    content: &'a OctetStringRef,
}

#[derive(Sequence)]
struct EncryptedKey<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    key: &'a OctetStringRef,
}

#[derive(Sequence)]
struct SafeBag<'a> {
    id: Oid,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: AnyRef<'a>,
    /// Names and links; which certificate is a key's shows in its public key.
    attributes: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct CertBag<'a> {
    id: Oid,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: &'a OctetStringRef,
}

#[derive(Sequence)]
struct Pbe<'a> {
    salt: &'a OctetStringRef,
    iterations: u32,
}

const fn one() -> u32 {
    1
}

#[derive(Default)]
struct Contents {
    keys: Vec<Zeroizing<Vec<u8>>>,
    certificates: Vec<Vec<u8>>,
}

/// Keys and certificates of a file.
///
/// # Errors
/// The file cannot be read, the passphrase is wrong, or a key has no certificate.
pub fn load(path: &Path, passphrases: &mut Source) -> Result<Vec<Identity>, Error> {
    let octets = Zeroizing::new(std::fs::read(path).map_err(file(path))?);
    let passphrase = passphrases.ask(&format!("Passphrase of {}", path.display()))?;
    let refuse = |what: &str| Error::Key(format!("{}: {what}", path.display()));
    let contents = read(&octets, &passphrase).map_err(refuse)?;
    if contents.keys.is_empty() {
        return Err(refuse("no private key in it"));
    }
    let keys = contents.keys.iter().map(|key| read_key(key)).collect::<Result<_, _>>()?;
    // Certificates of issuers may be of kinds that nothing here can use.
    let certificates: Vec<_> = contents.certificates.iter().flat_map(|der| read_certificate(der)).collect();
    pair(keys, &certificates)
}

fn read(octets: &[u8], passphrase: &str) -> Result<Contents, &'static str> {
    let pfx = Pfx::from_der(octets).map_err(|_| MALFORMED)?;
    if pfx.version != 3 || pfx.auth_safe.content_type != DATA {
        return Err(MALFORMED);
    }
    let safe = octet_string(pfx.auth_safe.content)?;
    // Files without a MAC carry their integrity in a signature, which nobody uses, or not at all.
    verify(&pfx.mac_data.ok_or("a file without a MAC")?, safe, passphrase)?;
    let mut contents = Contents::default();
    for info in Vec::<ContentInfo<'_>>::from_der(safe).map_err(|_| MALFORMED)? {
        match info.content_type {
            DATA => bags(octet_string(info.content)?, passphrase, &mut contents)?,
            ENCRYPTED_DATA => {
                let data: EncryptedData<'_> = info.content.decode_as().map_err(|_| MALFORMED)?;
                let algorithm = data.content.algorithm;
                let plain = decrypt(algorithm, data.content.content.as_bytes(), passphrase)?;
                bags(&plain, passphrase, &mut contents)?;
            }
            _ => return Err("a file for a public key, not for a passphrase"),
        }
    }
    Ok(contents)
}

fn bags(octets: &[u8], passphrase: &str, contents: &mut Contents) -> Result<(), &'static str> {
    for bag in Vec::<SafeBag<'_>>::from_der(octets).map_err(|_| MALFORMED)? {
        match bag.id {
            KEY_BAG => {
                let key = bag.value.to_der().map_err(|_| MALFORMED)?;
                contents.keys.push(Zeroizing::new(key));
            }
            SHROUDED_KEY_BAG => {
                let shrouded: EncryptedKey<'_> = bag.value.decode_as().map_err(|_| MALFORMED)?;
                let key = decrypt(shrouded.algorithm, shrouded.key.as_bytes(), passphrase)?;
                contents.keys.push(key);
            }
            CERT_BAG => {
                let certificate: CertBag<'_> = bag.value.decode_as().map_err(|_| MALFORMED)?;
                if certificate.id == X509_CERTIFICATE {
                    contents.certificates.push(certificate.value.as_bytes().to_vec());
                }
            }
            _ => {} // revocation lists, secrets of other kinds
        }
    }
    Ok(())
}

fn octet_string(any: AnyRef<'_>) -> Result<&[u8], &'static str> {
    any.decode_as::<&OctetStringRef>().map(OctetStringRef::as_bytes).map_err(|_| MALFORMED)
}

fn decrypt(
    algorithm: AlgorithmIdentifierRef<'_>,
    ciphertext: &[u8],
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    match algorithm.oid {
        PBES2 => {
            let scheme = pkcs5::EncryptionScheme::try_from(algorithm).map_err(|_| OLD)?;
            scheme.decrypt(passphrase, ciphertext).map(Zeroizing::new).map_err(|_| WRONG)
        }
        SHA1_3DES => {
            let parameters = algorithm.parameters.ok_or(MALFORMED)?;
            let pbe: Pbe<'_> = parameters.decode_as().map_err(|_| MALFORMED)?;
            let (mut key, mut iv) = (Zeroizing::new([0; 24]), Zeroizing::new([0; 8]));
            derive::<Sha1>(1, passphrase, pbe.salt.as_bytes(), pbe.iterations, key.as_mut_slice())?;
            derive::<Sha1>(2, passphrase, pbe.salt.as_bytes(), pbe.iterations, iv.as_mut_slice())?;
            let mut octets = Zeroizing::new(ciphertext.to_vec());
            let cipher = cbc::Decryptor::<des::TdesEde3>::new((&*key).into(), (&*iv).into());
            let length = cipher.decrypt_padded::<Pkcs7>(&mut octets).map_err(|_| WRONG)?.len();
            octets.truncate(length);
            Ok(octets)
        }
        _ => Err(OLD),
    }
}

fn verify(mac: &MacData<'_>, content: &[u8], passphrase: &str) -> Result<(), &'static str> {
    macro_rules! with {
        ($hash:ty, $octets:literal) => {{
            let mut key = Zeroizing::new([0; $octets]);
            derive::<$hash>(3, passphrase, mac.salt.as_bytes(), mac.iterations, key.as_mut_slice())?;
            let mut hmac = Hmac::<$hash>::new_from_slice(key.as_slice()).map_err(|_| MALFORMED)?;
            hmac.update(content);
            hmac.verify_slice(mac.mac.digest.as_bytes()).map_err(|_| WRONG)
        }};
    }
    match mac.mac.algorithm.oid {
        SHA1 => with!(Sha1, 20),
        SHA256 => with!(Sha256, 32),
        SHA384 => with!(Sha384, 48),
        SHA512 => with!(Sha512, 64),
        _ => Err(OLD),
    }
}

/// The key derivation of RFC 7292 appendix B.2: `id` is 1 for a key, 2 for a vector, 3 for a MAC.
fn derive<D: Digest + BlockSizeUser>(
    id: u8,
    passphrase: &str,
    salt: &[u8],
    iterations: u32,
    out: &mut [u8],
) -> Result<(), &'static str> {
    if !(1..=MAX_ITERATIONS).contains(&iterations) {
        return Err("a file that asks for too many rounds");
    }
    let block = D::block_size();
    let mut password = Zeroizing::new(Vec::with_capacity(2 * passphrase.len() + 2));
    for unit in passphrase.encode_utf16().chain([0]) {
        password.extend_from_slice(&unit.to_be_bytes());
    }
    let filled = |octets: &[u8]| -> Zeroizing<Vec<u8>> {
        let length = octets.len().div_ceil(block) * block;
        Zeroizing::new(octets.iter().copied().cycle().take(length).collect())
    };
    let mut input = filled(salt);
    let password = filled(&password);
    input.reserve_exact(password.len());
    let mut input = Zeroizing::new([input.as_slice(), password.as_slice()].concat());
    for chunk in out.chunks_mut(<D as Digest>::output_size()) {
        let mut a = D::new().chain_update(vec![id; block]).chain_update(&*input).finalize();
        for _ in 1..iterations {
            a = D::digest(&a);
        }
        for (out, octet) in chunk.iter_mut().zip(a.iter()) {
            *out = *octet;
        }
        // Each block of the input becomes itself plus B plus one, modulo 2^(8·block).
        for piece in input.chunks_mut(block) {
            let mut carry = 1_u16;
            for (n, octet) in piece.iter_mut().enumerate().rev() {
                let b = a.iter().copied().cycle().nth(n).unwrap_or_default();
                let sum = u16::from(*octet) + u16::from(b) + carry;
                *octet = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
