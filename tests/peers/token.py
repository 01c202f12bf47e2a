#!/usr/bin/env python3
"""Prints an OAuth token (RFC 7519) for the tests: one that is over when FILE is not there yet, then good ones.

  token.py USER KEY FILE
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from pathlib import Path


def encoded(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def main():
    user, key, file = sys.argv[1], base64.b64decode(sys.argv[2]), Path(sys.argv[3])
    until = time.time() + (600 if file.exists() else -600)
    file.touch()
    head = encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = encoded(json.dumps({"sub": user, "iat": int(until - 900), "exp": int(until)}).encode())
    signature = encoded(hmac.digest(key, head + b"." + claims, hashlib.sha256))
    print((head + b"." + claims + b"." + signature).decode())


if __name__ == "__main__":
    main()
