"""`cargo xtask soak`: both servers under load for minutes; their memory must not grow and no request may fail.

First one client sends a number of requests, then many send at once for some minutes; the memory is watched in both parts.
Nothing is sent twice: a request that the server does not take has failed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from processes import STARTERS
from tools import Tools

GROWTH_MIB = 16
"""More than an allocator's own ups and downs; a leak of 2 kB a request shows in 10,000 requests."""


def resident_mib(pid):
    """Memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


def bench(tools, server, sample, limit, *load):
    text = tools.run(
        tools.traccc, "bench-service", "--url", f"http://{server.grpc}", "--input", sample, "--retries", "0", *load,
        limit=limit,
    )
    print("   " + text.strip().replace("\n", "\n   "), flush=True)


def soak(tools, name, repository, sample, options):
    """Gives what is wrong, or None."""
    with STARTERS[name](tools, repository, tools.folder / f"{name}.log") as server:
        server.wait()
        print(f"== {name}: {options.requests} requests, one client", flush=True)
        steps = 10
        memory = []
        # The first tenth fills buffers and caches.
        for _ in range(steps):
            bench_requests = max(options.requests // steps, 1)
            bench(tools, server, sample, 3600, "--concurrency", "1", "--requests", bench_requests, "--warm-up", "0")
            memory.append(resident_mib(server.pid))
        print(f"   memory after each tenth, MiB: {' '.join(f'{m:.1f}' for m in memory)}")
        print(f"== {name}: {options.clients} clients, {options.minutes} minutes", flush=True)
        under_load = []
        # The first tenth fills buffers and caches here too.
        for seconds in (max(int(6 * options.minutes), 1), max(int(54 * options.minutes), 1)):
            bench(
                tools, server, sample, 3600 + seconds, "--concurrency", options.clients, "--seconds", seconds,
                "--warm-up", "0",
            )
            under_load.append(resident_mib(server.pid))
        print(f"   memory after a tenth and after all of it, MiB: {' '.join(f'{m:.1f}' for m in under_load)}", flush=True)
        status = server.terminate()
        if status:
            return f"{name} ended with {status}"
        for part, first, last in (
            (f"{options.requests} requests of one client", memory[0], memory[-1]),
            (f"{options.minutes} minutes with {options.clients} clients", *under_load),
        ):
            if last - first > GROWTH_MIB:
                return f"{name}: the memory grew by {last - first:.1f} MiB in {part}"
        return None


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
        wrong = [soak(tools, name, repository, sample, options) for name in options.server or STARTERS]
    wrong = [text for text in wrong if text]
    for text in wrong:
        print(f"soak: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
