#!/usr/bin/env python3
"""messages per second, CPU time and acknowledgement time of relaying MM4 to SMTP, beside Postfix

Both programs get the same octets from the same load generator and pass them on to the same kind of sink, each as a
private instance on loopback, on the same file system, with full durability. A message counts when the sink has it.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import side

HERE = Path(__file__).resolve().parent

# (octets, sessions): what is compared, and the bars of each: at least so many times the messages per second, at
# most such a share of the CPU time, at most such a share of the p99 acknowledgement time.
CASES = {
    (10_000, 1): {"rate": 1.0},
    (10_000, 20): {"rate": 5.0, "cpu": 0.2},
    (10_000, 32): {"ack": 0.5},
    (10_000, 60): {"rate": 5.0, "cpu": 0.2},
    (300_000, 20): {"rate": 2.0, "cpu": 0.5},
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cedrat", required=True, help="release build of the gateway")
    parser.add_argument("--load", required=True, help="release build of bench/load")
    parser.add_argument("--sink", required=True, help="mail sink: release build of bench/load, or smtp-sink")
    parser.add_argument("--only", choices=["postfix", "cedrat"], help="measure one side")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case; the median is reported (3)")
    parser.add_argument("--seconds", type=int, default=10, help="seconds of load in each run (10)")
    parser.add_argument("--case", action="append", help="OCTETSxSESSIONS, such as 10000x20; all without it")
    parser.add_argument("--directory", help="file system to measure on (that of temporary files)")
    parser.add_argument("--out", type=Path, help="write every reading as JSON")
    return parser.parse_args()


def measure(options, make, octets, sessions):
    """One run of one program: started anew, loaded, drained, stopped."""
    with side.Scratch(options.directory) as scratch:
        sink = side.Sink(options.sink)
        program = make(scratch, sink.port)
        program.start()
        try:
            # Warm up: processes forked, connections cached, pages touched.
            warm = side.run_load(options.load, program.port, sessions=sessions, messages=sessions * 2, octets=octets, tag="warm")
            sink.wait_for(warm["accepted"])
            idle = side.wait_until_idle()
            cpu, flushes, begin = side.cpu_seconds(program.pid), side.flushes(scratch), time.monotonic()
            load = side.run_load(options.load, program.port, sessions=sessions, seconds=options.seconds, octets=octets)
            if load["refused"] or load["failed_sessions"]:
                raise RuntimeError(f"{program.name}: {load}")
            end = sink.wait_for(warm["accepted"] + load["accepted"])
            while program.queued():
                time.sleep(0.05)
            cpu = side.cpu_seconds(program.pid) - cpu
            flushed = side.flushes(scratch)
            count = load["accepted"]
            return {
                "messages": count,
                "rate": count / (end - begin),
                "cpu_ms": cpu * 1000 / count,
                "ack_p50_ms": load["ack_ms"]["p50"],
                "ack_p99_ms": load["ack_ms"]["p99"],
                "flushes": (flushed - flushes) / count if flushed is not None else None,
                "peak_mb": side.resident_megabytes(program.pid, "VmHWM"),
                "idle_before": idle,
            }
        finally:
            program.stop()
            sink.stop()


def median(runs, key):
    values = [run[key] for run in runs if run[key] is not None]
    return statistics.median(values) if values else float("nan")


def spread(runs, key):
    """Half of the distance between the extremes, as a share of the median."""
    values = [run[key] for run in runs]
    return (max(values) - min(values)) / 2 / statistics.median(values)


def verdicts(case, ours, theirs):
    """Each bar of a case as (what, ratio, bar, met)."""
    for what, bar in CASES.get(case, {}).items():
        key = {"rate": "rate", "cpu": "cpu_ms", "ack": "ack_p99_ms"}[what]
        ratio = median(ours, key) / median(theirs, key)
        yield what, ratio, bar, ratio >= bar if what == "rate" else ratio <= bar


def main():
    options = arguments()
    cases = [tuple(map(int, case.split("x"))) for case in options.case] if options.case else list(CASES)
    makers = {
        "postfix": side.Postfix,
        "cedrat": lambda scratch, port: side.Cedrat(scratch, port, options.cedrat, HERE / "relay.toml"),
    }
    if options.only:
        makers = {options.only: makers[options.only]}

    print("  octets sessions program     msg/s  spread  CPU ms/msg  ack p50    p99 ms  flushes/msg  peak MB  messages")
    readings, missed = [], 0
    for case in cases:
        octets, sessions = case
        runs = {name: [] for name in makers}
        for _ in range(options.runs):  # taken in turns, so that a slow minute of the machine hits both
            for name, make in makers.items():
                runs[name].append(measure(options, make, octets, sessions))
        for name, of in runs.items():
            print(
                f"{octets:8} {sessions:8} {name:8} {median(of, 'rate'):8.1f} {spread(of, 'rate'):6.0%}"
                f"  {median(of, 'cpu_ms'):11.3f} {median(of, 'ack_p50_ms'):8.2f} {median(of, 'ack_p99_ms'):9.2f}"
                f" {median(of, 'flushes'):12.2f} {median(of, 'peak_mb'):8.0f} {median(of, 'messages'):9.0f}",
                flush=True,
            )
        if len(runs) == 2:
            for what, ratio, bar, met in verdicts(case, runs["cedrat"], runs["postfix"]):
                sign = ">=" if what == "rate" else "<="
                print(f"{'':18}{what}: {ratio:.2f} times Postfix's, bar {sign} {bar}: {'met' if met else 'MISSED'}")
                missed += not met
        readings.append({"octets": octets, "sessions": sessions, "runs": runs})
    restless = min(run["idle_before"] for reading in readings for of in reading["runs"].values() for run in of)
    if restless < 0.85:
        print(f"the machine was not quiet: only {restless:.0%} idle before one of the runs")
    if options.out:
        options.out.write_text(json.dumps(readings, indent=1))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
