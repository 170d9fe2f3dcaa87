"""Triton's own load generator drives both servers."""

import base64
import json

import pytest
from events import Event


def content(array):
    # Empty text instead of an empty list makes perf_analyzer 2.51.0 crash.
    return {"b64": base64.b64encode(array.tobytes()).decode()} if array.size else []


def input_data(sample, count):
    """Events in perf_analyzer's form, used in turn; the last one is empty."""
    entries = []
    for event in [Event.read(sample, number) for number in range(count)] + [Event.empty()]:
        entries.append({
            name: {"content": content(array), "shape": list(array.shape)}
            for name, array in event.tensors().items()
        })
    return json.dumps({"data": entries})


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_perf_analyzer_measures_without_an_error(server, tools, sample, protocol):
    data = tools.folder / "perf_analyzer.json"
    data.write_text(input_data(sample, 3))
    report = tools.folder / "perf_analyzer.csv"
    report.unlink(missing_ok=True)
    text = tools.analyze(
        "-m", "traccc", "-i", protocol, "-u", getattr(server, protocol), "--input-data", data,
        "--concurrency-range", "2", "--request-count", "40", "-f", report,
    )
    header, row = report.read_text().splitlines()[:2]
    measured = dict(zip(header.split(","), row.split(",")))
    assert measured["Concurrency"] == "2" and float(measured["Inferences/Second"]) > 0, text
    # The server's own part of the time comes from its statistics.
    assert float(measured["Server Compute Infer"]) > 0, text


def test_perf_analyzer_uses_shared_memory(server, tools, sample):
    data = tools.folder / "perf_analyzer.json"
    data.write_text(input_data(sample, 3))
    text = tools.analyze(
        "-m", "traccc", "-i", "grpc", "-u", server.grpc, "--input-data", data, "--concurrency-range", "2",
        "--request-count", "20", "--shared-memory", "system", "--output-shared-memory-size", "4000000",
    )
    assert "Throughput" in text
