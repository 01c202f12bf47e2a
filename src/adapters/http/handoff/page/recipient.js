// A RecipientInfo (RFC 5652 §6.2) and the content key in it, as far as WebCrypto goes: RSAES-OAEP
// (RFC 3560), and ephemeral-static ECDH on P-256, P-384, P-521 (RFC 5753) and X25519 (RFC 8418) with
// AES key wrap (RFC 3394).
//
// RSAES-PKCS1-v1_5, ML-KEM, passwords and shared keys are not in WebCrypto: `obstacle` says so before
// anything is tried. What leaves this module is a content key, never a shared secret or the key that
// wraps.

import * as der from "./der.js";
import { concat, equal, wipe } from "./octets.js";

const RSA_V15 = "1.2.840.113549.1.1.1";
const OAEP = "1.2.840.113549.1.1.7";
const MGF1 = "1.2.840.113549.1.1.8";
const P_SPECIFIED = "1.2.840.113549.1.1.9";

export const HASHES = Object.freeze({
  "1.3.14.3.2.26": "SHA-1",
  "2.16.840.1.101.3.4.2.4": "SHA-224",
  "2.16.840.1.101.3.4.2.1": "SHA-256",
  "2.16.840.1.101.3.4.2.2": "SHA-384",
  "2.16.840.1.101.3.4.2.3": "SHA-512",
});

/** Standard and cofactor Diffie-Hellman: the same on curves whose cofactor is 1. */
const X963 = {
  "1.3.133.16.840.63.0.2": "SHA-1",
  "1.3.132.1.11.0": "SHA-224",
  "1.3.132.1.11.1": "SHA-256",
  "1.3.132.1.11.2": "SHA-384",
  "1.3.132.1.11.3": "SHA-512",
  "1.3.133.16.840.63.0.3": "SHA-1",
  "1.3.132.1.14.0": "SHA-224",
  "1.3.132.1.14.1": "SHA-256",
  "1.3.132.1.14.2": "SHA-384",
  "1.3.132.1.14.3": "SHA-512",
};
const HKDF = {
  "1.2.840.113549.1.9.16.3.19": "SHA-256",
  "1.2.840.113549.1.9.16.3.20": "SHA-384",
  "1.2.840.113549.1.9.16.3.21": "SHA-512",
};
/** Octets of the key that wraps. */
const WRAPS = {
  "2.16.840.1.101.3.4.1.5": 16,
  "2.16.840.1.101.3.4.1.25": 24,
  "2.16.840.1.101.3.4.1.45": 32,
};

/** Chromium has AES-128 and AES-256 only. */
export const HAS_AES_192 = Boolean(
  await crypto.subtle?.generateKey({ name: "AES-KW", length: 192 }, false, ["unwrapKey"]).catch(() => false),
);

/**
 * A RecipientInfo read: `kind`, `algorithm`, and `ways` to the content key, each with the `rid` that it
 * is for and its encrypted `key`. Kinds that cannot be opened here have no ways.
 */
export function read(octets) {
  const info = der.read(octets);
  switch (info.tag) {
    case der.SEQUENCE: {
      const rid = identifier(info.child(1));
      const key = info.child(3, der.OCTET_STRING).octets();
      return { kind: "ktri", algorithm: info.child(2, der.SEQUENCE).algorithm(), ways: [{ rid, key }] };
    }
    case der.context(1):
      return agreement(info);
    case der.context(2):
      return { kind: "kekri", ways: [] };
    case der.context(3):
      return { kind: "pwri", ways: [] };
    default:
      return { kind: "kemri", ways: [] };
  }
}

function agreement(info) {
  const originator = info.child(1, der.context(0)).child(0);
  const ukm = info.optional(der.context(1))?.child(0, der.OCTET_STRING).octets();
  const [algorithm, keys] = info.children.slice(ukm ? 3 : 2);
  const ways = keys.as(der.SEQUENCE).children.map((key) => ({
    rid: identifier(key.child(0)),
    key: key.child(1, der.OCTET_STRING).octets(),
  }));
  // A static originator is named by its certificate, which is not here.
  const point = originator.is(der.context(1)) ? originator.child(1, der.BIT_STRING).bits() : undefined;
  return { kind: "kari", algorithm: algorithm.as(der.SEQUENCE).algorithm(), originator: point, ukm, ways };
}

/** IssuerAndSerialNumber, SubjectKeyIdentifier, or RecipientKeyIdentifier. */
function identifier(element) {
  if (element.is(der.SEQUENCE)) {
    return { issuer: element.child(0).whole, serial: element.child(1, der.INTEGER).content };
  }
  if (element.is(der.primitive(0))) return { ski: element.content };
  return { ski: element.as(der.context(0)).child(0, der.OCTET_STRING).octets() };
}

/** Whether a RecipientInfo names the certificate. */
export function names(rid, certificate) {
  if (rid.ski) return certificate.ski !== undefined && equal(rid.ski, certificate.ski);
  return equal(rid.issuer, certificate.issuer) && equal(rid.serial, certificate.serial);
}

/** Why no browser can open it, in words that continue "It is encrypted with"; null when one can. */
export function obstacle(recipient) {
  try {
    plan(recipient);
    return null;
  } catch (fault) {
    if (fault instanceof Unsupported || fault instanceof der.Malformed) return fault.message;
    throw fault;
  }
}

class Unsupported extends Error {}

/** What must be done, or why it cannot. */
function plan(recipient) {
  const words = {
    kekri: "a key that both sides know",
    pwri: "a password",
    kemri: "a key encapsulation (ML-KEM)",
    openpgp: "OpenPGP, which this page does not read",
  };
  if (recipient.kind in words) throw new Unsupported(words[recipient.kind]);
  const { oid, parameters } = recipient.algorithm;
  if (recipient.kind === "ktri") {
    if (oid === RSA_V15) throw new Unsupported("RSA PKCS#1 v1.5, which is not part of WebCrypto");
    if (oid !== OAEP) throw new Unsupported(`the key transport ${oid}`);
    return { family: "rsa", ...oaep(parameters) };
  }
  const [hash, hkdf] = [X963[oid] ?? HKDF[oid], oid in HKDF];
  if (hash === undefined) throw new Unsupported(`the key agreement ${oid}`);
  if (hash === "SHA-224") throw new Unsupported("a key agreement over SHA-224, which is not part of WebCrypto");
  if (!recipient.originator) throw new Unsupported("a key agreement with the sender's certificate");
  const wrap = parameters?.as(der.SEQUENCE).algorithm();
  const octets = WRAPS[wrap?.oid];
  if (octets === undefined) throw new Unsupported("a key wrap other than AES");
  if (octets === 24 && !HAS_AES_192) throw new Unsupported("AES-192, which this browser does not have");
  return { family: "ec", hash, hkdf, wrap, octets };
}

/** RSAES-OAEP-params (RFC 8017 §A.2.1): each of the three has a default. */
function oaep(parameters) {
  const found = { hash: "SHA-1", label: new Uint8Array() };
  let mask = "SHA-1";
  for (const field of parameters?.is(der.SEQUENCE) ? parameters.children : []) {
    const { oid, parameters: inner } = field.child(0, der.SEQUENCE).algorithm();
    if (field.is(der.context(0))) found.hash = HASHES[oid];
    else if (field.is(der.context(1))) mask = oid === MGF1 ? HASHES[inner?.algorithm().oid] : undefined;
    else if (oid === P_SPECIFIED) found.label = inner.as(der.OCTET_STRING).octets();
    else throw new Unsupported("RSA-OAEP with a label from elsewhere");
  }
  if (found.hash === undefined || found.hash === "SHA-224" || found.hash !== mask) {
    throw new Unsupported("RSA-OAEP with hash functions that WebCrypto does not combine");
  }
  return found;
}

/**
 * The content key of `octets` octets that the private key opens, or null when it opens none. With a
 * certificate only what is addressed to it is tried.
 */
export async function open(recipient, key, octets) {
  const todo = plan(recipient);
  if (todo.family !== key.family) return null;
  for (const way of recipient.ways) {
    if (key.certificate && !names(way.rid, key.certificate)) continue;
    const cek = await (todo.family === "rsa" ? transported(way, key, todo) : agreed(recipient, way, key, todo));
    if (cek?.length === octets) return cek;
    wipe(cek);
  }
  return null;
}

async function transported(way, key, { hash, label }) {
  try {
    const algorithm = { name: "RSA-OAEP", label };
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key.handles.get(hash), way.key));
  } catch {
    return null;
  }
}

async function agreed(recipient, way, key, todo) {
  if (way.key.length < 24 || way.key.length % 8 !== 0) return null;
  let secret;
  try {
    const { algorithm } = key.handle;
    const peer = await crypto.subtle.importKey("raw", recipient.originator, algorithm, false, []);
    const agreement = { name: algorithm.name, public: peer };
    secret = new Uint8Array(await crypto.subtle.deriveBits(agreement, key.handle, null)); // null: all of it
  } catch {
    return null; // the point is of another curve
  }
  const info = sharedInfo(todo.wrap.der, recipient.ukm, todo.octets);
  const kek = await (todo.hkdf ? hkdf(todo, secret, info, recipient.ukm) : x963(todo, secret, info));
  try {
    const wrapping = await crypto.subtle.importKey("raw", kek, "AES-KW", false, ["unwrapKey"]);
    // As a key of HMAC, because that may have any length; it is never used as one.
    const kind = { name: "HMAC", hash: "SHA-256" };
    const cek = await crypto.subtle.unwrapKey("raw", way.key, wrapping, "AES-KW", kind, true, ["sign"]);
    return new Uint8Array(await crypto.subtle.exportKey("raw", cek));
  } catch {
    return null; // another key's
  } finally {
    wipe(secret, kek);
  }
}

/** ECC-CMS-SharedInfo (RFC 5753 §7.2): the wrap algorithm stands in it as it was sent. */
function sharedInfo(wrap, ukm, octets) {
  const field = (tag, content) => der.write(der.context(tag), der.write(der.OCTET_STRING, content));
  const bits = Uint8Array.of(0, 0, (octets * 8) >> 8, (octets * 8) & 255);
  return der.write(der.SEQUENCE, wrap, ukm ? field(0, ukm) : new Uint8Array(), field(2, bits));
}

/** The key derivation of ANSI X9.63 (SEC 1 §3.6.1). */
async function x963({ hash, octets }, secret, info) {
  let key = new Uint8Array();
  for (let counter = 1; key.length < octets; counter++) {
    const block = await crypto.subtle.digest(hash, concat(secret, Uint8Array.of(0, 0, 0, counter), info));
    key = concat(key, new Uint8Array(block));
  }
  return key.slice(0, octets);
}

/** HKDF; the user keying material is its salt besides (RFC 8418 §2.2). */
async function hkdf({ hash, octets }, secret, info, ukm) {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash, salt: ukm ?? new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, octets * 8));
}
