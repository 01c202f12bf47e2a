//! A whole message taken apart in memory, by a walk that shares nothing with the crate.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{AesGcm, aes};
use base64ct::{Base64, Encoding};
use cedrat_keyring::{Cek, ContentAlgorithm};

use super::programs::Folder;

/// One element, definite or not.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) tag: u8,
    pub(crate) raw: &'a [u8],
    content: &'a [u8],
}

impl<'a> Node<'a> {
    pub(crate) fn read(octets: &'a [u8]) -> Self {
        let (tag, first) = (octets[0], octets[1]);
        if first == 0x80 {
            let mut at = 2;
            while octets[at..at + 2] != [0, 0] {
                at += Node::read(&octets[at..]).raw.len();
            }
            return Self { tag, raw: &octets[..at + 2], content: &octets[2..at] };
        }
        let count = usize::from(first.saturating_sub(0x80)).min(8);
        let length = match count {
            0 => usize::from(first),
            _ => octets[2..2 + count].iter().fold(0, |length, octet| length << 8 | usize::from(*octet)),
        };
        Self { tag, raw: &octets[..2 + count + length], content: &octets[2 + count..2 + count + length] }
    }

    pub(crate) fn children(self) -> Vec<Node<'a>> {
        let (mut rest, mut children) = (self.content, Vec::new());
        while !rest.is_empty() {
            let child = Node::read(rest);
            rest = &rest[child.raw.len()..];
            children.push(child);
        }
        children
    }

    /// Of a string, in one piece or several.
    pub(crate) fn octets(self) -> Vec<u8> {
        if self.tag & 0x20 == 0 {
            self.content.to_vec()
        } else {
            self.children().into_iter().flat_map(Node::octets).collect()
        }
    }
}

/// EnvelopedData or AuthEnvelopedData.
pub(crate) struct Message {
    pub(crate) recipients: Vec<Vec<u8>>,
    pub(crate) algorithm: ContentAlgorithm,
    parameters: Vec<u8>,
    info: Vec<u8>,
    ciphertext: Vec<u8>,
    attributes: Vec<u8>,
    mac: Vec<u8>,
}

/// DER, BER, PEM or a mail with base64, as CMS octets.
pub(crate) fn armoured(octets: &[u8]) -> Vec<u8> {
    if octets[0] == 0x30 {
        return octets.to_vec();
    }
    let text = String::from_utf8_lossy(octets).replace("\r\n", "\n");
    let body = match text.find("-----BEGIN") {
        Some(at) => {
            text[at..].lines().skip(1).take_while(|line| !line.starts_with("-----")).collect::<String>()
        }
        None => text.split_once("\n\n").unwrap().1.lines().collect(),
    };
    Base64::decode_vec(&body).unwrap()
}

impl Message {
    pub(crate) fn read(octets: &[u8]) -> Self {
        let octets = armoured(octets);
        let outer = Node::read(&octets).children();
        let fields = outer[1].children()[0].children();
        let set = fields.iter().position(|field| field.tag == 0x31).unwrap();
        let info = fields[set + 1];
        let parts = info.children();
        let algorithm = parts[1].children();
        let (mut attributes, mut mac) = (Vec::new(), Vec::new());
        for field in &fields[set + 2..] {
            match field.tag {
                0xA1 => attributes = [&[0x31], &field.raw[1..]].concat(),
                0x04 => mac = field.octets(),
                _ => {}
            }
        }
        Self {
            recipients: fields[set].children().iter().map(|child| child.raw.to_vec()).collect(),
            algorithm: ContentAlgorithm::of(
                const_oid::ObjectIdentifier::from_bytes(algorithm[0].content).unwrap(),
            )
            .unwrap(),
            parameters: algorithm[1].raw.to_vec(),
            info: info.raw.to_vec(),
            ciphertext: parts.get(2).map(|content| content.octets()).unwrap_or_default(),
            attributes,
            mac,
        }
    }

    /// What the key makes of it: OpenSSL decrypts the same octets as EncryptedData with the bare key;
    /// GCM, which EncryptedData does not have, another crate. `None`: not the key.
    pub(crate) fn open(&self, cek: &Cek, folder: &Folder) -> Option<Vec<u8>> {
        let parameters = Node::read(&self.parameters);
        if parameters.tag == 0x30 {
            return self.open_gcm(cek, &parameters.children()[0].octets());
        }
        let data = tlv(0x30, &[&[2, 1, 0], &self.info]);
        let oid = [0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 6];
        folder.write("bare.der", &tlv(0x30, &[&oid, &tlv(0xA0, &[&data])]));
        let key: String = cek.octets().iter().map(|octet| format!("{octet:02x}")).collect();
        folder.openssl(&[
            "cms",
            "-EncryptedData_decrypt",
            "-binary",
            "-inform",
            "DER",
            "-in",
            "bare.der",
            "-secretkey",
            &key,
        ])
    }

    fn open_gcm(&self, cek: &Cek, nonce: &[u8]) -> Option<Vec<u8>> {
        let payload =
            Payload { msg: &[self.ciphertext.as_slice(), &self.mac].concat(), aad: &self.attributes };
        let nonce: [u8; 12] = nonce.try_into().unwrap();
        let (key, nonce) = (cek.octets(), &nonce.into());
        match key.len() {
            16 => AesGcm::<aes::Aes128, U12>::new_from_slice(key).unwrap().decrypt(nonce, payload).ok(),
            24 => AesGcm::<aes::Aes192, U12>::new_from_slice(key).unwrap().decrypt(nonce, payload).ok(),
            _ => AesGcm::<aes::Aes256, U12>::new_from_slice(key).unwrap().decrypt(nonce, payload).ok(),
        }
    }
}

pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], length.as_slice(), &content].concat()
}
