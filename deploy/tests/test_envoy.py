"""Two real servers behind a real Envoy with deploy/envoy/envoy.yaml, of which only the addresses are changed."""

import json
import subprocess
import threading
import time
import urllib.request

import pytest
import yaml
from events import Event, grpc_client, http_client, infer_grpc, infer_http
from processes import STARTERS, Program, free_ports
from tools import DEPLOY
from tritonclient.utils import InferenceServerException

CONFIGURATION = DEPLOY / "envoy/envoy.yaml"
RETRY = {
    "methodConfig": [{
        "name": [{}],
        "retryPolicy": {
            "maxAttempts": 5,
            "initialBackoff": "0.05s",
            "maxBackoff": "1s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }]
}
"""The retry of Python's gRPC client, as deploy/README.md recommends it."""
LOAD_SECONDS = 6.0


def retrying_client(server):
    # Of a larger request gRPC keeps nothing to send again, unless it is told to.
    options = [("grpc.service_config", json.dumps(RETRY)), ("grpc.per_rpc_retry_buffer_size", 1 << 26)]
    return grpc_client(server, channel_args=options)


PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Of who repeats over HTTP, as deploy/README.md recommends it: longer together than Envoy needs to find a server unhealthy."""


def repeating_infer_http(client, tensors, repeated):
    """Python's HTTP client does not repeat by itself."""
    for pause in PAUSES:
        try:
            return infer_http(client, tensors)
        except InferenceServerException as error:
            if error.status() != "503":
                raise
            repeated.append(error)
            time.sleep(pause)
    return infer_http(client, tensors)


def infer_grpc_once(client, tensors, _repeated):
    """The client itself repeats."""
    return infer_grpc(client, tensors)


RETRYING = {"grpc": (retrying_client, infer_grpc_once), "http": (http_client, repeating_infer_http)}


class Envoy(Program):
    """An Envoy before some servers; has `grpc` and `http` as a server has."""

    def __init__(self, tools, servers, name):
        self.admin, grpc, http = free_ports(3)
        self.grpc, self.http = f"127.0.0.1:{grpc}", f"127.0.0.1:{http}"
        self.servers = servers
        config = yaml.safe_load(CONFIGURATION.read_text())
        place(config["admin"]["address"], self.admin)
        for listener in config["static_resources"]["listeners"]:
            place(listener["address"], {"grpc": grpc, "http": http}[listener["name"]])
        for cluster in config["static_resources"]["clusters"]:
            protocol = cluster["name"].removeprefix("traccc_")
            cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = [
                {"endpoint": {"address": place({"socket_address": {}}, getattr(server, protocol).split(":")[1])}}
                for server in servers
            ]
        path = tools.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        # As in the manifest, with another path.
        command = [str(path) if word.endswith(".yaml") else word for word in container()["command"][1:]]
        command = [tools.envoy, *command, "--disable-hot-restart", "--concurrency", "1"]
        super().__init__(command, tools.folder / f"{name}.log")

    def wait(self):
        try:
            self.wait_until(lambda: len(self.healthy()) == 2 * len(self.servers))
        except BaseException:
            self.kill()
            raise
        return self

    def hosts(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/clusters?format=json", timeout=5) as answer:
                clusters = json.load(answer)["cluster_statuses"]
        except OSError:
            return {}
        return {
            f"127.0.0.1:{host['address']['socket_address']['port_value']}": host
            for cluster in clusters
            for host in cluster.get("host_statuses", [])
        }

    def retried(self, protocol):
        """How many requests Envoy has sent to another server."""
        return self.statistic(f"cluster.traccc_{protocol}.upstream_rq_retry_success")

    def healthy(self):
        """Addresses of servers that Envoy takes for healthy."""
        return [address for address, host in self.hosts().items()
                if host["health_status"] == {"eds_health_status": "HEALTHY"}]

    def answered(self, address):
        """How many requests a server has had from Envoy."""
        statistics = {entry["name"]: int(entry.get("value", 0)) for entry in self.hosts()[address]["stats"]}
        return statistics["rq_total"]

    def drained(self):
        """How many connections of each listener were closed because Envoy is to end."""
        return {name: self.statistic(f"http.{name}.downstream_cx_drain_close") for name in ("http", "grpc")}

    def statistic(self, name):
        url = f"http://127.0.0.1:{self.admin}/stats?filter=^{name}$"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.read().split()[-1])


def container():
    """Envoy's container in its manifest."""
    [deployment, *_] = yaml.safe_load_all((DEPLOY / "kubernetes/base/envoy.yaml").read_text())
    return deployment["spec"]["template"]["spec"]["containers"][0]


def place(address, port):
    address["socket_address"].update(address="127.0.0.1", port_value=int(port))
    return address


@pytest.fixture(params=STARTERS)
def balanced(request, tools, repository):
    """Two servers of one kind behind an Envoy."""
    name = request.param
    start = lambda number: STARTERS[name](tools, repository, tools.folder / f"{name}{number}.log")
    with start(0) as first, start(1) as second:
        first.wait(), second.wait()
        with Envoy(tools, [first, second], f"envoy-{name}") as envoy:
            yield envoy.wait()


def end(server, how):
    """Ends a server by kill -9 or by SIGTERM, after which it must do its work and end with success."""
    if how == "killed":
        server.kill()
    else:
        assert server.terminate() == 0, server.said()[-4000:]


class Load:
    """Clients that ask one after the other, each on a thread; some of them come later."""

    CLIENTS = LATE_CLIENTS = 4

    def __init__(self, target, events, protocol):
        self.results, self.errors, self.repeated = [], [], []
        self.stop = threading.Event()
        self.target, self.events = target, events
        self.connect, self.infer = RETRYING[protocol]
        threads = [threading.Thread(target=self.work, args=(n,)) for n in range(self.CLIENTS + self.LATE_CLIENTS)]
        self.threads, self.late = threads[:self.CLIENTS], threads[self.CLIENTS:]

    def work(self, number):
        with self.connect(self.target) as client:
            while not self.stop.is_set():
                event = self.events[number % len(self.events)]
                number += 1
                try:
                    reply = self.infer(client, event.tensors(), self.repeated)
                    self.results.append((len(event), reply.parameters["traccc_cells"]))
                except Exception as error:  # whatever the client sees is a lost request
                    self.errors.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def more(self, delay):
        """The late ones come, after a delay."""
        def come():
            time.sleep(delay)
            for thread in self.late:
                thread.start()
        self.threads += self.late
        self.starter = threading.Thread(target=come)
        self.starter.start()

    def __exit__(self, *_):
        self.stop.set()
        self.starter.join()
        for thread in self.threads:
            thread.join(90)

    def check(self):
        assert not self.errors, f"{len(self.errors)} of {len(self.results)} requests: {self.errors[0]}"
        assert len(self.results) > 20
        assert all(sent == had for sent, had in self.results)


@pytest.mark.parametrize("protocol", RETRYING)
@pytest.mark.parametrize("how", ["killed", "terminated"])
def test_no_request_is_lost_when_a_server_ends_under_load(balanced, sample, large, how, protocol):
    # One in ten is larger than any default buffer.
    events = [Event.read(sample, number % 3) for number in range(9)] + [Event.read(large, 0)]
    first, second = (getattr(server, protocol) for server in balanced.servers)
    with Load(balanced, events, protocol) as load:
        time.sleep(LOAD_SECONDS / 3)
        # They make Envoy open connections to a server that is about to end.
        load.more(delay=0.1)
        end(balanced.servers[0], how)
        before = balanced.answered(second)
        time.sleep(LOAD_SECONDS * 2 / 3)
        healthy = {balanced.servers[1].grpc, balanced.servers[1].http}
        assert set(balanced.healthy()) == healthy, "the other one is known to be gone"
    print(f"{len(load.results)} requests, {len(load.errors)} lost, {len(load.repeated)} attempts repeated by the client, "
          f"{balanced.retried(protocol)} by Envoy; server 1 had {balanced.answered(first)}, "
          f"server 2 {balanced.answered(second)}, {before} of them before")
    load.check()
    assert balanced.answered(first) > 3 and balanced.answered(second) > before > 3
    if (how, protocol) == ("killed", "http"):
        # What was on its way is the client's, and it is told why; all that came to the dead server later is Envoy's.
        assert len(load.repeated) <= Load.CLIENTS, load.repeated
        assert all("before headers" in error.message() for error in load.repeated), load.repeated


@pytest.mark.parametrize("how", ["killed", "terminated"])
def test_traccc_bench_service_loses_nothing_either(balanced, tools, sample, how):
    """The retry of our own client."""
    first, second = balanced.servers
    command = [tools.traccc, "bench-service", "--url", f"http://{balanced.grpc}", "--input", sample,
               "--concurrency", "4", "--seconds", int(LOAD_SECONDS)]
    with Program(command, tools.folder / "bench-service.log") as bench:
        time.sleep(LOAD_SECONDS / 2)
        before = balanced.answered(first.grpc)
        end(first, how)
        status = bench.process.wait(60)
    print(bench.said())
    assert status == 0, bench.said()
    assert before > 3 and balanced.answered(second.grpc) > 3, bench.said()


def test_the_largest_event_passes_over_both_protocols(balanced, large):
    event = Event.read(large, 0)
    assert event.positions.nbytes + event.properties.nbytes > 4_000_000
    with grpc_client(balanced) as client:
        over_grpc = infer_grpc(client, event.tensors())
    with http_client(balanced) as client:
        over_http = infer_http(client, event.tensors())
    assert over_grpc.parameters["traccc_cells"] == len(event)
    assert (over_grpc["TRK_PARAMS"] == over_http["TRK_PARAMS"]).all() and len(over_grpc["TRK_PARAMS"]) > 1000


def test_an_envoy_that_is_to_end_sends_clients_elsewhere(balanced, event):
    """The preStop hook of its manifest."""
    [shell, flag, script] = container()["lifecycle"]["preStop"]["exec"]["command"]
    assert "/9901" in script and "sleep 15" in script
    script = script.replace("/9901", f"/{balanced.admin}").replace("sleep 15", "head -1 <&3")
    with http_client(balanced) as http, grpc_client(balanced) as grpc:
        ask = [lambda: infer_http(http, event.tensors()), lambda: infer_grpc(grpc, event.tensors())]
        for infer in ask:
            infer()
        assert balanced.drained() == {"http": 0, "grpc": 0}
        done = subprocess.run([shell, flag, script], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and "200 OK" in done.stdout, done
        # What comes in the meantime is answered, and the connection is closed after it.
        for infer in ask:
            assert len(infer()["TRK_PARAMS"]) > 0
        assert balanced.drained() == {"http": 1, "grpc": 1}


def test_envoy_accepts_the_configuration(tools):
    tools.run(tools.envoy, "--mode", "validate", "-c", CONFIGURATION)
