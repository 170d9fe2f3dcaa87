"""Two real servers behind a real Envoy with deploy/envoy/envoy.yaml, of which only the addresses are changed."""

import json
import threading
import time
import urllib.request

import pytest
import yaml
from events import Event, grpc_client, http_client, infer_grpc, infer_http
from processes import STARTERS, Program, free_ports
from tools import DEPLOY

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
        command = [tools.envoy, "-c", path, "--log-level", "warning", "--disable-hot-restart", "--concurrency", "1"]
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

    def healthy(self):
        """Addresses of servers that Envoy takes for healthy."""
        return [address for address, host in self.hosts().items()
                if host["health_status"] == {"eds_health_status": "HEALTHY"}]

    def answered(self, address):
        """How many requests a server has had from Envoy."""
        statistics = {entry["name"]: int(entry.get("value", 0)) for entry in self.hosts()[address]["stats"]}
        return statistics["rq_total"]


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


class Load:
    """Clients that ask one after the other, each on a thread, for some seconds."""

    def __init__(self, target, events, clients=4):
        self.results, self.errors = [], []
        self.stop = threading.Event()
        self.target, self.events = target, events
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(clients)]

    def work(self, number):
        with retrying_client(self.target) as client:
            while not self.stop.is_set():
                event = self.events[number % len(self.events)]
                number += 1
                try:
                    reply = infer_grpc(client, event.tensors())
                    self.results.append((len(event), reply.parameters["traccc_cells"]))
                except Exception as error:  # whatever the client sees is a lost request
                    self.errors.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(90)

    def check(self):
        assert not self.errors, f"{len(self.errors)} of {len(self.results)} requests: {self.errors[0]}"
        assert len(self.results) > 20
        assert all(sent == had for sent, had in self.results)


@pytest.mark.parametrize("end", ["killed", "terminated"])
def test_no_request_is_lost_when_a_server_ends_under_load(balanced, sample, large, end):
    # One in ten is larger than any default buffer.
    events = [Event.read(sample, number % 3) for number in range(9)] + [Event.read(large, 0)]
    first, second = balanced.servers
    with Load(balanced, events) as load:
        time.sleep(LOAD_SECONDS / 3)
        if end == "killed":
            first.kill()
        else:
            assert first.terminate() == 0, first.said()[-4000:]
        before = balanced.answered(second.grpc)
        time.sleep(LOAD_SECONDS * 2 / 3)
        assert set(balanced.healthy()) == {second.grpc, second.http}, "the other one is known to be gone"
    print(f"{len(load.results)} requests, {len(load.errors)} lost; server 1 had {balanced.answered(first.grpc)}, "
          f"server 2 {balanced.answered(second.grpc)}, {before} of them before")
    load.check()
    assert balanced.answered(first.grpc) > 3 and balanced.answered(second.grpc) > before > 3


def test_traccc_bench_service_loses_nothing_either(balanced, tools, sample):
    """The retry of our own client."""
    first, second = balanced.servers
    command = [tools.traccc, "bench-service", "--url", f"http://{balanced.grpc}", "--input", sample,
               "--concurrency", "4", "--seconds", int(LOAD_SECONDS)]
    with Program(command, tools.folder / "bench-service.log") as bench:
        time.sleep(LOAD_SECONDS / 2)
        first.kill()
        status = bench.process.wait(60)
    assert status == 0, bench.said()
    assert min(balanced.answered(server.grpc) for server in (first, second)) > 3, bench.said()


def test_the_largest_event_passes_over_both_protocols(balanced, large):
    event = Event.read(large, 0)
    assert event.positions.nbytes + event.properties.nbytes > 4_000_000
    with grpc_client(balanced) as client:
        over_grpc = infer_grpc(client, event.tensors())
    with http_client(balanced) as client:
        over_http = infer_http(client, event.tensors())
    assert over_grpc.parameters["traccc_cells"] == len(event)
    assert (over_grpc["TRK_PARAMS"] == over_http["TRK_PARAMS"]).all() and len(over_grpc["TRK_PARAMS"]) > 1000


def test_envoy_accepts_the_configuration(tools):
    tools.run(tools.envoy, "--mode", "validate", "-c", CONFIGURATION)
