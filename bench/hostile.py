#!/usr/bin/env python3
"""damaged media of every format through the sandboxed workers: what becomes of each, and what is left behind

    ./dev bench hostile --files 100000

Runs the test of tests/media/hostile.rs with so many files; the media engines are always built with full optimisation.
The same number gives the same file: --from 4711 --files 1 runs that one again. With --keep, the files at which a worker
was lost or was slow are kept there under their number.
"""

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    environment = dict(os.environ, CEDRAT_HOSTILE_FILES=str(options.files), CEDRAT_HOSTILE_FROM=str(options.first))
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        environment["CEDRAT_HOSTILE_KEEP"] = str(options.keep.resolve())
    command = ["cargo", "test", "--locked", "--test", "all"]
    command += ["--", "media::hostile", "--nocapture", "--test-threads", "1"]
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
