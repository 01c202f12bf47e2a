#!/usr/bin/env python3
"""What Python's email package finds in messages: one line of JSON for each FILE.

Media are told by the SHA-256 of their decoded octets, texts by their words, so that what went through a gateway can be
compared with what was sent by a judge that is of neither side.
"""

import email
import email.policy
import hashlib
import html
import json
import re
import sys
from pathlib import Path


def text_of(part):
    octets = part.get_payload(decode=True) or b""
    charset = part.get_content_charset()
    if charset:
        try:
            return octets.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def parts(message):
    """Leaf parts; an enclosed message is one part."""
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in message.get_payload():
            yield from parts(part)
    else:
        yield message


def describe(path):
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
    found = {"media": [], "words": [], "html": [], "smil": 0, "type": message.get("X-Mms-Message-Type")}
    for part in parts(message):
        kind = part.get_content_type()
        if kind == "text/plain":
            found["words"] += text_of(part).split()
        elif kind == "text/html":
            bare = re.sub(r"(?s)<!--.*?-->|<(style|script|title).*?</\1>|<[^>]*>", " ", text_of(part))
            found["html"] += html.unescape(bare).split()
        elif kind == "application/smil":
            found["smil"] += 1
        elif not kind.startswith(("text/", "message/")):
            octets = part.get_payload(decode=True) or b""
            found["media"].append([kind, len(octets), hashlib.sha256(octets).hexdigest()])
    return found


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(describe(Path(name))))
