// The page of the key handoff: what is shown and what is pressed. Sessions are verified in session.js,
// keys read in keyfile.js, content keys opened in recipient.js and sealed in seal.js.
//
// The token and the private key live in `page` until they are forgotten or the page is closed. Text of
// others enters as text nodes only. Every press that uses the private key is a person's.

import * as gateways from "./gateway.js";
import { encode, wipe } from "./octets.js";
import { KeyFile, Unusable } from "./keyfile.js";
import { binding, canonical, sealKey } from "./seal.js";
import { checked, choices, ENDS, openable, unlocked, Untrusted } from "./session.js";
import * as words from "./words.js";

const page = {
  /** The gateway with the user's token, once connected. */
  gateway: null,
  /** Ends the watch of the list. */
  watch: null,
  /** Private key, once read, with its file and certificates until then. */
  key: null,
  file: null,
  certificates: [],
  /** The session that is shown: `{id, session, recipients}`. */
  shown: null,
  /** What the list was drawn of. */
  drawn: "",
};

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

function say(id, text, kind = "") {
  $(id).textContent = text;
  $(id).className = `said ${kind}`;
}

function show(id, visible) {
  $(id).hidden = !visible;
}

/** A fault in words; what is not one of ours is a fault of this page, and says so. */
function saying(fault) {
  const ours = [Untrusted, Unusable, gateways.Problem].some((kind) => fault instanceof kind);
  return ours ? fault.message : `This page failed: ${fault.message}`;
}

/** Runs what a press starts; the button rests meanwhile, and what goes wrong is said beside it. */
function pressed(button, said, work) {
  return async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    say(said, "");
    try {
      await work();
    } catch (fault) {
      say(said, saying(fault), "bad");
    } finally {
      button.disabled = false;
      ready();
    }
  };
}

// Access: the token, and the gateway's key.

async function connect() {
  const token = $("token").value.trim();
  show("first", false);
  show("stop", false);
  const keys = await gateways.signingKeys();
  const pinned = gateways.pinned();
  if (pinned.length === 0) return ask(keys);
  if (!keys.some(({ thumbprint }) => pinned.some((pin) => pin.thumbprint === thumbprint))) return halt(pinned, keys);
  const gateway = new gateways.Gateway(token);
  list(await gateway.waiting(false)); // says whether the token is one
  $("token").value = "";
  page.gateway = gateway;
  page.watch = new AbortController();
  fingerprint();
  for (const [id, visible] of [["connect", false], ["connected", true], ["waiting", true]]) show(id, visible);
  $("waiting-title").focus();
  watch(gateway, page.watch.signal);
}

function disconnect() {
  page.watch?.abort();
  page.gateway = null;
  leave();
  list([]);
  for (const [id, visible] of [["connect", true], ["connected", false], ["waiting", false]]) show(id, visible);
  $("token").focus();
}

function fingerprint() {
  $("server-key").textContent = gateways.pinned().map(({ thumbprint }) => thumbprint.slice(0, 12)).join(" ");
}

function fingerprints(id, keys) {
  $(id).replaceChildren(...keys.map(({ kid, thumbprint }) => make("li", {}, `${thumbprint}  (${kid})`)));
}

/** The first visit: a person compares. */
function ask(keys) {
  fingerprints("first-keys", keys);
  show("first", true);
  $("first-title").focus();
  $("trust").onclick = () => {
    gateways.pin(keys);
    show("first", false);
    $("connect").requestSubmit();
  };
  $("distrust").onclick = () => {
    show("first", false);
    say("access-said", "Then this is not your operator's gateway. Nothing was sent to it but its own page.", "bad");
  };
}

/** The pinned key is gone: nothing goes on. */
function halt(pinned, keys) {
  disconnect();
  fingerprints("stop-pinned", pinned);
  fingerprints("stop-shown", keys);
  show("stop", true);
  $("stop-title").focus();
  $("told").checked = false;
  $("told").onchange = () => {
    $("repin").disabled = !$("told").checked;
  };
  $("repin").onclick = () => {
    gateways.pin(keys);
    show("stop", false);
    $("token").focus();
  };
}

// The private key.

async function choose(file) {
  page.file = file && new KeyFile(new Uint8Array(await file.arrayBuffer()));
  const encrypted = page.file?.isEncrypted ?? false;
  show("passphrase-row", encrypted);
  say("key-said", "");
  if (encrypted) $("passphrase").focus();
  else if (page.file) await openKey();
}

async function openKey() {
  if (!page.file) throw new Untrusted("Choose the file with your private key first.");
  page.key = await page.file.open($("passphrase").value, page.certificates);
  page.file = null;
  $("passphrase").value = "";
  $("key-file").value = "";
  const owner = page.key.certificate ? ` of ${page.key.certificate.subject}` : "";
  $("loaded-key").textContent = `${page.key.name}${owner}: in memory only, and cannot be taken out.`;
  for (const [id, visible] of [["load", false], ["passphrase-row", false], ["loaded", true]]) show(id, visible);
  ready();
}

function forget() {
  page.key = null;
  page.certificates = [];
  $("certificate-file").value = "";
  show("loaded", false);
  show("load", true);
  $("key-file").focus();
  ready();
}

async function chooseCertificate(file) {
  page.certificates = file ? new KeyFile(new Uint8Array(await file.arrayBuffer())).certificates : [];
}

// What waits.

async function watch(gateway, signal) {
  let some = true;
  while (!signal.aborted) {
    try {
      const sessions = await gateway.waiting(!some, signal);
      if (signal.aborted) return;
      some = sessions.length > 0;
      list(sessions);
      say("waiting-said", "");
      // A list that is not empty is answered at once.
      await pause(some ? 3_000 : 200);
    } catch (fault) {
      if (signal.aborted) return;
      say("waiting-said", `${saying(fault)} This page tries again.`, "bad");
      await pause(5_000);
    }
  }
}

function list(sessions) {
  const drawn = JSON.stringify(sessions);
  if (drawn === page.drawn) return; // a button that is replaced while it is pressed hears nothing
  page.drawn = drawn;
  document.title = sessions.length > 0 ? `(${sessions.length}) Key handoff` : "Key handoff";
  show("none", sessions.length === 0);
  const focused = document.activeElement?.dataset.id;
  $("list").replaceChildren(...sessions.map(({ id, expires, message }) => {
    const button = make("button", { type: "button", "data-id": id },
      make("span", { class: "subject" }, message.subject ?? "(no subject)"),
      make("span", { class: "size" }, words.size(message.size)),
      make("span", { class: "from" }, message.from ?? "(no sender)"),
      make("span", { class: "left", "data-until": expires }, words.left(expires, Date.now())));
    button.onclick = () => look(id);
    return make("li", {}, button);
  }));
  mark();
  if (focused) document.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

/** Seconds pass. */
function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    element.textContent = words.left(element.dataset.until, Date.now());
  }
}

// One message.

async function look(id) {
  leave();
  page.shown = { id };
  mark();
  try {
    const session = await page.gateway.session(id);
    const recipients = await checked(session, id);
    if (page.shown?.id !== id) return;
    page.shown = { id, session, recipients };
    facts(session);
    if (session.state === "awaiting_key") {
      consent(session.consent);
      show("decide", true);
      able();
    } else {
      watched(id); // granted or declined elsewhere
    }
  } catch (fault) {
    if (page.shown?.id !== id) return;
    const kept = fault instanceof Untrusted ? "This session is not to be trusted. Your key was not touched. " : "";
    say("said", kept + saying(fault), "bad");
    show("back", true);
  }
  show("message", true);
  $("message-title").focus();
}

/** Which of the list is shown. */
function mark() {
  for (const button of $("list").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.id === page.shown?.id));
  }
}

/** Back to the list. */
function leave() {
  page.shown = null;
  mark();
  for (const id of ["message", "decide", "steps", "back", "integrity", "unable"]) show(id, false);
  $("facts").replaceChildren();
  say("said", "");
}

function facts({ account, expires, message, recipients, server_key_id: signer }) {
  const before = gateways.log().filter((line) => line.message_sha256 === message.sha256);
  const kept = (text) => make("span", { class: "quiet" }, text);
  const rows = [
    ["From", message.from ?? "(not stated)"],
    ["Subject", message.subject ?? "(none in clear)"],
    ["Date", message.date ? words.time(message.date) : "(not stated)"],
    ["Size", words.size(message.size)],
    ["To", `${account}, by ${recipients.map((one) => one.key_enc_alg.name).join(", ")}`],
    ["Encrypted with", message.content_alg.name],
    ["Digest", make("code", {}, message.sha256), kept("Stated by the gateway. From, Subject and Date are outside the encryption.")],
    ["Signed by", make("code", {}, signer), kept("The key that this browser has pinned.")],
    ["Expires", make("span", { "data-until": expires }, words.left(expires, Date.now()))],
  ];
  if (before.length > 0) rows.push(["Before", `Its key was handed over from this browser ${words.time(before.at(-1).time)}.`]);
  $("facts").replaceChildren(...rows.flatMap(([name, ...value]) => [make("dt", {}, name), make("dd", {}, ...value)]));
  show("integrity", message.integrity === "none");
}

/** What is asked, to be agreed to or narrowed. */
function consent(asked) {
  $("asked").textContent = words.asked(asked);
  const { output, signature } = choices(asked);
  options("parts", "checkbox", asked.parts, (range) => `${words.part(range)} (${range})`, () => true);
  options("output", "radio", output, (value) => words.OUTPUT[value], (value) => value === asked.output);
  show("output", output.length > 1);
  $("signature").replaceChildren(...signature.map((value) => make("option", { value }, words.SIGNATURE[value])));
  show("signature-row", signature.length > 1);
  $("keep").checked = asked.keep_original;
  show("keep-row", asked.keep_original);
}

function options(id, type, values, label, checked) {
  const boxes = values.map((value) => {
    const box = make("input", { type, name: id, value });
    box.checked = checked(value);
    box.onchange = ready;
    return make("label", {}, box, label(value));
  });
  $(id).replaceChildren($(id).querySelector("legend"), ...boxes);
}

/** The consent as it was chosen. */
function chosen(asked) {
  const values = (id) => [...$(id).querySelectorAll("input:checked")].map(({ value }) => value);
  return {
    purpose: asked.purpose,
    parts: values("parts"),
    output: values("output")[0],
    device: asked.device,
    signature: $("signature").value,
    keep_original: $("keep").checked,
  };
}

/** Says what browsers cannot open of what is shown. */
function able() {
  const { able, unable } = openable(page.shown.recipients);
  const reasons = [...new Set(unable.map(({ obstacle }) => obstacle))].join("; ");
  if (able.length === 0) {
    $("unable").replaceChildren(
      `A browser cannot open this message: it is encrypted to you with ${reasons || "no key of yours"}. Open it with the program `,
      make("code", {}, "cedrat-key"), ", or decline.");
  }
  show("unable", able.length === 0);
  ready();
}

/** What can be pressed, and what is still missing. */
function ready() {
  if (!page.shown?.recipients) return;
  const able = openable(page.shown.recipients).able.length > 0;
  const some = chosen(page.shown.session.consent).parts.length > 0;
  $("grant").disabled = !able || !some || !page.key;
  $("before").textContent = !able ? "" : !page.key ? "Choose your private key above first." : some ? "" : "Choose what may be converted, or decline.";
}

async function grant() {
  const { id, session, recipients } = page.shown;
  const agreed = chosen(session.consent);
  const { name, key_bytes: octets } = session.message.content_alg;
  const found = await unlocked(recipients, page.key, octets);
  if (!found) {
    $("reason").value = "no-key";
    throw new Untrusted("Your private key does not open this message. Nothing was sent. Choose another key, or decline.");
  }
  let body;
  try {
    gateways.note(session, found.recipient, Date.now());
    const aad = await binding(session, found.recipient, agreed);
    const sealed = await sealKey(session.seal, aad, found.cek, name);
    body = { recipient_index: found.recipient.index, ...sealed, aad: encode(aad) };
  } finally {
    wipe(found.cek);
  }
  if (canonical(agreed) !== canonical(session.consent)) body.consent = agreed;
  logged();
  await put(id, body);
  show("decide", false);
  show("steps", true);
  $("facts").querySelector("[data-until]").replaceWith("no longer: its key was handed over");
  await follow(id);
}

/** The same body has the same answer, so that what got lost on the way is sent again. */
async function put(id, body) {
  for (let tries = 3; ; tries--) {
    try {
      return await page.gateway.grant(id, body);
    } catch (fault) {
      if (fault.status !== 0 || tries === 0) throw fault;
      await pause(1_000);
    }
  }
}

async function decline() {
  const { id } = page.shown;
  await page.gateway.decline(id, $("reason").value);
  show("decide", false);
  await follow(id);
}

/** Follows what somebody else has pressed. */
function watched(id) {
  show("steps", true);
  follow(id).catch((fault) => say("said", saying(fault), "bad"));
}

/** Shows where the session stands until it is over. */
async function follow(id) {
  for (let wait = 300; page.shown?.id === id; wait = Math.min(wait * 1.3, 2_000)) {
    const session = await standing(id);
    if (page.shown?.id !== id) return;
    const over = ENDS.includes(session.state);
    steps(session.state, over);
    if (over) {
      say("said", words.outcome(session), session.state === "done" ? "good" : session.state === "declined" ? "" : "bad");
      show("back", true);
      $("back").focus();
      return;
    }
    await pause(wait);
  }
}

/** A session whose key is in use: an answer that got lost is asked for again. */
async function standing(id) {
  for (;;) {
    try {
      return await page.gateway.session(id);
    } catch (fault) {
      show("back", true);
      if (fault.status !== 0) throw fault;
      await pause(2_000);
    }
  }
}

function steps(state, over) {
  const all = [...$("steps").children];
  const at = all.findIndex((step) => step.dataset.state === state);
  const reached = at >= 0 ? at : all.findIndex((step) => !step.classList.contains("past"));
  all.forEach((step, position) => {
    const past = position < reached || state === "done";
    step.className = past ? "past" : position > reached ? "" : over ? "ended" : "now";
    if (step.className === "now") step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  });
}

/** The log of this browser, the newest first. */
function logged() {
  const lines = gateways.log().reverse();
  if (lines.length > 0) $("log-summary").textContent = `${lines.length} from this browser, the last ${words.time(lines[0].time)}`;
  $("log-lines").replaceChildren(...lines.map((line) => make("li", {},
    `${words.time(line.time)}  ${line.from ?? ""} `, make("code", {}, `${line.session}  message ${line.message_sha256}`))));
}

function begin() {
  $("host").textContent = location.host;
  if (!window.isSecureContext || !window.crypto?.subtle) {
    for (const [id, visible] of [["insecure", true], ["access", false], ["private", false]]) show(id, visible);
    return;
  }
  fingerprint();
  logged();
  $("connect").onsubmit = pressed($("connect").querySelector("button"), "access-said", connect);
  $("disconnect").onclick = disconnect;
  const open = $("load").querySelector("button");
  $("load").onsubmit = pressed(open, "key-said", openKey);
  $("key-file").onchange = (event) => pressed(open, "key-said", () => choose($("key-file").files[0]))(event);
  $("certificate-file").onchange = (event) => pressed(open, "key-said", () => chooseCertificate($("certificate-file").files[0]))(event);
  $("forget").onclick = forget;
  $("decide").onsubmit = pressed($("grant"), "said", grant);
  $("decline").onclick = pressed($("decline"), "said", decline);
  $("back").onclick = () => {
    leave();
    $("waiting-title").focus();
  };
  setInterval(tick, 1_000);
  document.querySelector("main").inert = false; // what was pressed before would have been heard by nobody
}

begin();
