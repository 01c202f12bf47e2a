"""Opens a CMS message with asn1crypto and cryptography, which share no code with OpenSSL's CMS or with ours.

usage: open.py MESSAGE KEY CERTIFICATE; prints the plaintext.
"""

import sys

from asn1crypto import cms, core, pem, x509
from cryptography.hazmat.primitives import ciphers, hashes, keywrap, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

HASHES = {1: hashes.SHA256, 2: hashes.SHA384, 3: hashes.SHA512}  # 1.3.132.1.11.N (RFC 5753)
WRAPS = {"2.16.840.1.101.3.4.1.5": 16, "2.16.840.1.101.3.4.1.25": 24, "2.16.840.1.101.3.4.1.45": 32}


def transported(info, key):
    name = info["key_encryption_algorithm"]["algorithm"].native
    if name == "rsaes_oaep":
        stated = info["key_encryption_algorithm"]["parameters"]
        digest = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}[stated["hash_algorithm"]["algorithm"].native]
        how = rsa_padding.OAEP(rsa_padding.MGF1(digest()), digest(), None)
    else:
        how = rsa_padding.PKCS1v15()
    return key.decrypt(info["encrypted_key"].native, how)


def agreed(info, key, serial):
    algorithm = info["key_encryption_algorithm"]
    wrap = algorithm["parameters"].dump()
    octets = WRAPS[core.ObjectIdentifier.load(core.SequenceOf(spec=core.Any).load(wrap)[0].dump()).dotted]
    point = info["originator"].chosen["public_key"].native
    secret = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(key.curve, bytes(point)))
    length = core.OctetString((octets * 8).to_bytes(4, "big"), explicit=2).dump()
    ukm = info["ukm"]
    ukm = b"" if ukm.native is None else core.OctetString(ukm.native, explicit=0).dump()
    inside = wrap + ukm + length
    shared = b"\x30" + bytes([len(inside)]) + inside
    digest = HASHES[int(algorithm["algorithm"].dotted.rsplit(".", 1)[1])]
    kek = X963KDF(digest(), octets, shared).derive(secret)
    for one in info["recipient_encrypted_keys"]:
        if one["rid"].chosen["serial_number"].native == serial:
            return keywrap.aes_key_unwrap(kek, one["encrypted_key"].native)
    return None


def content_key(infos, key, serial):
    for info in (info.chosen for info in infos):
        if isinstance(info, cms.KeyTransRecipientInfo):
            if info["rid"].chosen["serial_number"].native == serial:
                return transported(info, key)
        elif found := agreed(info, key, serial) if hasattr(key, "exchange") else None:
            return found
    raise SystemExit("no recipient is the owner of the certificate")


message, key, certificate = (open(path, "rb").read() for path in sys.argv[1:])
key = serialization.load_pem_private_key(key, None)
serial = x509.Certificate.load(pem.unarmor(certificate)[2]).serial_number
whole = cms.ContentInfo.load(message)
data = whole["content"]
cek = content_key(data["recipient_infos"], key, serial)
if whole["content_type"].native == "authenticated_enveloped_data":
    info = data["auth_encrypted_content_info"]
    nonce = core.SequenceOf(spec=core.Any).load(info["content_encryption_algorithm"]["parameters"].dump())[0]
    nonce = core.OctetString.load(nonce.dump()).native
    plaintext = AESGCM(cek).decrypt(nonce, info["encrypted_content"].native + data["mac"].native, None)
else:
    info = data["encrypted_content_info"]
    iv = info["content_encryption_algorithm"]["parameters"].native
    opener = ciphers.Cipher(ciphers.algorithms.AES(cek), ciphers.modes.CBC(iv)).decryptor()
    unpad = padding.PKCS7(128).unpadder()
    plaintext = unpad.update(opener.update(info["encrypted_content"].native) + opener.finalize()) + unpad.finalize()
sys.stdout.buffer.write(plaintext)
