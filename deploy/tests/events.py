"""Events as Python clients send them, written from the public contract: deploy/README.md, 'The contract'."""

import csv

import numpy as np
import tritonclient.grpc
import tritonclient.http

OUTPUTS = ("TRK_PARAMS", "MEASUREMENTS", "COVARIANCES", "GEOMETRY_IDS")


class Event:
    """The cells of an event: `positions` INT64 [n, 4], `properties` FP32 [n, 2]."""

    def __init__(self, positions, properties):
        self.positions, self.properties = positions, properties

    def __len__(self):
        return len(self.positions)

    @classmethod
    def read(cls, folder, number):
        """From a cell file."""
        with open(folder / f"event{number:09}-cells.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        names = ("geometry_id", "measurement_id", "channel0", "channel1")
        # Identifiers have 64 bits, of which the highest may be set.
        positions = np.array([[int(row[name]) for name in names] for row in rows], np.uint64)
        properties = np.array([[float(row["timestamp"]), float(row["value"])] for row in rows], np.float32)
        return cls(positions.astype(np.int64), properties)

    @classmethod
    def empty(cls):
        return cls(np.empty((0, 4), np.int64), np.empty((0, 2), np.float32))

    def tensors(self):
        return {"CELL_POSITIONS": self.positions, "CELL_PROPERTIES": self.properties}


DATA_TYPES = {"int64": "INT64", "float32": "FP32", "float64": "FP64", "int32": "INT32", "uint32": "UINT32"}


class Reply:
    """Tensors by name, and the parameters of the response."""

    def __init__(self, tensors, parameters):
        self.tensors, self.parameters = tensors, parameters

    def __getitem__(self, name):
        return self.tensors[name]


def inputs_of(module, tensors, **how):
    """Tensors as the client in `module` wants them."""
    inputs = []
    for name, array in tensors.items():
        tensor = module.InferInput(name, list(array.shape), DATA_TYPES[str(array.dtype)])
        tensor.set_data_from_numpy(array, **how)
        inputs.append(tensor)
    return inputs


def infer_grpc(client, tensors, outputs=OUTPUTS, model="traccc", **more):
    wanted = [tritonclient.grpc.InferRequestedOutput(name) for name in outputs]
    more.setdefault("client_timeout", 60)
    result = client.infer(model, inputs_of(tritonclient.grpc, tensors), outputs=wanted, **more)
    parameters = {key: value.int64_param for key, value in result.get_response().parameters.items()}
    return Reply({name: result.as_numpy(name) for name in outputs}, parameters)


def infer_http(client, tensors, outputs=OUTPUTS, model="traccc", binary=True, **more):
    wanted = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in outputs]
    result = client.infer(model, inputs_of(tritonclient.http, tensors, binary_data=binary), outputs=wanted, **more)
    parameters = result.get_response().get("parameters", {})
    return Reply({name: result.as_numpy(name) for name in outputs}, parameters)


def infer_json(client, tensors, **more):
    return infer_http(client, tensors, binary=False, **more)


def grpc_client(server, **more):
    return tritonclient.grpc.InferenceServerClient(server.grpc, **more)


def http_client(server):
    return tritonclient.http.InferenceServerClient(server.http, network_timeout=60, connection_timeout=10)


PROTOCOLS = {
    "grpc": (grpc_client, infer_grpc),
    "http": (http_client, infer_http),
    "json": (http_client, infer_json),
}
