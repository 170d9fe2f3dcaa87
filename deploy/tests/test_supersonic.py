"""The script in the values for SuperSONIC holds SIGTERM back while Envoy still sends requests."""

import signal
import time

import yaml
from processes import Server, free_ports, http_ok
from tools import DEPLOY

PAUSE = 2


def test_the_server_is_not_ended_before_envoy_knows(tools, repository):
    [script] = yaml.safe_load((DEPLOY / "supersonic/values.yaml").read_text())["triton"]["args"]
    mark = tools.folder / "shutdown"
    http, grpc, metrics = free_ports(3)
    places = (
        f"{tools.triton} --backend-directory={tools.backends} --http-address=127.0.0.1 --grpc-address=127.0.0.1 "
        f"--http-port={http} --grpc-port={grpc} --metrics-port={metrics} --allow-gpu-metrics=false"
    )
    for old, new in [
        ("/opt/tritonserver/bin/tritonserver", places),
        ("=/models", f"={repository}"),
        ("/tmp/shutdown", str(mark)),
        ("sleep 20", f"sleep {PAUSE}"),
    ]:
        assert old in script
        script = script.replace(old, new)
    log = tools.folder / "supersonic.log"
    with Server(["/bin/sh", "-c", script], log, (http, grpc, metrics)) as server:
        server.wait()
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(PAUSE / 2)
        assert mark.exists(), "the readiness probe sees that the end is near"
        assert http_ok(f"http://{server.http}/v2/health/ready"), "requests are still answered"
        status = server.process.wait(30)
        assert status == 0 and time.monotonic() - start >= PAUSE, f"{status}\n{server.said()[-4000:]}"
