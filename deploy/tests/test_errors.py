"""What is wrong with a request is said with the right status, and the next request is not touched by it."""

import numpy as np
import pytest
from events import PROTOCOLS, Event
from tritonclient.utils import InferenceServerException


def short_properties(event):
    return {"CELL_POSITIONS": event.positions, "CELL_PROPERTIES": event.properties[:-1]}, {}


def no_properties(event):
    return {"CELL_POSITIONS": event.positions}, {}


def wrong_type(event):
    return {"CELL_POSITIONS": event.positions, "CELL_PROPERTIES": event.properties.astype(np.float64)}, {}


def wrong_width(event):
    return {"CELL_POSITIONS": event.positions[:, :3].copy(), "CELL_PROPERTIES": event.properties}, {}


def unknown_sensor(event):
    positions = event.positions.copy()
    positions[7, 0] = 12345
    return Event(positions, event.properties).tensors(), {}


def negative_channel(event):
    positions = event.positions.copy()
    positions[7, 2] = -1
    return Event(positions, event.properties).tensors(), {}


def wrong_parameter(event):
    return event.tensors(), {"parameters": {"traccc_geometry_ids": "atlas"}}


def twice_refused(event):
    twice = Event(np.repeat(event.positions, 2, axis=0), np.repeat(event.properties, 2, axis=0))
    return twice.tensors(), {"parameters": {"traccc_duplicates": "refuse"}}


def unknown_model(event):
    return event.tensors(), {"model": "tracks"}


INVALID, NOT_FOUND = ("StatusCode.INVALID_ARGUMENT", "400"), ("StatusCode.NOT_FOUND", "404")
CASES = [
    (short_properties, INVALID, "CELL_PROPERTIES"),
    (no_properties, INVALID, "CELL_PROPERTIES"),
    (wrong_type, INVALID, "CELL_PROPERTIES"),
    (wrong_width, INVALID, "CELL_POSITIONS"),
    (unknown_sensor, INVALID, "12345"),
    (negative_channel, INVALID, "-1"),
    (wrong_parameter, INVALID, "traccc_geometry_ids"),
    (twice_refused, INVALID, ""),
    (unknown_model, NOT_FOUND, "tracks"),
]


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("case, status, part", CASES, ids=[case[0].__name__ for case in CASES])
def test_a_wrong_request_is_refused_with_its_reason(server, event, protocol, case, status, part):
    connect, infer = PROTOCOLS[protocol]
    tensors, more = case(event)
    with connect(server) as client:
        with pytest.raises(InferenceServerException) as refused:
            infer(client, tensors, **more)
        assert refused.value.status() == status[protocol == "http"], refused.value
        assert part in refused.value.message(), refused.value
        # The server goes on.
        assert len(infer(client, event.tensors())["TRK_PARAMS"]) > 0
