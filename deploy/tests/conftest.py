"""What tests share: the programs, events, a model repository, and each server once."""

import pytest
from events import PROTOCOLS, Event
from processes import STARTERS
from tools import Tools


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    return Tools(tmp_path_factory.mktemp("traccc"))


@pytest.fixture(scope="session")
def sample(tools):
    """A folder with the toy detector and three events of 50 particles."""
    return tools.simulate(events=3, particles=50)


@pytest.fixture(scope="session")
def large(tools):
    """A folder with an event of more than 100,000 cells."""
    return tools.simulate(events=1, particles=4300)


@pytest.fixture(scope="session")
def event(sample):
    return Event.read(sample, 0)


@pytest.fixture(scope="session")
def repository(tools, sample):
    folder = tools.model(tools.folder / "models", sample)
    tools.model(folder, sample, "--name", "upstream", "--outputs", "upstream")
    return folder


@pytest.fixture(scope="session", params=STARTERS)
def server(request, tools, repository):
    """A running server: each test that asks for it runs with Triton and with our own."""
    started = STARTERS[request.param](tools, repository, tools.folder / f"{request.param}.log")
    with started as running:
        yield running.wait()
        status = running.terminate()
        assert status == 0, f"SIGTERM: status {status}\n{running.said()[-4000:]}"


@pytest.fixture(params=PROTOCOLS)
def ask(request, server):
    """Sends tensors to the server over one of the protocols: `ask(tensors, ...) -> Reply`."""
    connect, infer = PROTOCOLS[request.param]
    client = connect(server)
    yield lambda tensors, **more: infer(client, tensors, **more)
    client.close()
