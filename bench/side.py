"""What the benchmarks share: private instances of the programs compared, a sink, and readings from /proc.

Not a benchmark itself. Standard library only.
"""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
POSTFIX_DIST = Path("/usr/share/postfix")


def free_port():
    """A TCP port that was free a moment ago on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process=None, seconds=30):
    """Returns once something listens on the port; fails when the process ends or the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


# --- readings ---------------------------------------------------------------------------------------


def stat_of(pid):
    """(parent, CPU seconds of the process and of its children that have ended), or None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(int(field) for field in fields[11:15]) / TICK


def tree(root):
    """The pids of a process and all its living descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := stat_of(int(name))):
            parents.setdefault(stat[0], []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu_seconds(root):
    """CPU time of a whole process tree since its start, children that have ended included."""
    return sum(stat[1] for pid in tree(root) if (stat := stat_of(pid)))


def resident_megabytes(root, field="VmRSS"):
    """Resident memory of a process tree: now (VmRSS), or the most that each process ever had (VmHWM)."""
    return megabytes(root, "status", field)


def proportional_megabytes(root):
    """Resident memory of a process tree now, a page that several of its processes share counted once (Pss)."""
    return megabytes(root, "smaps_rollup", "Pss")


def megabytes(root, name, field):
    """Sum over a process tree of a field of that file in /proc/PID."""
    total = 0
    for pid in tree(root):
        try:
            match = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/{name}").read_text(), re.M)
        except OSError:
            continue
        total += int(match.group(1)) if match else 0
    return total / 1024


def flushes(directory):
    """Flush requests completed so far by the disk that holds a directory, or None where the kernel does not say."""
    device = os.stat(directory).st_dev
    wanted = (str(os.major(device)), str(os.minor(device)))
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if (fields[0], fields[1]) == wanted and len(fields) >= 19:
            return int(fields[18])
    return None


def idle_share(seconds=1.0):
    """The share of CPU time that the whole machine spent idle."""

    def read():
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    idle, total = read()
    time.sleep(seconds)
    later_idle, later_total = read()
    return (later_idle - idle) / max(later_total - total, 1)


def wait_until_idle(share=0.85, seconds=60):
    """Waits for a quiet machine; returns the idle share that it starts with, quiet or not."""
    until = time.monotonic() + seconds
    while (seen := idle_share()) < share and time.monotonic() < until:
        time.sleep(1)
    return seen


# --- the programs -------------------------------------------------------------------------------------


class Sink:
    """Takes every message, throws it away and counts: the one given, or smtp-sink of Postfix."""

    def __init__(self, program="smtp-sink"):
        self.port = free_port()
        self.messages = 0
        self.last = time.monotonic()
        address = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-c", address, "2000"] if program == "smtp-sink" else [program, address],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        wait_for_port(self.port, self.process)

    def _read(self):
        tail = b""
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            tail = (tail + chunk)[-200:]
            counts = re.findall(rb"mesg=\s*(\d+)", tail)
            if counts and int(counts[-1]) != self.messages:
                self.messages = int(counts[-1])
                self.last = time.monotonic()

    def wait_for(self, messages, seconds=600):
        """Waits until so many messages have arrived; the moment the last one did."""
        until = time.monotonic() + seconds
        while self.messages < messages:
            if time.monotonic() - self.last > 60 or time.monotonic() > until:
                raise RuntimeError(f"the sink got {self.messages} of {messages} messages")
            time.sleep(0.01)
        return self.last

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Postfix:
    """A private Postfix on loopback that relays everything to one next hop. Its durability and concurrency are
    the defaults of the package. Needs root, as Postfix itself does."""

    name = "postfix"

    def __init__(self, directory, sink_port):
        self.directory = Path(directory) / "postfix"
        self.port = free_port()
        for name in ("etc", "queue", "data"):
            (self.directory / name).mkdir(parents=True)
        os.chown(self.directory / "data", pwd.getpwnam("postfix").pw_uid, -1)
        (self.directory / "etc/main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {self.directory}/queue
data_directory = {self.directory}/data
maillog_file = {self.directory}/maillog
maillog_file_prefixes = {self.directory}
myhostname = relay.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
relayhost = [127.0.0.1]:{sink_port}
disable_dns_lookups = yes
alias_maps =
alias_database =
local_recipient_maps =
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_client_connection_count_limit = 0
message_size_limit = 52428800
"""
        )
        (self.directory / "etc/master.cf").write_text(self._master())

    def _master(self):
        """The packaged services, not in a chroot, on our port, without the pipes to programs that are not there."""
        lines, dropping = [], False
        for line in (POSTFIX_DIST / "master.cf.dist").read_text().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            fields = line.split()
            if not line[0].isspace():
                dropping = fields[7] == "pipe"
                if fields[:2] == ["smtp", "inet"]:
                    fields[0] = f"127.0.0.1:{self.port}"
                fields[4] = "n"
                line = " ".join(fields)
            if not dropping:
                lines.append(line)
        return "\n".join(lines) + "\n"

    def start(self):
        self._postfix("start")
        self.pid = int((self.directory / "queue/pid/master.pid").read_text())
        wait_for_port(self.port)

    def _postfix(self, verb):
        result = subprocess.run(
            ["postfix", "-c", self.directory / "etc", verb], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if result.returncode:
            log = self.directory / "maillog"
            raise RuntimeError(f"postfix {verb}: {result.stderr}{log.read_text() if log.exists() else ''}")

    def queued(self):
        return sum(
            len(files)
            for queue in ("maildrop", "incoming", "active", "deferred")
            for _, _, files in os.walk(self.directory / "queue" / queue)
        )

    def stop(self):
        self._postfix("stop")


class Cedrat:
    """The gateway, release build, SQLite store with synchronous=FULL, relaying MM4 to one mail host."""

    name = "cedrat"

    def __init__(self, directory, sink_port, program, template):
        self.directory = Path(directory) / "cedrat"
        self.directory.mkdir()
        self.program = program
        self.port, self.admin_port = free_port(), free_port()
        self.config = self.directory / "cedrat.toml"
        self.config.write_text(
            Path(template)
            .read_text()
            .replace("@DIRECTORY@", str(self.directory))
            .replace("@MM4_PORT@", str(self.port))
            .replace("@ADMIN_PORT@", str(self.admin_port))
            .replace("@SINK_PORT@", str(sink_port))
            .replace("@DEAD_PORT@", str(free_port()))
        )

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "run", "--config", self.config],
            stdin=subprocess.DEVNULL,
            stdout=open(self.directory / "out", "ab"),
            stderr=open(self.directory / "log", "ab"),
        )
        self.pid = self.process.pid
        wait_for_port(self.port, self.process)

    def queued(self):
        listing = subprocess.run(
            [self.program, "queue", "--config", self.config, "list", "--json"], capture_output=True, text=True, check=True
        )
        return len(listing.stdout.splitlines())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


def run_load(program, port, **options):
    """Runs the load generator to its end; what it reports."""
    arguments = [program, "--to", f"127.0.0.1:{port}"]
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    result = subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if not result.stdout:
        raise RuntimeError(f"load: {result.stderr}")
    return json.loads(result.stdout)


class Scratch:
    """A directory that other users may enter (Postfix drops its privileges), removed at the end."""

    def __init__(self, parent=None):
        self.parent = parent

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="cedrat-bench-", dir=self.parent))
        self.path.chmod(0o755)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)
