// DER and BER (X.690), as far as keys, certificates and RecipientInfos have need of them: one element
// with those inside it, object identifiers, and definite lengths written.
//
// Indefinite lengths are read, because mail has them; tag numbers above 30 are not. What is read is
// never written again: the octets of an element stay those that came.

import { concat } from "./octets.js";

export class Malformed extends Error {}

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const SEQUENCE = 0x30;
/** Context tags: constructed and primitive. */
export const context = (number) => 0xa0 | number;
export const primitive = (number) => 0x80 | number;

const CONSTRUCTED = 0x20;
/** Deeper than any structure that is read here. */
const MAX_DEPTH = 16;

/** The one element that the octets are. */
export function read(octets) {
  const element = at(octets, 0, 0);
  if (element.end !== octets.length) throw new Malformed("octets follow the element");
  return element;
}

function at(octets, start, depth) {
  if (depth > MAX_DEPTH) throw new Malformed("nested too deep");
  if (start + 2 > octets.length) throw new Malformed("cut off");
  const tag = octets[start];
  if ((tag & 0x1f) === 0x1f) throw new Malformed("a tag number above 30");
  let length = octets[start + 1];
  let from = start + 2;
  const children = [];
  if (length === 0x80) {
    if (!(tag & CONSTRUCTED)) throw new Malformed("an indefinite length of a primitive element");
    let next = from;
    while (octets[next] !== 0 || octets[next + 1] !== 0) {
      const child = at(octets, next, depth + 1);
      children.push(child);
      next = child.end;
    }
    const [content, whole] = [octets.subarray(from, next), octets.subarray(start, next + 2)];
    return new Element(tag, content, whole, children, next + 2);
  }
  if (length > 0x80) {
    const count = length & 0x7f;
    if (count > 4 || from + count > octets.length) throw new Malformed("a length of its own kind");
    length = 0;
    for (let n = 0; n < count; n++) length = length * 256 + octets[from++];
  }
  const end = from + length;
  if (end > octets.length) throw new Malformed("cut off");
  if (tag & CONSTRUCTED) {
    for (let next = from; next < end; next = children.at(-1).end) {
      children.push(at(octets.subarray(0, end), next, depth + 1));
    }
  }
  return new Element(tag, octets.subarray(from, end), octets.subarray(start, end), children, end);
}

class Element {
  constructor(tag, content, whole, children, end) {
    this.tag = tag;
    this.content = content;
    /** With tag and length. */
    this.whole = whole;
    this.children = children;
    /** Where the next begins. */
    this.end = end;
  }

  is(tag) {
    return this.tag === tag;
  }

  /** This element, if it has the tag. */
  as(tag) {
    if (this.tag !== tag) throw new Malformed(`tag ${this.tag} where ${tag} belongs`);
    return this;
  }

  /** The element inside at a position, if it has the tag. */
  child(position, tag) {
    const child = this.children[position];
    if (child === undefined) throw new Malformed("an element is missing");
    return tag === undefined ? child : child.as(tag);
  }

  /** The first element inside with the tag; undefined when there is none. */
  optional(tag) {
    return this.children.find((child) => child.tag === tag);
  }

  /** Of an OCTET STRING, in one piece or in several; also when it is tagged in its place. */
  octets() {
    return this.tag & CONSTRUCTED ? concat(...this.children.map((child) => child.octets())) : this.content;
  }

  /** Of a BIT STRING of whole octets. */
  bits() {
    this.as(BIT_STRING);
    if (this.content[0] !== 0) throw new Malformed("a BIT STRING of odd bits");
    return this.content.subarray(1);
  }

  /** Of an INTEGER that a double holds. */
  number() {
    this.as(INTEGER);
    if (this.content.length > 6) throw new Malformed("a number too large");
    return this.content.reduce((number, octet) => number * 256 + octet, 0);
  }

  /** An object identifier, dotted. */
  oid() {
    this.as(OID);
    const arcs = [];
    let arc = 0;
    for (const octet of this.content) {
      arc = arc * 128 + (octet & 0x7f);
      if (arc > Number.MAX_SAFE_INTEGER / 128) throw new Malformed("an object identifier too large");
      if (octet & 0x80) continue;
      if (arcs.length === 0) {
        const first = Math.min(Math.floor(arc / 40), 2);
        arcs.push(first, arc - first * 40);
      } else {
        arcs.push(arc);
      }
      arc = 0;
    }
    return arcs.join(".");
  }

  /** An AlgorithmIdentifier: `oid`, `parameters` (undefined when absent), and `der` as it came. */
  algorithm() {
    return { oid: this.child(0, OID).oid(), parameters: this.children[1], der: this.whole };
  }
}

/** An element of these contents, its length definite. */
export function write(tag, ...contents) {
  const content = concat(...contents);
  const length = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const head = content.length < 0x80 ? [content.length] : [0x80 | length.length, ...length];
  return concat(Uint8Array.of(tag, ...head), content);
}
