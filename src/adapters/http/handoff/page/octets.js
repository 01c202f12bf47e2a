// Octets in and out of text: base64url as every octet of the handoff is written (RFC 4648 §5, no
// padding), base64 as in PEM, UTF-8. A content key is encoded to octets, never to a string: strings
// cannot be wiped.

const ALPHABET = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]));

export const utf8 = (text) => new TextEncoder().encode(text);

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function equal(a, b) {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}

/** Overwrites what was secret. The engine may have moved it before; this is what a page can do. */
export function wipe(...secrets) {
  for (const octets of secrets) octets?.fill(0);
}

/** The characters of base64url, as octets. */
export function encodedOctets(octets) {
  const out = new Uint8Array(Math.ceil((octets.length * 4) / 3));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const octet of octets) {
    held = ((held << 8) | octet) & 0xffff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out[at++] = ALPHABET[(held >> bits) & 63];
    }
  }
  if (bits > 0) out[at] = ALPHABET[(held << (6 - bits)) & 63];
  return out;
}

export const encode = (octets) => new TextDecoder().decode(encodedOctets(octets));

/** From base64url; null for other alphabets, padding and stray bits: equal octets have one spelling. */
export function decode(text) {
  if (typeof text !== "string" || text.length % 4 === 1) return null;
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let n = 0; n < text.length; n++) {
    const value = VALUES.get(text.charCodeAt(n));
    if (value === undefined) return null;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (held >> bits) & 255;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? out : null;
}

/** From the base64 of PEM, with its line ends; null when it is none. */
export function decodePem(text) {
  return decode(text.replace(/\s+/g, "").replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_"));
}

/** In hexadecimal. */
export const hex = (octets) => [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");

export async function sha256(octets) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
}
