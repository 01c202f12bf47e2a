// What the page calls things: sizes, times, and the tokens of a session in words for people.

/** Octets as people read them. */
export function size(octets) {
  const units = ["octets", "kB", "MB", "GB"];
  let at = 0;
  for (; octets >= 1000 && at < units.length - 1; at++) octets /= 1000;
  return `${octets >= 10 || at === 0 ? Math.round(octets) : octets.toFixed(1)} ${units[at]}`;
}

/** How long until a point in time. */
export function left(until, now) {
  const seconds = Math.floor((Date.parse(until) - now) / 1000);
  if (!(seconds > 0)) return "expired";
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min left`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s left` : `${seconds} s left`;
}

/** A point in time as the reader's own clock shows it. */
export function time(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

const MEDIA = { "*": "everything", image: "pictures", audio: "sound", video: "videos", text: "text", application: "documents" };

/** A media range, such as image/*. */
export function part(range) {
  const [kind, subtype] = range.split("/");
  return subtype === "*" && MEDIA[kind] ? MEDIA[kind] : range;
}

export const OUTPUT = {
  reencrypt: "encrypted to you again",
  "mms-cleartext": "in clear, as a multimedia message: the networks on its way can read it",
  "mail-cleartext": "in clear, as mail: the servers on its way can read it",
};

export const SIGNATURE = {
  "gateway-sign": "is replaced by the gateway's own",
  "keep-original": "stays, on the original attached to the result",
  refuse: "forbids the conversion",
  "verify-and-strip": "is verified, noted and removed",
};

/** What is asked, in a sentence. */
export function asked({ purpose, parts, device, output }) {
  const what = parts.map(part).join(", ").replace(/, ([^,]*)$/, " and $1");
  const aim = purpose === "transcode-for-handset" ? "your device" : "your mailbox";
  return `Convert ${what} for ${device ?? aim}; the result goes on ${OUTPUT[output]}.`;
}

const OUTCOMES = {
  cancelled: "The session was withdrawn.",
  "consent-insufficient": "What you allowed does not suffice for what must be done. The message goes on without.",
  "conversion-failed": "The key was right, but the content could not be converted. The message goes on without.",
  "deadline-passed": "The work took too long and the key was wiped.",
  declined: "Declined. No key was handed over.",
  done: "Done. The content was converted, and the key is wiped.",
  "key-not-usable": "The key is not usable for this message. The gateway says no more than that, whatever the cause.",
  "session-expired": "No key came in time; the session is over.",
  "too-many-attempts": "The gateway refused too many attempts and closed the session.",
};

/** How a session ended. */
export const outcome = ({ outcome: slug, state }) => OUTCOMES[slug] ?? `The session is over: ${slug ?? state}.`;
