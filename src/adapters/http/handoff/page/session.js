// The session document as a client must take it: verified under the pinned key, checked against
// itself, its consent understood to the last member and narrowed by the user, never widened.
//
// What the gateway states and nobody here can check (sender, digest of the message) is shown as the
// gateway's word.

import * as der from "./der.js";
import { decode, encode, equal, sha256, utf8 } from "./octets.js";
import { canonical, INFO, SUITE } from "./seal.js";
import * as recipient from "./recipient.js";

/** The session is not to be trusted; nothing is to be done with a private key. */
export class Untrusted extends Error {}

const CONTENT = {
  "aes-128-cbc": ["2.16.840.1.101.3.4.1.2", 16, "none"],
  "aes-192-cbc": ["2.16.840.1.101.3.4.1.22", 24, "none"],
  "aes-256-cbc": ["2.16.840.1.101.3.4.1.42", 32, "none"],
  "aes-128-gcm": ["2.16.840.1.101.3.4.1.6", 16, "aead"],
  "aes-192-gcm": ["2.16.840.1.101.3.4.1.26", 24, "aead"],
  "aes-256-gcm": ["2.16.840.1.101.3.4.1.46", 32, "aead"],
  "3des-cbc": ["1.2.840.113549.3.7", 24, "none"],
};

/** The values of a consent that are understood here; others are not agreed to. */
const CONSENT = {
  purpose: ["transcode-for-handset", "transcode-for-mailbox"],
  output: ["mail-cleartext", "mms-cleartext", "reencrypt"],
  signature: ["gateway-sign", "keep-original", "refuse", "verify-and-strip"],
};
const CONSENT_MEMBERS = ["device", "keep_original", "output", "parts", "purpose", "signature"];
const RANGE = /^(\*\/\*|[a-z0-9][a-z0-9!#$&^_.+-]*\/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*))$/;

export const ENDS = ["done", "declined", "expired", "failed", "cancelled"];

/** RFC 7638: what is pinned and compared. It does not cover the key id, which is only a name. */
export async function thumbprint({ crv, kty, x, y }) {
  return encode(await sha256(utf8(canonical({ crv, kty, x, y }))));
}

/** The payload of a token (RFC 7515, compact, ES256 and nothing else) that a pinned key has signed. */
export async function verified(token, pinned) {
  const parts = token.split(".");
  const [head, payload, signature] = parts.map(decode);
  if (parts.length !== 3 || !head || !payload || !signature) throw new Untrusted("It is not signed.");
  const header = parsed(head);
  if (header.alg !== "ES256" || header.typ !== "cedrat-handoff+jws" || "crit" in header) {
    throw new Untrusted("It is signed in another way, or for another purpose.");
  }
  const jwk = pinned.find(({ kid }) => kid === header.kid);
  if (!jwk) throw new Untrusted(`It is signed by the key "${header.kid}", which this browser has not pinned.`);
  const { crv, kty, x, y } = jwk;
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", { crv, kty, x, y }, algorithm, false, ["verify"]).catch(() => {
    throw new Untrusted("The pinned key is no key.");
  });
  const signed = utf8(`${parts[0]}.${parts[1]}`);
  if (!(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, signed))) {
    throw new Untrusted("Its signature is not that of the pinned key.");
  }
  return parsed(payload);
}

function parsed(octets) {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(octets));
    if (value !== null && typeof value === "object") return value;
  } catch {
    // Said below.
  }
  throw new Untrusted("It cannot be read.");
}

/** Checks what can be checked of a session by itself; its recipients, read. */
export async function checked(session, id) {
  if (session.id !== id) throw new Untrusted("It is another session than the one asked for.");
  // Shown and declined here, never granted: nothing of OpenPGP is read.
  const openpgp = session.message.format === "openpgp";
  if (!openpgp) content(session.message);
  const { kem, kdf, aead, info } = session.seal;
  if (kem !== SUITE.kem || kdf !== SUITE.kdf || aead !== SUITE.aead || info !== INFO) {
    throw new Untrusted("It asks for a seal that this page does not make.");
  }
  understood(session.consent);
  const seen = new Set();
  const recipients = [];
  for (const stated of session.recipients) {
    const octets = decode(stated.der) ?? new Uint8Array();
    if (seen.has(stated.index)) throw new Untrusted(`It has the recipient ${stated.index} twice.`);
    seen.add(stated.index);
    if (!equal(await sha256(octets), decode(stated.sha256) ?? [])) {
      throw new Untrusted(`The digest of recipient ${stated.index} is not the one stated.`);
    }
    recipients.push({ stated, info: openpgp ? { kind: "openpgp", ways: [] } : readable(octets) });
  }
  return recipients;
}

function readable(octets) {
  try {
    return recipient.read(octets);
  } catch (fault) {
    if (fault instanceof der.Malformed) throw new Untrusted(`A RecipientInfo cannot be read: ${fault.message}.`);
    throw fault;
  }
}

/** The algorithm must be one, and be the one in the octets that the seal is bound to. */
function content({ content_alg: stated, integrity }) {
  const [oid, octets, proves] = Object.hasOwn(CONTENT, stated.name) ? CONTENT[stated.name] : [];
  let sent;
  try {
    sent = der.read(decode(stated.der) ?? new Uint8Array()).algorithm().oid;
  } catch {
    // It equals nothing.
  }
  if (!oid || stated.oid !== oid || sent !== oid || stated.key_bytes !== octets || integrity !== proves) {
    throw new Untrusted("What it says of the content's encryption contradicts itself.");
  }
}

function understood(consent) {
  const members = Object.keys(consent).sort();
  const known = Object.entries(CONSENT).every(([name, values]) => values.includes(consent[name]));
  const parts = Array.isArray(consent.parts) && consent.parts.every((part) => RANGE.test(part));
  const rest = typeof consent.keep_original === "boolean" && (consent.device === null || typeof consent.device === "string");
  if (members.join() !== CONSENT_MEMBERS.join() || !known || !parts || !rest) {
    throw new Untrusted("It asks for something that this page does not know.");
  }
}

/** What may be chosen instead of what is asked: the same, or less. The first is what is asked. */
export function choices({ output, signature }) {
  const less = {
    "gateway-sign": ["verify-and-strip", "refuse"],
    "keep-original": ["verify-and-strip", "refuse"],
    "verify-and-strip": ["refuse"],
    refuse: [],
  };
  return {
    output: output === "reencrypt" ? [output] : [output, "reencrypt"],
    signature: [signature, ...less[signature]],
  };
}

/** How a recipient could be opened here: those a browser can open, and why it cannot open the others. */
export function openable(recipients) {
  const all = recipients.map((one) => ({ ...one, obstacle: recipient.obstacle(one.info) }));
  return { able: all.filter((one) => !one.obstacle), unable: all.filter((one) => one.obstacle) };
}

/** The content key with the recipient whose key opened it; null when the private key opens none. */
export async function unlocked(recipients, key, octets) {
  for (const one of openable(recipients).able) {
    const cek = await recipient.open(one.info, key, octets);
    if (cek) return { cek, recipient: one.stated };
  }
  return null;
}
