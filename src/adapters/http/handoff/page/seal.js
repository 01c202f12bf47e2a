// A content key sealed to the one-session key of the gateway: HPKE base mode (RFC 9180) with
// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, and the associated data that bind it to
// this session, message, RecipientInfo, algorithm and consent (docs/key-handoff.md).
//
// One seal has one key of its own and one message, so there is no sequence number.

import { concat, decode, encode, encodedOctets, sha256, utf8, wipe } from "./octets.js";

export const SUITE = Object.freeze({ kem: 0x0010, kdf: 0x0001, aead: 0x0002 });
export const INFO = "cedrat key-handoff v1";

const KEM = concat(utf8("KEM"), Uint8Array.of(0, SUITE.kem));
const HPKE = concat(utf8("HPKE"), Uint8Array.of(0, SUITE.kem, 0, SUITE.kdf, 0, SUITE.aead));
const VERSION = utf8("HPKE-v1");
const NOTHING = new Uint8Array();
const BASE_MODE = Uint8Array.of(0);
const HASH_OCTETS = 32;

/**
 * Canonical JSON (RFC 8785) of what is hashed here: objects, lists, strings, truth values, null and
 * small integers, whose spelling in ECMAScript is the canonical one.
 */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 wants
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/**
 * What a seal is bound to. Digests are computed here from the octets, never taken from the document;
 * only the message's is the server's word, because its octets are not here.
 */
export async function binding(session, recipient, consent) {
  return utf8(
    canonical({
      v: 1,
      session: session.id,
      server_key_id: session.server_key_id,
      message_sha256: session.message.sha256,
      ri_sha256: encode(await sha256(decode(recipient.der))),
      content_alg_sha256: encode(await sha256(decode(session.message.content_alg.der))),
      consent_sha256: encode(await sha256(utf8(canonical(consent)))),
      expires: session.expires,
      jti: session.seal.jti,
    }),
  );
}

/** The content key sealed: `{enc, ct}` in base64url. */
export async function sealKey(to, aad, cek, algorithm) {
  const plaintext = concat(utf8('{"cek":"'), encodedOctets(cek), utf8(`","alg":"${algorithm}"}`));
  try {
    const own = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    const { enc, ct } = await seal(decode(to.public_key), utf8(to.info), aad, plaintext, own);
    return { enc: encode(enc), ct: encode(ct) };
  } finally {
    wipe(plaintext);
  }
}

/** HPKE SealBase with the key pair `own` as the ephemeral one. */
export async function seal(recipient, info, aad, plaintext, own) {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const peer = await crypto.subtle.importKey("raw", recipient, curve, false, []);
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
  const dh = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: peer }, own.privateKey, 256));
  const eae = await extract(KEM, NOTHING, "eae_prk", dh);
  const shared = await expand(KEM, eae, "shared_secret", concat(enc, recipient), HASH_OCTETS);
  const schedule = concat(
    BASE_MODE,
    await extract(HPKE, NOTHING, "psk_id_hash", NOTHING),
    await extract(HPKE, NOTHING, "info_hash", info),
  );
  const secret = await extract(HPKE, shared, "secret", NOTHING);
  const key = await expand(HPKE, secret, "key", schedule, 32);
  const iv = await expand(HPKE, secret, "base_nonce", schedule, 12);
  const cipher = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const ct = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: aad }, cipher, plaintext);
  wipe(dh, eae, shared, secret, key);
  return { enc, ct: new Uint8Array(ct) };
}

/** LabeledExtract (RFC 9180 §4). */
function extract(suite, salt, label, ikm) {
  // HMAC fills a short key with zeros, so that none is as good as one of zeros, which WebCrypto takes.
  return hmac(salt.length > 0 ? salt : new Uint8Array(HASH_OCTETS), concat(VERSION, suite, utf8(label), ikm));
}

/** LabeledExpand (RFC 9180 §4) of at most one block of the hash: all that is asked for here. */
async function expand(suite, prk, label, info, length) {
  const labeled = concat(Uint8Array.of(0, length), VERSION, suite, utf8(label), info, Uint8Array.of(1));
  return (await hmac(prk, labeled)).slice(0, length);
}

async function hmac(key, octets) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, octets));
}
