#!/usr/bin/env python3
"""what 100,000 messages queued for a dead destination do to the others, to memory and to a restart

The gateway alone. First the rate of the others with an empty queue, then the queue is filled, then the rate again
(at least 90 % of the first), resident memory (below 200 MB), and the time from a restart after kill -9 to the first
delivery (within 10 s).
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import side

HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cedrat", required=True, help="release build of the gateway")
    parser.add_argument("--load", required=True, help="release build of bench/load")
    parser.add_argument("--sink", required=True, help="mail sink: release build of bench/load, or smtp-sink")
    parser.add_argument("--messages", type=int, default=100_000, help="messages for the dead destination (100000)")
    parser.add_argument("--octets", type=int, default=10_000, help="size of a message (10000)")
    parser.add_argument("--seconds", type=int, default=10, help="seconds of load in each run (10)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each rate; the median is reported (3)")
    parser.add_argument("--directory", help="file system to measure on (that of temporary files)")
    parser.add_argument("--out", type=Path, help="write the readings as JSON")
    return parser.parse_args()


def rate(options, gateway, sink):
    """Messages per second through to the sink, 20 sessions, until the last has arrived; the median of the runs."""
    rates = []
    for _ in range(options.runs):
        before, begin = sink.messages, time.monotonic()
        load = side.run_load(
            options.load, gateway.port, sessions=20, seconds=options.seconds, octets=options.octets, tag=f"r{begin:.0f}"
        )
        if load["refused"] or load["failed_sessions"]:
            raise RuntimeError(f"load: {load}")
        rates.append(load["accepted"] / (sink.wait_for(before + load["accepted"]) - begin))
    return statistics.median(rates)


def main():
    options = arguments()
    with side.Scratch(options.directory) as scratch:
        sink = side.Sink(options.sink)
        gateway = side.Cedrat(scratch, sink.port, options.cedrat, HERE / "relay.toml")
        gateway.start()
        try:
            side.run_load(options.load, gateway.port, sessions=20, seconds=2, octets=options.octets, tag="warm")
            alone = rate(options, gateway, sink)
            print(f"empty queue: {alone:.0f} msg/s for the others", flush=True)

            begin = time.monotonic()
            fill = side.run_load(
                options.load, gateway.port, sessions=20, messages=options.messages, octets=options.octets,
                tag="dead", rcpt="anna@dead.test",
            )
            print(f"queued {fill['accepted']} for the dead destination in {time.monotonic() - begin:.0f} s", flush=True)

            beside = rate(options, gateway, sink)
            memory = side.resident_megabytes(gateway.pid)
            peak = side.resident_megabytes(gateway.pid, "VmHWM")
            print(f"full queue: {beside:.0f} msg/s for the others, {memory:.0f} MB resident, {peak:.0f} MB at most")
            # Counted after the rate was taken: what was measured is a queue that was full all the time.
            waiting = gateway.queued()

            # Dies with the queue full; what counts is when the next message for a living destination arrives.
            gateway.kill()
            before, begin = sink.messages, time.monotonic()
            gateway.start()
            listening = time.monotonic() - begin
            side.run_load(options.load, gateway.port, messages=1, octets=options.octets, tag="after")
            first = sink.wait_for(before + 1) - begin
            print(f"restart after kill -9: listens after {listening:.2f} s, first delivery after {first:.2f} s")
            memory_after = side.resident_megabytes(gateway.pid, "VmHWM")
        finally:
            gateway.stop()
            sink.stop()

    bars = [
        ("rate of the others", beside / alone, ">= 0.9", beside / alone >= 0.9),
        ("resident memory, MB", max(peak, memory_after), "< 200", max(peak, memory_after) < 200),
        ("first delivery after a restart, s", first, "<= 10", first <= 10),
        ("messages queued", waiting, f">= {options.messages}", waiting >= options.messages),
    ]
    for what, value, bar, met in bars:
        print(f"{what}: {value:.2f}, bar {bar}: {'met' if met else 'MISSED'}")
    if options.out:
        options.out.write_text(json.dumps({what: value for what, value, _, _ in bars}, indent=1))
    return 0 if all(met for _, _, _, met in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
