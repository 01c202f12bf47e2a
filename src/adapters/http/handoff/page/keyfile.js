// A private key from a file that the user chose: PKCS#8, PKCS#1 or SEC 1, as PEM or DER, in clear or
// under PBES2 (RFC 8018), and PKCS#12 (RFC 7292) of the kinds that are made today; certificates
// beside it. It becomes a key of WebCrypto that cannot be taken out again.
//
// Old protection (PKCS#12's own, "DEK-Info" in PEM) needs algorithms that WebCrypto leaves out: the
// refusal names a command that makes the file anew. The MAC of PKCS#12 is not looked at: a wrong
// passphrase shows in what it opens.

import * as der from "./der.js";
import { decodePem, equal, utf8, wipe } from "./octets.js";
import { HAS_AES_192, HASHES } from "./recipient.js";

/** Says what is wrong with the file, and what would help. */
export class Unusable extends Error {}
/** The file is encrypted, and this was not its passphrase. */
export class WrongPassphrase extends Unusable {}

const RSA = "1.2.840.113549.1.1.1";
const EC = "1.2.840.10045.2.1";
const X25519 = "1.3.101.110";
const CURVES = { "1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521" };

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
const PRFS = {
  "1.2.840.113549.2.7": "SHA-1",
  "1.2.840.113549.2.9": "SHA-256",
  "1.2.840.113549.2.10": "SHA-384",
  "1.2.840.113549.2.11": "SHA-512",
};
const AES_CBC = { "2.16.840.1.101.3.4.1.2": 128, "2.16.840.1.101.3.4.1.22": 192, "2.16.840.1.101.3.4.1.42": 256 };
/** A minute of work at the least: more is a mistake or mischief. */
const MAX_ITERATIONS = 20_000_000;

const DATA = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA = "1.2.840.113549.1.7.6";
const BAG = "1.2.840.113549.1.12.10.1.";
const X509 = "1.2.840.113549.1.9.22.1";

const OLD = "its encryption is one that this browser does not have; make it anew with";
const WITH_PKCS8 = "`openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`";
const WITH_PKCS12 = "`openssl pkcs12 -legacy -in OLD -nodes | openssl pkcs12 -export -out NEW`";

/** The file as it lies: nothing is decrypted yet. */
export class KeyFile {
  #parts = [];

  constructor(octets) {
    const text = octets[0] === der.SEQUENCE ? "" : new TextDecoder("latin1").decode(octets);
    const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^]*?)-----END \1-----/g)];
    for (const [, label, body] of blocks) {
      if (body.includes("DEK-Info")) throw new Unusable(`The key cannot be read: ${OLD} ${WITH_PKCS8}.`);
      const part = decodePem(body);
      if (part && (label.endsWith("PRIVATE KEY") || label.endsWith("CERTIFICATE"))) this.#add(part);
    }
    if (octets[0] === der.SEQUENCE) this.#add(octets);
    if (this.#parts.length === 0) throw new Unusable("This file holds neither a private key nor a certificate.");
  }

  #add(octets) {
    try {
      const element = der.read(octets);
      this.#parts.push({ kind: kindOf(element), element });
    } catch (fault) {
      if (fault instanceof der.Malformed) throw new Unusable(`The file is damaged: ${fault.message}.`);
      throw fault;
    }
  }

  /** Whether a passphrase is needed. */
  get isEncrypted() {
    return this.#parts.some(({ kind }) => kind === "encrypted" || kind === "pkcs12");
  }

  get certificates() {
    return this.#parts.filter(({ kind }) => kind === "certificate").map(({ element }) => certificate(element));
  }

  /** The key, ready to use; what the file held of it is wiped. */
  async open(passphrase) {
    try {
      const certificates = this.certificates;
      let found;
      for (const { kind, element } of this.#parts) {
        if (kind === "pkcs12") found ??= await opened(element, passphrase, certificates);
        else if (kind === "encrypted") found ??= privateKey(await plain(element, passphrase));
        else if (kind !== "certificate") found ??= privateKey(element);
      }
      if (!found) throw new Unusable("This file holds certificates, but no private key.");
      return await imported(found, certificates);
    } catch (fault) {
      if (fault instanceof der.Malformed) throw new Unusable(`The file is damaged: ${fault.message}.`);
      throw fault;
    }
  }
}

function kindOf(element) {
  const [first, second] = element.as(der.SEQUENCE).children;
  if (first?.is(der.SEQUENCE)) return element.children.length === 3 ? "certificate" : "encrypted";
  if (first?.is(der.INTEGER) && second?.is(der.INTEGER)) return "pkcs1";
  if (first?.is(der.INTEGER) && second?.is(der.OCTET_STRING)) return "sec1";
  if (first?.is(der.INTEGER) && second?.is(der.SEQUENCE)) return first.number() === 3 ? "pkcs12" : "pkcs8";
  throw new der.Malformed("it is neither a key nor a certificate");
}

/** Of a private key in any wrapping: what WebCrypto must know, and its public half where it says it. */
function privateKey(element) {
  const kind = kindOf(element);
  if (kind === "pkcs1") {
    const algorithm = der.write(der.SEQUENCE, oid(RSA), der.write(der.NULL));
    return privateKey(wrapped(algorithm, element));
  }
  if (kind === "sec1") {
    const curve = element.optional(der.context(0))?.child(0, der.OID);
    if (!curve) throw new Unusable("The key does not say its curve.");
    return privateKey(wrapped(der.write(der.SEQUENCE, oid(EC), curve.whole), element));
  }
  if (kind !== "pkcs8") throw new der.Malformed("it is no private key");
  const { oid: algorithm, parameters } = element.child(1, der.SEQUENCE).algorithm();
  const key = element.child(2, der.OCTET_STRING).octets();
  if (algorithm === RSA) {
    const inner = der.read(key);
    const [modulus, exponent] = [inner.child(1, der.INTEGER), inner.child(2, der.INTEGER)];
    const bits = modulus.content.length * 8 - (modulus.content[0] === 0 ? 8 : 0);
    const half = der.write(der.SEQUENCE, modulus.whole, exponent.whole);
    return { family: "rsa", name: `RSA, ${bits} bits`, pkcs8: element.whole, half };
  }
  if (algorithm === EC) {
    const curve = CURVES[parameters?.as(der.OID).oid()];
    if (!curve) throw new Unusable("The key is on a curve that browsers do not have; P-256, P-384 and P-521 can be used.");
    const half = der.read(key).optional(der.context(1))?.child(0).bits();
    return { family: "ec", name: curve, usage: { name: "ECDH", namedCurve: curve }, pkcs8: element.whole, half };
  }
  if (algorithm === X25519) {
    return { family: "ec", name: "X25519", usage: { name: "X25519" }, pkcs8: element.whole };
  }
  throw new Unusable("This kind of key decrypts no mail that a browser can open; RSA, P-256, P-384, P-521 and X25519 do.");
}

/** PKCS#8 around a key of an older form. */
function wrapped(algorithm, element) {
  const version = Uint8Array.of(der.INTEGER, 1, 0);
  return der.read(der.write(der.SEQUENCE, version, algorithm, der.write(der.OCTET_STRING, element.whole)));
}

/** An object identifier of small first arcs, as the few that are written here. */
function oid(dotted) {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 127];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 127) | 128);
    octets.push(...groups);
  }
  return der.write(der.OID, Uint8Array.from(octets));
}

async function imported(found, certificates) {
  const own = certificates.filter(({ key }) => !found.half || equal(key, found.half));
  if (certificates.length > 0 && own.length === 0) {
    throw new Unusable("The certificate belongs to another key.");
  }
  const key = { family: found.family, name: found.name, certificate: own[0] };
  try {
    if (found.family === "rsa") {
      // The hash function is a property of the key in WebCrypto, and of the message in mail.
      const hashes = Object.values(HASHES).filter((hash) => hash !== "SHA-224");
      const load = (hash) => crypto.subtle.importKey("pkcs8", found.pkcs8, { name: "RSA-OAEP", hash }, false, ["decrypt"]);
      key.handles = new Map(await Promise.all(hashes.map(async (hash) => [hash, await load(hash)])));
    } else {
      key.handle = await crypto.subtle.importKey("pkcs8", found.pkcs8, found.usage, false, ["deriveBits"]);
    }
  } catch {
    throw new Unusable(`This browser does not take the key (${found.name}).`);
  } finally {
    wipe(found.pkcs8);
  }
  return key;
}

/** The key of an EncryptedPrivateKeyInfo. */
async function plain(element, passphrase) {
  const octets = element.child(1, der.OCTET_STRING).octets();
  const opened = await decrypted(element.child(0).algorithm(), octets, passphrase, WITH_PKCS8);
  return readOrWrong(opened);
}

function readOrWrong(octets) {
  try {
    return der.read(octets);
  } catch {
    throw new WrongPassphrase("The passphrase does not open this file.");
  }
}

/** PBES2 with PBKDF2 and AES-CBC. */
async function decrypted({ oid: scheme, parameters }, octets, passphrase, remedy) {
  const old = () => new Unusable(`The key cannot be read: ${OLD} ${remedy}.`);
  if (scheme !== PBES2) throw old();
  const [kdf, cipher] = [parameters.child(0).algorithm(), parameters.child(1).algorithm()];
  const bits = AES_CBC[cipher.oid];
  if (kdf.oid !== PBKDF2 || bits === undefined || (bits === 192 && !HAS_AES_192)) throw old();
  const salt = kdf.parameters.child(0, der.OCTET_STRING).octets();
  const iterations = kdf.parameters.child(1, der.INTEGER).number();
  const prf = kdf.parameters.optional(der.SEQUENCE)?.algorithm().oid;
  const hash = prf === undefined ? "SHA-1" : PRFS[prf];
  if (hash === undefined || iterations > MAX_ITERATIONS) throw old();
  const secret = await crypto.subtle.importKey("raw", utf8(passphrase ?? ""), "PBKDF2", false, ["deriveKey"]);
  const derivation = { name: "PBKDF2", salt, iterations, hash };
  const kind = { name: "AES-CBC", length: bits };
  const key = await crypto.subtle.deriveKey(derivation, secret, kind, false, ["decrypt"]);
  try {
    const iv = cipher.parameters.as(der.OCTET_STRING).octets();
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv }, key, octets));
  } catch {
    throw new WrongPassphrase("The passphrase does not open this file.");
  }
}

/** The key of a PFX; its certificates are added to `certificates`. */
async function opened(pfx, passphrase, certificates) {
  let key;
  const safes = der.read(inside(pfx.child(1)));
  for (const safe of safes.children) {
    const contents = readOrWrong(await safeContents(safe, passphrase));
    for (const bag of contents.children) {
      const value = bag.child(1, der.context(0)).child(0);
      switch (bag.child(0).oid()) {
        case `${BAG}1`:
          key ??= privateKey(value);
          break;
        case `${BAG}2`:
          key ??= privateKey(await plain(value, passphrase));
          break;
        case `${BAG}3`:
          if (value.child(0).oid() === X509) certificates.push(certificate(der.read(inside(value))));
          break;
      }
    }
  }
  return key;
}

/** The OCTET STRING in a ContentInfo of data, or in a certificate's bag. */
function inside(element) {
  return element.child(1, der.context(0)).child(0, der.OCTET_STRING).octets();
}

async function safeContents(safe, passphrase) {
  const kind = safe.child(0).oid();
  if (kind === DATA) return inside(safe);
  if (kind !== ENCRYPTED_DATA) throw new Unusable("The file is protected by a certificate, not by a passphrase.");
  const content = safe.child(1, der.context(0)).child(0).child(1, der.SEQUENCE);
  return decrypted(content.child(1).algorithm(), content.child(2).octets(), passphrase, WITH_PKCS12);
}

const COMMON_NAME = "2.5.4.3";
const MAIL_ADDRESS = "1.2.840.113549.1.9.1";
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";

/** What a RecipientInfo may name a certificate by, its public key, and a name for people. */
function certificate(element) {
  const fields = element.child(0, der.SEQUENCE).children;
  const [serial, , issuer, , subject, key] = fields[0]?.is(der.context(0)) ? fields.slice(1) : fields;
  if (!serial?.is(der.INTEGER) || !key) throw new der.Malformed("a certificate without fields");
  const extensions = fields.find((field) => field.is(der.context(3)))?.child(0).children ?? [];
  const extension = extensions.find((one) => one.child(0).oid() === SUBJECT_KEY_IDENTIFIER);
  return {
    issuer: issuer.whole,
    serial: serial.content,
    ski: extension && der.read(extension.children.at(-1).octets()).octets(),
    key: key.child(1).bits(),
    subject: subjectName(subject),
  };
}

function subjectName(name) {
  const texts = new Map();
  for (const attribute of name.children.flatMap((set) => set.children)) {
    texts.set(attribute.child(0).oid(), new TextDecoder().decode(attribute.child(1).content));
  }
  return texts.get(COMMON_NAME) ?? texts.get(MAIL_ADDRESS) ?? "a certificate without a name";
}
