#!/usr/bin/env python3
"""An SMTP or LMTP client of another make (Python's smtplib) for the tests: sends one message, prints what was answered.

  smtplib_client.py HOST:PORT --from A --to A [--to A]... [--lmtp] [--starttls CA]
                    [--login USER PASSWORD [--mechanism NAME]] FILE

The octets of FILE go out as they are, with their line ends made CRLF. Prints one JSON object: code and text of the last
answer, the recipients that were refused, and what the server offered. Exit code 0 when at least one was accepted.
"""

import argparse
import base64
import hashlib
import hmac
import json
import secrets
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
    parser.add_argument("--mechanism", default="PLAIN", help="PLAIN, LOGIN or SCRAM-SHA-256")
    parser.add_argument("--mail-option", action="append", default=[], help="such as BODY=8BITMIME or RET=HDRS")
    parser.add_argument("--rcpt-option", action="append", default=[], help="such as NOTIFY=SUCCESS,FAILURE")
    return parser.parse_args()


class Scram:
    """SCRAM-SHA-256 (RFC 5802, RFC 7677) as the callable that smtplib asks for each response."""

    def __init__(self, user, password):
        self.user, self.password = user, password.encode()
        self.nonce = secrets.token_urlsafe(18)
        self.verified = False

    def __call__(self, challenge=None):
        first = f"n={self.user},r={self.nonce}"
        if challenge is None:
            return f"n,,{first}"
        text = challenge.decode()
        fields = dict(field.split("=", 1) for field in text.split(","))
        if "v" in fields:
            self.verified = hmac.compare_digest(base64.b64decode(fields["v"]), self.signature)
            return ""
        if not fields["r"].startswith(self.nonce) or fields["r"] == self.nonce:
            raise ValueError("the server added nothing to the nonce")
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields["s"]), int(fields["i"]))

        def mac(key, message):
            return hmac.digest(key, message, "sha256")

        final = f"c={base64.b64encode(b'n,,').decode()},r={fields['r']}"
        message = f"{first},{text},{final}".encode()
        client = mac(salted, b"Client Key")
        proof = bytes(a ^ b for a, b in zip(client, mac(hashlib.sha256(client).digest(), message)))
        self.signature = mac(mac(salted, b"Server Key"), message)
        return f"{final},p={base64.b64encode(proof).decode()}"


def log_in(client, mechanism, user, password):
    """With this mechanism and no other; smtplib's own login tries one after the other."""
    client.user, client.password = user, password
    if mechanism != "SCRAM-SHA-256":
        return client.auth(mechanism, {"PLAIN": client.auth_plain, "LOGIN": client.auth_login}[mechanism])
    scram = Scram(user, password)
    client.auth(mechanism, scram)
    if not scram.verified:
        raise smtplib.SMTPException("the server did not prove that it knows the password")


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
            log_in(client, options.mechanism, *options.login)
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
