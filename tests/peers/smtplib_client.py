#!/usr/bin/env python3
"""An SMTP or LMTP client of another make (Python's smtplib) for the tests: sends one message, prints what was answered.

  smtplib_client.py HOST:PORT --from A --to A [--to A]... [--lmtp] [--starttls CA] [--login USER PASSWORD] FILE

The octets of FILE go out as they are, with their line ends made CRLF. Prints one JSON object: code and text of the last
answer, the recipients that were refused, and what the server offered. Exit code 0 when at least one was accepted.
"""

import argparse
import json
import smtplib
import ssl
import sys
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", help="HOST:PORT")
    parser.add_argument("file", type=Path)
    parser.add_argument("--from", dest="sender", required=True)
    parser.add_argument("--to", action="append", required=True)
    parser.add_argument("--lmtp", action="store_true")
    parser.add_argument("--starttls", metavar="CA", help="upgrade to TLS and verify with this CA")
    parser.add_argument("--login", nargs=2, metavar=("USER", "PASSWORD"))
    parser.add_argument("--mail-option", action="append", default=[], help="such as BODY=8BITMIME or RET=HDRS")
    parser.add_argument("--rcpt-option", action="append", default=[], help="such as NOTIFY=SUCCESS,FAILURE")
    return parser.parse_args()


def main():
    options = arguments()
    host, _, port = options.server.rpartition(":")
    kind = smtplib.LMTP if options.lmtp else smtplib.SMTP
    report = {"refused": {}, "offered": {}}
    with kind(host, int(port), local_hostname="client.test") as client:
        client.ehlo_or_helo_if_needed()
        if options.starttls:
            client.starttls(context=ssl.create_default_context(cafile=options.starttls))
            client.ehlo()
        if options.login:
            client.login(*options.login)
        report["offered"] = client.esmtp_features
        try:
            refused = client.sendmail(
                options.sender, options.to, options.file.read_bytes(), options.mail_option, options.rcpt_option
            )
            report["refused"] = {rcpt: [code, text.decode()] for rcpt, (code, text) in refused.items()}
            report["accepted"] = True
        except smtplib.SMTPRecipientsRefused as fault:
            report["refused"] = {rcpt: [code, text.decode()] for rcpt, (code, text) in fault.recipients.items()}
        except smtplib.SMTPResponseException as fault:
            report["code"], report["text"] = fault.smtp_code, fault.smtp_error.decode()
    print(json.dumps(report))
    return 0 if report.get("accepted") else 1


if __name__ == "__main__":
    sys.exit(main())
