#!/usr/bin/env python3
"""200 kills of the gateway at random moments under load: nothing acknowledged is lost, every duplicate is counted

The test `crash::kill` of the integration tests, run longer and against the release build. It fails when a message that
was acknowledged does not arrive, when two arrivals of one message differ in their Message-ID, or when a message
arrives twice without having been counted as uncertain.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cedrat", required=True, help="release build of the gateway")
    parser.add_argument("--load", help="not used: the senders are those of the test")
    parser.add_argument("--sink", help="not used: the sink is that of the test")
    parser.add_argument("--kills", type=int, default=200, help="kills (200)")
    options = parser.parse_args()
    environment = {
        **os.environ,
        "CEDRAT_CRASH_KILLS": str(options.kills),
        "CEDRAT_CRASH_PROGRAM": str(Path(options.cedrat).resolve()),
    }
    command = ["cargo", "test", "--quiet", "--locked", "--test", "all", "crash::kill", "--", "--nocapture"]
    return subprocess.run(command, env=environment, cwd=Path(__file__).resolve().parent.parent).returncode


if __name__ == "__main__":
    sys.exit(main())
