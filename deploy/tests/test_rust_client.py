"""`traccc infer` gets from both servers what `traccc run` computes, bit for bit."""

import csv
import json

import pytest
from events import grpc_client


@pytest.mark.parametrize("form", ["plain", "compact-time"])
@pytest.mark.parametrize("more", [[], ["--shared-memory"]], ids=["message", "shared-memory"])
def test_tracks_over_the_network_are_those_computed_here(server, tools, sample, form, more):
    text = tools.run(
        tools.traccc, "infer", "--url", f"http://{server.grpc}", "--input", sample, "--form", form,
        "--summary", "json", "--compare-local", "--detector", sample, "--config", tools.settings, *more,
    )
    summary = json.loads(text)
    assert summary["events"] == 3, text


@pytest.mark.parametrize("load", ["--concurrency=8", "--rate=80"])
def test_load_through_shared_memory_is_measured(server, tools, sample, load):
    table = tools.folder / "bench.csv"
    tools.run(
        tools.traccc, "bench-service", "--url", f"http://{server.grpc}", "--input", sample, "--shared-memory",
        load, "--requests", "40", "--csv", table,
    )
    [row] = csv.DictReader(table.open())
    assert (row["answers"], row["failed"]) == ("40", "0")
    with grpc_client(server) as client:
        assert not client.get_system_shared_memory_status().regions, "the server was told of the end"
