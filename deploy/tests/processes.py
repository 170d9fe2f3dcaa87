"""Programs that run during a test: started on loopback, watched, and ended whatever happens."""

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.request

START_LIMIT = 60.0
"""Seconds until a server must be ready: it is under one on an idle machine, tests share theirs."""


def free_ports(count):
    """Ports that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def die_with_parent():
    """Asks Linux to kill this process when the tests end, also when they are killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Program:
    """A program in the background; what it says goes into a file."""

    def __init__(self, command, log):
        self.command = [str(part) for part in command]
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        return self.log.read_text(errors="replace")

    def wait_until(self, ready, limit=START_LIMIT):
        """Waits until `ready()` holds; fails when the program ends before or the time is over."""
        deadline = time.monotonic() + limit
        while not ready():
            status = self.process.poll()
            assert status is None, f"{self.command} ended with {status}:\n{self.said()[-4000:]}"
            assert time.monotonic() < deadline, f"{self.command} is not ready:\n{self.said()[-4000:]}"
            time.sleep(0.05)

    def kill(self):
        """kill -9, also of what it started itself."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)

    def terminate(self, limit=30.0):
        """SIGTERM; gives the exit status."""
        self.process.terminate()
        return self.process.wait(limit)


def http_ok(url):
    """Whether an address answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


class Server(Program):
    """A server of models: `http`, `grpc` and `metrics` are its addresses."""

    def __init__(self, command, log, ports):
        super().__init__(command, log)
        self.http, self.grpc, self.metrics = (f"127.0.0.1:{port}" for port in ports)

    def wait(self):
        try:
            self.wait_until(lambda: http_ok(f"http://{self.http}/v2/health/ready"))
        except BaseException:
            self.kill()
            raise
        return self


def start_triton(tools, repository, log):
    """A real Triton with our backend."""
    http, grpc, metrics = free_ports(3)
    command = [
        tools.triton,
        f"--model-repository={repository}",
        f"--backend-directory={tools.backends}",
        "--http-address=127.0.0.1",
        "--grpc-address=127.0.0.1",
        f"--http-port={http}",
        f"--grpc-port={grpc}",
        f"--metrics-port={metrics}",
        "--allow-gpu-metrics=false",
        "--exit-timeout-secs=10",
    ]
    return Server(command, log, (http, grpc, metrics))


def start_own(tools, repository, log):
    """`traccc serve`."""
    http, grpc, metrics = free_ports(3)
    command = [
        tools.traccc,
        "serve",
        "--model-repository",
        repository,
        "--http-address",
        f"127.0.0.1:{http}",
        "--grpc-address",
        f"127.0.0.1:{grpc}",
        "--metrics-address",
        f"127.0.0.1:{metrics}",
        "--shared-memory",
    ]
    return Server(command, log, (http, grpc, metrics))


STARTERS = {"triton": start_triton, "own": start_own}
