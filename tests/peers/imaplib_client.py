#!/usr/bin/env python3
"""An IMAP client of another make (Python's imaplib) for the tests.

  imaplib_client.py HOST:PORT --ca FILE --login USER PASSWORD append MAILBOX FILE...
  imaplib_client.py HOST:PORT --ca FILE --login USER PASSWORD renew MAILBOX
  imaplib_client.py HOST:PORT --ca FILE --login USER PASSWORD state MAILBOX...
  imaplib_client.py HOST:PORT --ca FILE --login USER PASSWORD read MAILBOX...
  imaplib_client.py HOST:PORT --ca FILE --login USER PASSWORD protect MAILBOX...

`append` puts the files into a mailbox; `renew` deletes a mailbox and makes it again from a copy of its messages, as a
restored backup does: dates are kept, flags are not; `state` prints one JSON object: for each mailbox its messages, oldest
first, each with subject, flags, internal date in seconds since 1970 and content; `read` marks all messages of the mailboxes
as read; `protect` makes mailboxes that nobody may put messages into (RFC 4314).
"""

import argparse
import email
import imaplib
import json
import re
import ssl
import time
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", help="HOST:PORT")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--login", nargs=2, required=True, metavar=("USER", "PASSWORD"))
    parser.add_argument("verb", choices=["append", "protect", "read", "renew", "state"])
    parser.add_argument("names", nargs="+")
    return parser.parse_args()


def good(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def state(client, mailbox):
    status, _ = client.select(f'"{mailbox}"', readonly=True)
    if status != "OK":
        return None
    messages = []
    if good(client.search(None, "ALL"))[0]:
        for part in good(client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")):
            if isinstance(part, tuple):
                flags = set(re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).decode().split())
                flags.discard("\\Recent")  # says more of this session than of the message
                subject = email.message_from_bytes(part[1])["Subject"]
                date = int(time.mktime(imaplib.Internaldate2tuple(part[0])))
                content = part[1].decode(errors="replace")
                messages.append({"subject": subject, "flags": sorted(flags), "date": date, "content": content})
    return messages


def renew(client, mailbox):
    good(client.select(f'"{mailbox}"', readonly=True))
    kept = [part for part in good(client.fetch("1:*", "(INTERNALDATE BODY.PEEK[])")) if isinstance(part, tuple)]
    client.unselect()
    good(client.delete(f'"{mailbox}"'))
    good(client.create(f'"{mailbox}"'))
    for head, content in kept:
        date = re.search(rb'INTERNALDATE ("[^"]*")', head).group(1).decode()
        # Dovecot may refuse for a moment while another session still has the mailbox that was deleted.
        for _ in range(20):
            answer = client.append(f'"{mailbox}"', None, date, content)
            if answer[0] == "OK":
                break
            time.sleep(0.1)
        good(answer)


def main():
    wanted = arguments()
    host, port = wanted.server.rsplit(":", 1)
    context = ssl.create_default_context(cafile=wanted.ca)
    with imaplib.IMAP4_SSL(host, int(port), ssl_context=context) as client:
        good(client.login(*wanted.login))
        if wanted.verb == "append":
            mailbox, *files = wanted.names
            client.create(f'"{mailbox}"')
            for file in files:
                good(client.append(f'"{mailbox}"', None, None, Path(file).read_bytes()))
        elif wanted.verb == "read":
            for name in wanted.names:
                good(client.select(f'"{name}"'))
                good(client.store("1:*", "+FLAGS", r"(\Seen)"))
        elif wanted.verb == "protect":
            for name in wanted.names:
                good(client.create(f'"{name}"'))
                good(client.setacl(f'"{name}"', wanted.login[0], "lrswka"))
        elif wanted.verb == "renew":
            for mailbox in wanted.names:
                renew(client, mailbox)
        else:
            print(json.dumps({name: state(client, name) for name in wanted.names}))


if __name__ == "__main__":
    main()
