"""the ciphers of the key handoff beside openssl, memory of a 25 MB message, and whether answers differ in time

A 25 MB S/MIME message with three photographs: opened and encrypted again by `cedrat_keyring` and by
`openssl cms`, in turns; then sent through a gateway whose client grants, with the memory of all its processes
read meanwhile. The answers to keys that do not fit are timed in turns and compared by Welch's t.
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
import statistics
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import side

HERE = Path(__file__).resolve().parent
# Of one number in a column that an eye compares: what two equal distributions stay below.
T_LIMIT = 4.5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cedrat", required=True, help="release build of the gateway")
    parser.add_argument("--key", required=True, help="release build of cedrat-key")
    parser.add_argument("--worker", required=True, help="release build of cedrat-transcode")
    parser.add_argument("--measure", required=True, help="release build of the example `measure`")
    parser.add_argument("--sink", required=True, help="mail sink: release build of bench/load")
    parser.add_argument("--octets", type=int, default=25_000_000, help="octets of the content (25000000)")
    parser.add_argument("--runs", type=int, default=5, help="runs of the ciphers; the best is taken (5)")
    parser.add_argument("--tries", type=int, default=10_000, help="keys of each kind that do not fit (10000)")
    return parser.parse_args()


def openssl(folder, *words, **more):
    return subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, **more)


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def prepare(folder, options):
    """Keys, and the message as DER and as mail."""
    openssl(folder, "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=alice@example.test",
            "-keyout", "key.pem", "-out", "cert.pem")
    openssl(folder, "pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform", "DER", "-out", "key.der")
    openssl(folder, "x509", "-in", "cert.pem", "-outform", "DER", "-out", "cert.der")
    openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "gateway.pem")
    photo = folder / "photo.jpg"
    subprocess.run([options.worker, "sample", "photo", str(photo)], check=True)
    picture = photo.read_bytes()
    # Base64 is four thirds; a comment behind the picture fills it up.
    each = options.octets // 3 * 3 // 4
    parts = []
    for number in range(3):
        octets = picture + bytes(max(0, each - len(picture)))
        coded = subprocess.run(["base64", "-w76"], input=octets, capture_output=True, check=True).stdout
        parts.append(
            b"--b\r\nContent-Type: image/jpeg; name=\"%d.jpg\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" % number
            + coded.replace(b"\n", b"\r\n")
        )
    content = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThree\r\n"
        + b"".join(parts) + b"--b--\r\n"
    )
    (folder / "content.eml").write_bytes(content)
    openssl(folder, "cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", "content.eml", "-outform", "DER",
            "-out", "message.der", "-recip", "cert.pem", "-keyopt", "rsa_padding_mode:oaep")
    openssl(folder, "cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", "content.eml",
            "-out", "message.eml", "-recip", "cert.pem", "-keyopt", "rsa_padding_mode:oaep")
    return len(content)


def ciphers(folder, options):
    ours, theirs = [], []
    for _ in range(options.runs):
        printed = subprocess.run([options.measure, "open", "message.der", "key.der", "cert.der"], cwd=folder,
                                 capture_output=True, check=True).stdout
        read = json.loads(printed)
        ours.append((read["open_ms"] / 1000, read["seal_ms"] / 1000))
        opening = seconds(lambda: openssl(folder, "cms", "-decrypt", "-binary", "-in", "message.der", "-inform", "DER",
                                          "-inkey", "key.pem", "-recip", "cert.pem", "-out", "opened.eml"))
        sealing = seconds(lambda: openssl(folder, "cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", "content.eml",
                                          "-outform", "DER", "-out", "again.der", "-recip", "cert.pem"))
        theirs.append((opening, sealing))
    best = lambda pairs, at: min(pair[at] for pair in pairs)
    for at, name in enumerate(["open", "seal"]):
        ratio = best(theirs, at) / best(ours, at)
        verdict = "met" if ratio >= 0.5 else "MISSED"
        print(f"{name:8} {best(ours, at) * 1000:8.1f} ms  openssl {best(theirs, at) * 1000:8.1f} ms"
              f"  {ratio:5.2f} times its throughput, bar >= 0.5: {verdict}")


def answers(options):
    printed = subprocess.run([options.measure, "answers", str(options.tries)], capture_output=True, check=True).stdout
    times = json.loads(printed)
    # Interruptions are not answers: what is above the 90th percentile of its own column says nothing.
    trimmed = {}
    for name, column in times.items():
        bound = sorted(column)[len(column) * 9 // 10]
        trimmed[name] = [value for value in column if value <= bound]
    base = trimmed["key"]
    for name in ["tag", "digest"]:
        column = trimmed[name]
        spread = (statistics.variance(base) / len(base) + statistics.variance(column) / len(column)) ** 0.5
        t = (statistics.fmean(base) - statistics.fmean(column)) / spread
        share = abs(statistics.fmean(base) - statistics.fmean(column)) / statistics.fmean(base)
        verdict = "no difference" if abs(t) < T_LIMIT else f"differs by {share:.2%}"
        print(f"answer   wrong key beside wrong {name}: t = {t:+.1f} over {len(column)} tries: {verdict}")


def memory(folder, options, octets):
    """The message through a gateway; the most that all its processes hold."""
    token = secrets.token_hex(16)
    (folder / "token").write_text(token)
    sink = side.Sink(options.sink)
    mail, http = side.free_port(), side.free_port()
    (folder / "cedrat.toml").write_text(f"""
host = "gw.test"
data = "{folder}/data"
[mm4]
listen = []
domain = "mmsc.gw.test"
[mail]
listen = ["127.0.0.1:{mail}"]
domains = ["mms.gw.test"]
max_octets = "100 MB"
[limits]
max_octets_in_flight = "400 MB"
[events]
log = "{folder}/log.jsonl"
[media]
worker = "{options.worker}"
[http]
listen = ["127.0.0.1:{http}"]
[handoff]
signing_key = "{folder}/gateway.pem"
[[handoff.account]]
name = "alice"
addresses = ["+447700900003"]
certificates = ["{folder}/cert.pem"]
token = {{ file = "{folder}/token" }}
[[peer]]
id = "op-b"
protocol = "mm4"
next_hop = "127.0.0.1:{sink.port}"
domain = "mmsc.op-b.test"
tls = "none"
media_profile = "video-rich"
[[peer]]
id = "mailhost"
protocol = "mail"
allow_ip = ["127.0.0.1"]
[[route]]
id = "to-op-b"
match = {{ prefix = ["+44"] }}
to = ["op-b"]
""")
    gateway = subprocess.Popen([options.cedrat, "run", "--config", str(folder / "cedrat.toml")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        side.wait_for_port(mail, gateway)
        side.wait_for_port(http, gateway)
        time.sleep(1)
        idle, idle_each = side.proportional_megabytes(gateway.pid), side.resident_megabytes(gateway.pid)
        send(mail, (folder / "message.eml").read_bytes())
        url = f"http://127.0.0.1:{http}"
        home = ["--home", str(folder / "home"), "--token-file", str(folder / "token"), "--gateway", url,
                "--key", str(folder / "key.pem"), "--certificate", str(folder / "cert.pem")]
        known = subprocess.run([options.key, "pin", url, "--home", str(folder / "home"), "--fingerprint",
                                thumbprint(url)], capture_output=True)
        if known.returncode:
            raise RuntimeError(known.stderr.decode())
        waiting = subprocess.run([options.key, *home, "watch", "--once", "--ids"], capture_output=True, check=True)
        session = waiting.stdout.decode().split()[0]
        before = side.proportional_megabytes(gateway.pid)
        highest, highest_each, done = [0.0], [0.0], threading.Event()

        def watch():
            while not done.is_set():
                highest[0] = max(highest[0], side.proportional_megabytes(gateway.pid))
                highest_each[0] = max(highest_each[0], side.resident_megabytes(gateway.pid))
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        begin = time.monotonic()
        subprocess.run([options.key, *home, "grant", session, "--yes"], capture_output=True, check=True)
        sink.wait_for(1)
        took = time.monotonic() - begin
        done.set()
        watcher.join()
        more = highest[0] - idle
        verdict = "met" if more < 60 else "MISSED"
        print(f"memory   {more:.0f} MB above the {idle:.0f} MB of an idle gateway (all processes; {before:.0f} MB before"
              f" the grant), bar < 60: {verdict}")
        print(f"         ({highest_each[0] - idle_each:.0f} MB when a page that several processes share is counted for each)")
        print(f"time     {took:.2f} s from the grant to the peer for {octets / 1e6:.1f} MB with three photographs")
    finally:
        gateway.terminate()
        gateway.wait()
        sink.stop()


def thumbprint(url):
    """Of the key that the gateway signs with (RFC 7638)."""
    with urllib.request.urlopen(f"{url}/api/v1/handoff/.well-known") as answer:
        key = json.load(answer)["keys"][0]
    members = {name: key[name] for name in ["crv", "kty", "x", "y"]}
    octets = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(octets).digest()).decode().rstrip("=")


def send(port, message):
    import smtplib

    head = (b"From: bob@example.test\r\nTo: +447700900003@mms.gw.test\r\nSubject: Three\r\n"
            b"Message-ID: <three@example.test>\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n")
    octets = head + message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.sendmail("bob@example.test", ["+447700900003@mms.gw.test"], octets)


def main():
    options = arguments()
    for name in ["cedrat", "key", "worker", "measure"]:
        setattr(options, name, os.path.abspath(getattr(options, name)))
    with side.Scratch() as scratch:
        folder = Path(scratch)
        octets = prepare(folder, options)
        ciphers(folder, options)
        memory(folder, options, octets)
        answers(options)


if __name__ == "__main__":
    main()
