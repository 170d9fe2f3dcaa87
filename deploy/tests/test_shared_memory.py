"""Inputs and outputs through memory that client and server share."""

import os

import numpy as np
import pytest
import tritonclient.utils.shared_memory as shm
from events import OUTPUTS, PROTOCOLS, infer_grpc
from tritonclient import grpc, http

SIZE = 4_000_000
MODULES = {"grpc": grpc, "http": http}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_tensors_in_shared_memory_are_those_in_the_message(server, event, protocol):
    module, (connect, infer) = MODULES[protocol], PROTOCOLS[protocol]
    regions, key = [], f"/traccc_test_{os.getpid()}"
    with connect(server) as client:
        expected = infer(client, event.tensors())
        try:
            for name in ("in", "out"):
                regions.append(shm.create_shared_memory_region(name, f"{key}_{name}", SIZE))
                client.register_system_shared_memory(name, f"{key}_{name}", SIZE)
            arrays = list(event.tensors().values())
            shm.set_shared_memory_region(regions[0], arrays)
            inputs, start = [], 0
            for (name, array), kind in zip(event.tensors().items(), ("INT64", "FP32")):
                tensor = module.InferInput(name, list(array.shape), kind)
                tensor.set_shared_memory("in", array.nbytes, start)
                inputs.append(tensor)
                start += array.nbytes
            outputs = []
            # At offsets that no type is aligned to.
            for place, name in enumerate(OUTPUTS):
                output = module.InferRequestedOutput(name)
                output.set_shared_memory("out", SIZE // 4 - 4, place * SIZE // 4 + 3)
                outputs.append(output)
            result = client.infer("traccc", inputs, outputs=outputs)
            for place, name in enumerate(OUTPUTS):
                shape = result.get_output(name)
                shape = [int(n) for n in (shape["shape"] if isinstance(shape, dict) else shape.shape)]
                assert shape == list(expected[name].shape)
                kind = np.int64 if name == "GEOMETRY_IDS" else np.float32
                found = shm.get_contents_as_numpy(regions[1], kind, shape, place * SIZE // 4 + 3)
                np.testing.assert_array_equal(found, expected[name], err_msg=name)
        finally:
            client.unregister_system_shared_memory()
            for region in regions:
                shm.destroy_shared_memory_region(region)


def test_a_region_that_is_too_small_is_an_error(server, event):
    key = f"/traccc_small_{os.getpid()}"
    region = shm.create_shared_memory_region("small", key, 64)
    with PROTOCOLS["grpc"][0](server) as client:
        try:
            client.register_system_shared_memory("small", key, 64)
            inputs = []
            for name, array in event.tensors().items():
                tensor = grpc.InferInput(name, list(array.shape), "INT64" if array.dtype == np.int64 else "FP32")
                tensor.set_data_from_numpy(array)
                inputs.append(tensor)
            output = grpc.InferRequestedOutput("TRK_PARAMS")
            output.set_shared_memory("small", 64, 0)
            with pytest.raises(grpc.InferenceServerException):
                client.infer("traccc", inputs, outputs=[output])
            assert len(infer_grpc(client, event.tensors())["TRK_PARAMS"]) > 0
        finally:
            client.unregister_system_shared_memory()
            shm.destroy_shared_memory_region(region)
