#!/usr/bin/env python3
"""draining an IMAP folder into MM4 beside mbsync pulling it, the way of one new mail, and 1,000 idle accounts

Both read the same folder of one private Dovecot on loopback, in clear text, in turns: mbsync into a Maildir with its
defaults, the gateway into its store and on to an MM4 sink. CPU time is that of the client side alone.

The way of a new mail is timed from the moment that a second watcher of the mailbox, in IDLE like the gateway, is told
of it, to the moment that the MM4 sink has the whole message. The idle accounts lie in IDLE over TLS at a server of
forty lines, so that what is measured is the gateway; what counts is all its resident memory.
"""

import argparse
import asyncio
import imaplib
import json
import os
import random
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import side

BARS = {"rate": 1.0, "cpu": 1.0}
IDLE_MB = 100
LATER_MS = 50


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cedrat", required=True, help="release build of the gateway")
    parser.add_argument("--load", help="not used here")
    parser.add_argument("--sink", required=True, help="mail sink: release build of bench/load, or smtp-sink")
    parser.add_argument("--messages", type=int, default=10_000, help="messages in the folder; 0 drains none (10000)")
    parser.add_argument("--octets", type=int, default=30_000, help="size of a message (30000)")
    parser.add_argument("--accounts", type=int, default=1000, help="idle accounts; 0 measures none (1000)")
    parser.add_argument("--appends", type=int, default=100, help="new mails that are timed; 0 times none (100)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side; the median is reported (3)")
    parser.add_argument("--directory", help="file system to measure on (that of temporary files)")
    parser.add_argument("--out", type=Path, help="write every reading as JSON")
    return parser.parse_args()


class Dovecot:
    """A private Dovecot with one Maildir of as many mails as wanted. Any password is right. Needs root."""

    def __init__(self, directory, messages, octets):
        self.directory = Path(directory) / "dovecot"
        self.port = side.free_port()
        box = self.directory / "mail/anna"
        for name in ("new", "cur", "tmp"):
            (box / name).mkdir(parents=True)
        draw = random.Random(1)
        for n in range(messages):
            (box / "new" / f"1000.{n:06}.bench").write_text(mail(n, octets, draw), newline="")
        subprocess.run(["chown", "-R", "nobody", self.directory / "mail"], check=True)
        here = self.directory
        config = here / "dovecot.conf"
        config.write_text(
            f"""base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{here}/mail/%u
first_valid_uid = 1
first_valid_gid = 0
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={here}/mail/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""
        )
        self.process = subprocess.Popen(["dovecot", "-F", "-c", config], stdin=subprocess.DEVNULL)
        side.wait_for_port(self.port, self.process)
        # Its index is made before anybody is measured.
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login("anna", "x")
        client.select("INBOX")
        if messages:
            client.fetch("1:*", "(RFC822.SIZE)")
        client.logout()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def mail(n, octets, draw):
    """A text and an attachment of letters, together about so many octets."""
    filler = [f"{draw.getrandbits(280):070x}" for _ in range(octets // 72)]
    return "\r\n".join(
        [
            f"From: alice{n}@example.test",
            "To: anna@mail.test",
            "Date: Tue, 24 Nov 2026 04:00:00 +0000",
            f"Subject: Message {n}",
            f"Message-ID: <bench-{n}@example.test>",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "",
            *filler,
            "",
        ]
    )


def pull_by_mbsync(scratch, dovecot, run):
    """One pull of the whole folder into an empty Maildir."""
    box = scratch / f"mbsync{run}"
    box.mkdir()
    config = box / "rc"
    config.write_text(
        f"""IMAPAccount a
Host 127.0.0.1
Port {dovecot.port}
User anna
Pass x
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Inbox {box}/inbox
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull New
SyncState *
"""
    )
    (box / "inbox").mkdir()
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    result = subprocess.run(["mbsync", "-q", "-c", config, "c"], capture_output=True, text=True)
    seconds = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        raise RuntimeError(f"mbsync: {result.stderr}")
    count = sum(len(files) for _, _, files in os.walk(box / "inbox"))
    return count, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def configuration(directory, sink_port, accounts):
    return f"""host = "relay.test"
data = "{directory}"
[mm4]
domain = "mms.relay.test"
[mail]
domains = ["mms.relay.test"]
[events]
log = "{directory}/events.jsonl"
[media]
enabled = false
[[peer]]
id = "internet"
protocol = "mail"
[[peer]]
id = "op-b"
protocol = "mm4"
next_hop = "127.0.0.1:{sink_port}"
domain = "mmsc.op-b.test"
tls = "none"
max_connections = 20
[[route]]
id = "to-op-b"
match = {{ prefix = ["+44"] }}
to = ["op-b"]
{accounts}"""


def account(dovecot, user):
    return f"""[[imap]]
id = "{user}"
server = "127.0.0.1:{dovecot.port}"
tls = "none"
auth_in_clear = true
user = "{user}"
password = "x"
peer = "internet"
to = ["+447700900001"]
after = "keep"
begin = "all"
"""


class Gateway:
    """The gateway on a configuration with these accounts and one MM4 peer."""

    def __init__(self, program, directory, sink_port, accounts):
        directory.mkdir()
        (directory / "cedrat.toml").write_text(configuration(directory, sink_port, accounts))
        self.process = subprocess.Popen(
            [program, "run", "--config", directory / "cedrat.toml"],
            stdin=subprocess.DEVNULL,
            stdout=open(directory / "out", "ab"),
            stderr=open(directory / "errors", "ab"),
        )
        self.pid = self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


def drain_by_cedrat(options, scratch, dovecot, run):
    """One drain of the whole folder, from the start of the gateway to the last message at the sink."""
    sink = side.Sink(options.sink)
    begin = time.monotonic()
    gateway = Gateway(options.cedrat, scratch / f"cedrat{run}", sink.port, account(dovecot, "anna"))
    try:
        end = sink.wait_for(options.messages)
        return options.messages, end - begin, side.cpu_seconds(gateway.pid)
    finally:
        gateway.stop()
        sink.stop()


class Watcher:
    """A client that lies in IDLE and notes when it is told of a message."""

    def __init__(self, port, user):
        self.told = {}
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        for command in (f"a LOGIN {user} x", "b SELECT INBOX"):
            self.socket.sendall(f"{command}\r\n".encode())
            while not self.lines.readline().startswith(command[:2].encode()):
                pass
        self.socket.sendall(b"c IDLE\r\n")
        self.lines.readline()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.lines:
            words = line.split()
            if words[2:] == [b"EXISTS"]:
                self.told[int(words[1])] = time.monotonic()


class Taker:
    """An MM4 peer that notes when it has a whole message."""

    def __init__(self):
        self.got = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 taker.test\r\n")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                    self.got.append(time.monotonic())
                connection.sendall(b"221 bye\r\n" if verb == b"QUIT" else b"250 taker.test\r\n")


def times_of_new_mails(options, scratch, dovecot):
    """Milliseconds for each of so many mails: from APPEND, and from what the other watcher was told."""
    taker, draw = Taker(), random.Random(2)
    gateway = Gateway(options.cedrat, scratch / "new", taker.port, account(dovecot, "nina"))
    client = imaplib.IMAP4("127.0.0.1", dovecot.port)
    whole, later = [], []
    try:
        client.login("nina", "x")
        watcher = Watcher(dovecot.port, "nina")
        for n in range(1, options.appends + 2):
            appended = time.monotonic()
            client.append("INBOX", None, None, mail(n, options.octets, draw).encode())
            until = appended + 60
            while len(taker.got) < n or n not in watcher.told:
                if time.monotonic() > until:
                    raise RuntimeError(f"new mail {n}: {len(taker.got)} at the peer, {len(watcher.told)} told")
                time.sleep(0.001)
            if n > 1:  # the first finds the gateway still on its way to IDLE
                whole.append((taker.got[n - 1] - appended) * 1000)
                later.append((taker.got[n - 1] - watcher.told[n]) * 1000)
            time.sleep(draw.uniform(0.3, 0.8))
    finally:
        gateway.stop()
        client.shutdown()
    return whole, later


class Idlers:
    """An IMAP server over TLS whose mailboxes are empty and stay so."""

    def __init__(self, scratch):
        self.certificate, key = scratch / "idle.crt", scratch / "idle.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
            + ["-keyout", key, "-out", self.certificate],
            check=True,
            capture_output=True,
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.port = side.free_port()
        self.idle = 0
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        side.wait_for_port(self.port)

    async def _serve(self):
        server = await asyncio.start_server(self._converse, "127.0.0.1", self.port, ssl=self.context, backlog=1000)
        await server.serve_forever()

    async def _converse(self, reader, writer):
        try:
            writer.write(b"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN SASL-IR] ready\r\n")
            while line := await reader.readline():
                tag, _, command = line.partition(b" ")
                command = command.upper()
                if command.startswith(b"IDLE"):
                    self.idle += 1
                    writer.write(b"+ idling\r\n")
                    await reader.readline()
                if command.startswith(b"SELECT"):
                    writer.write(b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n")
                elif command.startswith(b"UID SEARCH"):
                    writer.write(b"* SEARCH\r\n")
                elif command.startswith(b"CAPABILITY"):
                    writer.write(b"* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN SASL-IR\r\n")
                writer.write(tag + b" OK done\r\n")
        except OSError:
            pass


def idle_megabytes(options, scratch):
    """Resident memory of a gateway with so many accounts in IDLE, and of one with a single account."""
    sizes = {}
    for count in (1, options.accounts):
        server = Idlers(scratch)
        accounts = "".join(
            f"""[[imap]]
id = "u{n}"
server = "localhost:{server.port}"
tls_ca = "{server.certificate}"
user = "u{n}"
password = "x"
peer = "internet"
to = ["+447700900001"]
"""
            for n in range(count)
        )
        gateway = Gateway(options.cedrat, scratch / f"idle{count}", 9, accounts)
        try:
            until = time.monotonic() + 120
            while server.idle < count:
                if time.monotonic() > until:
                    raise RuntimeError(f"{server.idle} of {count} accounts are in IDLE")
                time.sleep(0.1)
            time.sleep(3)
            sizes[count] = side.resident_megabytes(gateway.pid)
        finally:
            gateway.stop()
    return sizes


def drain(options, scratch, dovecot, readings):
    """Both sides in turns, so that a slow minute of the machine hits both; how many bars were missed."""
    sides = {"mbsync": pull_by_mbsync, "cedrat": lambda *place: drain_by_cedrat(options, *place)}
    for run in range(options.runs):
        readings["idle_before"] = min(readings["idle_before"], side.wait_until_idle(seconds=20))
        for name, measure in sides.items():
            count, seconds, cpu = measure(scratch, dovecot, run)
            if count < options.messages:
                raise RuntimeError(f"{name} got {count} of {options.messages}")
            readings[name].append({"rate": count / seconds, "cpu_ms": cpu * 1000 / count})
    middle = {
        name: {key: statistics.median(run[key] for run in readings[name]) for key in ("rate", "cpu_ms")}
        for name in sides
    }
    for name, of in middle.items():
        print(f"{name:8} {of['rate']:8.0f} msg/s {of['cpu_ms']:8.3f} CPU ms/msg", flush=True)
    missed = 0
    for what, key in (("rate", "rate"), ("cpu", "cpu_ms")):
        ratio = middle["cedrat"][key] / middle["mbsync"][key]
        met = ratio >= BARS[what] if what == "rate" else ratio <= BARS[what]
        sign = ">=" if what == "rate" else "<="
        print(f"{what}: {ratio:.2f} times mbsync's, bar {sign} {BARS[what]}: {'met' if met else 'MISSED'}", flush=True)
        missed += not met
    return missed


def new_mails(options, scratch, dovecot, readings):
    whole, later = times_of_new_mails(options, scratch, dovecot)
    readings["new_ms"] = {"from_append": whole, "from_notification": later}
    middle = statistics.median(later)
    met = middle <= LATER_MS
    print(f"new mail: {statistics.median(whole):.0f} ms from APPEND to MM4, {middle:.1f} ms behind IDLE of another "
          f"(worst {max(later):.0f}), bar <= {LATER_MS} ms: {'met' if met else 'MISSED'}", flush=True)
    return not met


def idle_accounts(options, scratch, readings):
    sizes = readings["idle_mb"] = idle_megabytes(options, scratch)
    most = sizes[options.accounts]
    each = (most - sizes[1]) * 1024 / max(options.accounts - 1, 1)
    met = most <= IDLE_MB
    print(f"{options.accounts} idle accounts: {most:.0f} MB in all, {each:.0f} kB each, bar <= {IDLE_MB} MB: "
          f"{'met' if met else 'MISSED'}", flush=True)
    return not met


def main():
    options = arguments()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the idle accounts end in this process
    missed, readings = 0, {"mbsync": [], "cedrat": [], "idle_before": 1}
    with side.Scratch(options.directory) as scratch:
        if options.messages or options.appends:
            dovecot = Dovecot(scratch, options.messages, options.octets)
            try:
                if options.messages:
                    missed += drain(options, scratch, dovecot, readings)
                if options.appends:
                    missed += new_mails(options, scratch, dovecot, readings)
            finally:
                dovecot.stop()
        if options.accounts:
            missed += idle_accounts(options, scratch, readings)
    if readings["idle_before"] < 0.85:
        print(f"the machine was not quiet: only {readings['idle_before']:.0%} idle before one of the runs")
    if options.out:
        options.out.write_text(json.dumps(readings, indent=1))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
