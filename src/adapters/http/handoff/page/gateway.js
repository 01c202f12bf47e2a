// The gateway's doors (docs/key-handoff.md), its signing keys as this browser has pinned them, and
// the log of what this browser handed over.
//
// The token is held by this object and nowhere else: not in storage, not in an address. Pins and the
// log are public matter and stay in the browser's storage.

import { thumbprint, Untrusted, verified } from "./session.js";

const API = "/api/v1/handoff";
const PINS = "cedrat-handoff-pins";
const LOG = "cedrat-handoff-log";
/** Longest wait that is asked for, seconds. */
const WAIT = 50;
/** Lines of the log that are kept. */
const LINES = 500;
/** Keys that are handed over in `PERIOD_MS` at most: a gateway that asks for more is not obeyed. */
const MOST = 20;
const PERIOD_MS = 600_000;

/** A refusal of the gateway (RFC 9457), or that it does not answer. */
export class Problem extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? (status ? `The gateway answers ${status}.` : "The gateway does not answer."));
    this.status = status;
    this.code = problem?.code;
  }
}

export class Gateway {
  #token;

  constructor(token) {
    this.#token = token;
  }

  async #ask(path, options = {}) {
    const headers = { authorization: `Bearer ${this.#token}`, ...options.headers };
    const request = { ...options, headers, cache: "no-store", credentials: "same-origin", redirect: "error" };
    let response;
    try {
      response = await fetch(`${API}${path}`, request);
    } catch (fault) {
      if (options.signal?.aborted) throw fault;
      throw new Problem(0);
    }
    if (response.ok) return response;
    throw new Problem(response.status, await response.json().catch(() => undefined));
  }

  /** Sessions that wait for a key; waits for one when there is none. */
  async waiting(wait, signal) {
    const path = `/sessions?state=awaiting_key${wait ? `&wait=${WAIT}` : ""}`;
    return (await (await this.#ask(path, { signal })).json()).sessions;
  }

  /** A session as the pinned key has signed it. */
  async session(id) {
    const response = await this.#ask(`/sessions/${encodeURIComponent(id)}?format=jws`);
    return verified(await response.text(), pinned());
  }

  #send(method, path, body) {
    return this.#ask(path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  }

  async grant(id, body) {
    await this.#send("PUT", `/sessions/${encodeURIComponent(id)}/key`, body);
  }

  async decline(id, reason) {
    await this.#send("POST", `/sessions/${encodeURIComponent(id)}/decline`, { reason_code: reason });
  }
}

/** The gateway's signing keys as it says them, each with its thumbprint. */
export async function signingKeys() {
  const response = await fetch(`${API}/.well-known`, { cache: "no-store", redirect: "error" }).catch(() => undefined);
  if (!response?.ok) throw new Problem(response?.status ?? 0);
  const { keys } = await response.json();
  return Promise.all(keys.map(async (jwk) => ({ ...jwk, thumbprint: await thumbprint(jwk) })));
}

/** The keys that this browser has pinned; empty before the first use. */
export function pinned() {
  return stored(PINS);
}

export function pin(keys) {
  localStorage.setItem(PINS, JSON.stringify(keys));
}

export function unpin() {
  localStorage.removeItem(PINS);
}

/** Lines of the log, the oldest first: when, which session, and digests of what it was about. */
export function log() {
  return stored(LOG);
}

/** Notes that a key is about to be handed over. Nothing is handed over that is not noted. */
export function note(session, recipient, now) {
  const lines = log();
  const recent = lines.filter(({ time }) => Date.parse(time) > now - PERIOD_MS);
  if (recent.length >= MOST) {
    throw new Untrusted(`${MOST} keys were handed over in ten minutes; wait a while.`);
  }
  lines.push({
    time: new Date(now).toISOString(),
    server_key_id: session.server_key_id,
    session: session.id,
    from: session.message.from,
    message_sha256: session.message.sha256,
    ri_sha256: recipient.sha256,
  });
  localStorage.setItem(LOG, JSON.stringify(lines.slice(-LINES)));
}

function stored(name) {
  try {
    const value = JSON.parse(localStorage.getItem(name));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
