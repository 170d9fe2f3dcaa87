"""`cargo xtask soak`: both servers under load for minutes; their memory must level off and no request may fail.

First one client sends a number of requests, then many send at once for some minutes; the memory is watched all the time.
Nothing is sent twice: a request that the server does not take has failed.
"""

import argparse
import csv
import sys
import tempfile
import threading
import time
from pathlib import Path

from processes import STARTERS
from tools import Tools

INTERVAL = 0.25
"""Seconds between two looks at the memory."""
LEAK_BYTES = 400
"""So much a request that is never given back is a leak."""
STEP_MIB = 1.0
"""Less is an allocator's own ups and downs, for however few requests."""
GROWTH_MIB = 16.0
"""More is no memory that levels off, whatever its course."""


def resident_mib(pid):
    """Memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


class Watch:
    """Looks at the memory of a process again and again."""

    def __init__(self, pid):
        self.pid, self.samples, self.stop = pid, [], threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.stop.wait(INTERVAL):
            self.samples.append(resident_mib(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def floors(samples):
    """The least memory in each third of what follows the first quarter, in which buffers and caches fill.

    Requests on their way come and go above it; what is never given back raises it.
    """
    settled = samples[len(samples) // 4:]
    third = len(settled) // 3
    assert third > 0, f"{len(samples)} samples are too few: send more requests"
    return [min(settled[part * third:(part + 1) * third]) for part in range(3)]


def growth(samples, requests):
    """What is wrong with the course of the memory over some requests, or None when it levels off."""
    first, second, third = floors(samples)
    # Between two floors lies a quarter of the requests. A buffer that fills late makes one step, a leak makes two.
    step = max(STEP_MIB, LEAK_BYTES * requests / 4 / 2**20)
    if second - first > step and third - second > step:
        return f"the memory does not level off, or had no time to: {first:.1f}, {second:.1f}, {third:.1f} MiB"
    if third - first > GROWTH_MIB:
        return f"the memory grew by {third - first:.1f} MiB"
    return None


def bench(tools, server, sample, limit, *load):
    """Gives how many requests were answered: all of them."""
    table = tools.folder / "soak.csv"
    text = tools.run(
        tools.traccc, "bench-service", "--url", f"http://{server.grpc}", "--input", sample, "--retries", "0",
        "--warm-up", "0", "--csv", table, *load, limit=limit,
    )
    print("   " + text.strip().replace("\n", "\n   "), flush=True)
    [row] = csv.DictReader(table.open())
    return int(row["answers"])


def soak(tools, name, repository, sample, options):
    """Gives what is wrong, as a list."""
    seconds = max(int(60 * options.minutes), 1)
    parts = [
        (f"{options.requests} requests of one client", ["--concurrency", 1, "--requests", options.requests]),
        (f"{options.minutes:g} minutes with {options.clients} clients",
         ["--concurrency", options.clients, "--seconds", seconds]),
    ]
    wrong = []
    with STARTERS[name](tools, repository, tools.folder / f"{name}.log") as server:
        server.wait()
        for part, load in parts:
            print(f"== {name}: {part}", flush=True)
            with Watch(server.pid) as watch:
                answers = bench(tools, server, sample, 3600 + seconds, *load)
            time.sleep(2)
            after = resident_mib(server.pid)
            course = " ".join(f"{floor:.1f}" for floor in floors(watch.samples))
            print(f"   memory, MiB: {watch.samples[0]:.1f} at first, then at least {course}, at most "
                  f"{max(watch.samples):.1f}, afterwards {after:.1f}", flush=True)
            # What lies idle afterwards may not be more than there was under load.
            reasons = [growth(watch.samples, answers)]
            if after - max(watch.samples) > STEP_MIB:
                reasons.append(f"the memory is {after:.1f} MiB afterwards, more than ever under load")
            wrong += [f"{name}, {part}: {reason}" for reason in reasons if reason]
        status = server.terminate()
        if status:
            wrong.append(f"{name} ended with {status}")
    return wrong


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, metavar="N", help="requests of the first part (10000)")
    parser.add_argument("--minutes", type=float, default=5, metavar="M", help="length of the second part (5)")
    parser.add_argument("--clients", type=int, default=64, metavar="N", help="clients of the second part (64)")
    parser.add_argument("--server", choices=list(STARTERS), action="append", help="only this server")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(folder)
        sample = tools.simulate(events=20, particles=50)
        repository = tools.model(tools.folder / "models", sample)
        wrong = [text for name in options.server or STARTERS for text in soak(tools, name, repository, sample, options)]
    for text in wrong:
        print(f"soak: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
