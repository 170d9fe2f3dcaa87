"""`traccc infer` gets from both servers what `traccc run` computes, bit for bit."""

import json

import pytest


@pytest.mark.parametrize("form", ["plain", "compact-time"])
@pytest.mark.parametrize("more", [[], ["--shared-memory"]], ids=["message", "shared-memory"])
def test_tracks_over_the_network_are_those_computed_here(server, tools, sample, form, more):
    text = tools.run(
        tools.traccc, "infer", "--url", f"http://{server.grpc}", "--input", sample, "--form", form,
        "--summary", "json", "--compare-local", "--detector", sample, "--config", tools.settings, *more,
    )
    summary = json.loads(text)
    assert summary["events"] == 3, text
