"""Python's Triton client, as it is, talks to both servers."""

import numpy as np
import pytest
from events import OUTPUTS, Event, grpc_client, infer_grpc

ADDITIONS = ("TRACK_OFFSETS", "TRACK_QUALITY", "STATE_QUALITY", "MEASUREMENT_INDICES", "PACKED_COVARIANCES")


def check_shapes(reply, tracks):
    """Shapes as the contract says."""
    states = len(reply["MEASUREMENTS"])
    assert reply["TRK_PARAMS"].shape == (tracks, 8)
    assert reply["MEASUREMENTS"].shape == (states, 6)
    assert reply["COVARIANCES"].shape == (states, 25)
    ids = reply["GEOMETRY_IDS"]
    assert ids.shape == (max(states + tracks - 1, 0),)
    assert np.count_nonzero(ids == 0) == max(tracks - 1, 0), "a zero between tracks"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_cell_file_gives_the_tracks_of_traccc_run(ask, tools, sample, number):
    event, counts = Event.read(sample, number), tools.counts(sample, number)
    reply = ask(event.tensors())
    assert len(event) == counts["cells"] == reply.parameters["traccc_cells"]
    assert counts["measurements"] == reply.parameters["traccc_measurements"]
    tracks = reply.parameters["traccc_tracks"]
    assert tracks + reply.parameters["traccc_excluded_tracks"] == counts["found_tracks"] > 0
    check_shapes(reply, tracks)
    for name in ("TRK_PARAMS", "MEASUREMENTS", "COVARIANCES"):
        assert np.isfinite(reply[name]).all(), name
    # Every state is on a sensor that fired.
    fired = set(event.positions[:, 0])
    assert set(reply["GEOMETRY_IDS"]) - {0} <= fired


def test_all_servers_and_protocols_give_the_same_numbers(ask, event, remembered):
    outputs = OUTPUTS + ADDITIONS
    reply = ask(event.tensors(), outputs=outputs)
    first = remembered.setdefault("reply", reply)
    for name in outputs:
        assert reply[name].dtype == first[name].dtype
        np.testing.assert_array_equal(reply[name], first[name], err_msg=name)


@pytest.fixture(scope="module")
def remembered():
    return {}


def test_offsets_divide_the_states_into_tracks(ask, event):
    reply = ask(event.tensors(), outputs=OUTPUTS + ADDITIONS)
    offsets, ids = reply["TRACK_OFFSETS"], reply["GEOMETRY_IDS"]
    tracks, states = len(reply["TRK_PARAMS"]), len(reply["MEASUREMENTS"])
    assert offsets[0] == 0 and offsets[-1] == states and len(offsets) == tracks + 1
    # Between the zeros of GEOMETRY_IDS stand the same tracks.
    zeros = np.flatnonzero(ids == 0)
    np.testing.assert_array_equal(zeros, offsets[1:-1] + np.arange(tracks - 1))
    lengths = np.diff(offsets)
    np.testing.assert_array_equal(reply["TRACK_QUALITY"][:, 3], lengths)
    # The packed triangle is in the full matrix.
    full = reply["COVARIANCES"].reshape(-1, 5, 5)
    rows, columns = np.tril_indices(5)
    np.testing.assert_array_equal(reply["PACKED_COVARIANCES"], full[:, rows, columns])


def test_no_cells_give_no_tracks(ask):
    reply = ask(Event.empty().tensors())
    check_shapes(reply, 0)


def test_one_cell_gives_no_tracks(ask, event):
    reply = ask(Event(event.positions[:1], event.properties[:1]).tensors())
    check_shapes(reply, 0)


def test_more_than_100000_cells_pass(ask, large):
    event = Event.read(large, 0)
    assert len(event) > 100_000
    reply = ask(event.tensors())
    tracks = reply.parameters["traccc_tracks"]
    assert tracks > 1000
    check_shapes(reply, tracks)


def test_parameters_of_a_request_are_honoured(ask, event):
    everything = ask(event.tensors(), outputs=("TRK_PARAMS", "TRACK_QUALITY"))
    lengths = everything["TRACK_QUALITY"][:, 3]
    limit = int(lengths.max())
    chosen = ask(event.tensors(), outputs=("TRACK_QUALITY",), parameters={"traccc_min_measurements": limit})
    assert 0 < len(chosen["TRACK_QUALITY"]) == np.count_nonzero(lengths >= limit) < len(lengths)


def test_a_model_of_upstreams_outputs_sends_those(server, event):
    with grpc_client(server) as client:
        names = [output.name for output in client.get_model_metadata("upstream").outputs]
        assert names == list(OUTPUTS)
        reply = infer_grpc(client, event.tensors(), model="upstream")
        check_shapes(reply, reply.parameters["traccc_tracks"])


def test_metadata_configuration_and_statistics_are_there(server, event):
    with grpc_client(server) as client:
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("traccc")
        config = client.get_model_config("traccc").config
        assert config.max_batch_size == 0 and len(config.input) == 4
        before = client.get_inference_statistics("traccc").model_stats[0]
        for _ in range(3):
            infer_grpc(client, event.tensors())
        after = client.get_inference_statistics("traccc").model_stats[0]
        passed = lambda entry: getattr(after.inference_stats, entry).ns - getattr(before.inference_stats, entry).ns
        assert after.inference_stats.success.count == before.inference_stats.success.count + 3
        # Times are honest: reconstruction takes the most, and nothing took years.
        assert 0 < passed("compute_infer") < 60e9
        assert 0 < passed("compute_input") < passed("compute_infer")
        assert 0 < passed("compute_output") < passed("compute_infer")
        assert passed("queue") < 60e9
