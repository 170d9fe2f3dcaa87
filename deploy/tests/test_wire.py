"""What clients of Triton count on, asked of both servers."""

import json
import queue
import urllib.error
import urllib.request

import grpc as plain_grpc
import numpy as np
import pytest
import tritonclient.grpc
from events import DATA_TYPES, grpc_client, http_client, infer_grpc, inputs_of
from processes import start_own


def stream(server, requests):
    """Streams requests as tensors by name of their model, each until its reply is marked as the last: results and errors."""
    replies, outcomes = queue.Queue(), []
    with grpc_client(server) as client:
        client.start_stream(lambda result, error: replies.put((result, error)))
        for model, tensors in requests:
            inputs = inputs_of(tritonclient.grpc, tensors)
            client.async_stream_infer(model, inputs, enable_empty_final_response=True)
            while True:
                result, error = replies.get(timeout=30)
                outcomes.append((result, error))
                # An error is an end by itself for this client.
                if error or result.get_response().parameters["triton_final_response"].bool_param:
                    break
        client.stop_stream()
    return outcomes


def test_a_stream_says_which_reply_is_the_last(server, event):
    tensors = event.tensors()
    outcomes = stream(server, [("traccc", tensors), ("no such model", tensors), ("traccc", tensors)])
    assert [error is None for _, error in outcomes] == [True, False, True]
    with grpc_client(server) as client:
        expected = infer_grpc(client, tensors)
    for result, error in outcomes:
        if error is None:
            np.testing.assert_array_equal(result.as_numpy("TRK_PARAMS"), expected["TRK_PARAMS"])


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_messages_may_be_compressed(server, event, algorithm):
    with grpc_client(server) as client:
        plain = infer_grpc(client, event.tensors())
        packed = infer_grpc(client, event.tensors(), compression_algorithm=algorithm)
        np.testing.assert_array_equal(packed["TRK_PARAMS"], plain["TRK_PARAMS"])


def test_a_client_may_begin_by_unregistering_everything(server):
    """The opening lines of NVIDIA's shared memory examples."""
    with grpc_client(server) as grpc, http_client(server) as http:
        for client in (grpc, http):
            client.unregister_system_shared_memory()
            client.unregister_cuda_shared_memory()
        assert not grpc.get_system_shared_memory_status().regions
        assert not grpc.get_cuda_shared_memory_status().regions
        assert http.get_system_shared_memory_status() == []
        assert http.get_cuda_shared_memory_status() == []


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService", "triton"])
def test_the_health_of_any_service_is_that_of_the_server(server, service):
    # HealthCheckRequest and HealthCheckResponse, of one field each.
    request = bytes([10, len(service)]) + service.encode()
    with plain_grpc.insecure_channel(server.grpc) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(request, timeout=10) == bytes([8, 1])


def post(server, body):
    request = urllib.request.Request(f"http://{server.http}/v2/models/traccc/infer", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def test_null_is_as_good_as_nothing(server, event):
    inputs = [
        {
            "name": name,
            "datatype": DATA_TYPES[str(array.dtype)],
            "shape": list(array.shape),
            "data": array.ravel().tolist(),
        }
        for name, array in event.tensors().items()
    ]
    plain = post(server, {"inputs": inputs, "outputs": [{"name": "TRK_PARAMS"}]})
    nulls = [{**tensor, "parameters": None} for tensor in inputs]
    reply = post(server, {"inputs": nulls, "outputs": [{"name": "TRK_PARAMS", "parameters": None}]})
    assert reply["outputs"] == plain["outputs"] and reply["outputs"][0]["shape"][0] > 0


@pytest.fixture(scope="module")
def own(tools, repository):
    with start_own(tools, repository, tools.folder / "wire.log") as running:
        yield running.wait()


@pytest.mark.parametrize(
    "path, header, status",
    [
        ("/v2/nothing", {}, 404),
        ("/v2/models/nothing/infer", {}, 404),
        ("/v2/models/%ff/infer", {}, 400),
        ("/v2/models/traccc/infer", {"Content-Encoding": "br"}, 415),
        ("/v2/models/traccc/ready", {}, 405),
    ],
)
def test_every_error_over_http_is_json(own, path, header, status):
    request = urllib.request.Request(f"http://{own.http}{path}", b"{}", header)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == status
    assert json.load(refused.value)["error"]
