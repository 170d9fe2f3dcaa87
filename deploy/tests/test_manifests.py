"""What can be said about the manifests without a cluster."""

import shutil

import pytest
import yaml
from tools import DEPLOY

KUBERNETES = DEPLOY / "kubernetes"
FOLDERS = ["base", "overlays/own-server", "overlays/gpu", "overlays/autoscaling"]
WITHOUT_SCHEMA = {"ScaledObject"}
"""Kinds of KEDA, which Kubernetes' own schemas do not have."""


def rendered(tools, folder):
    if shutil.which("kubectl"):
        return tools.run("kubectl", "kustomize", KUBERNETES / folder)
    print("kubectl is not installed: overlays are not applied, only the files themselves are checked")
    texts = [path.read_text() for path in (KUBERNETES / folder).glob("*.yaml") if path.name != "kustomization.yaml"]
    return "\n---\n".join(texts)


def without_overlays(folder):
    return not shutil.which("kubectl") and not list((KUBERNETES / folder).glob("[!k]*.yaml"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_manifests_have_the_shapes_of_kubernetes(tools, folder):
    if without_overlays(folder):
        pytest.skip("kubectl is not installed, and this overlay has patches alone")
    text = rendered(tools, folder)
    documents = [document for document in yaml.safe_load_all(text) if document]
    path = tools.folder / f"{folder.replace('/', '-')}.yaml"
    path.write_text(text)
    said = tools.run(tools.kubernetes_validate, "--strict", path)
    for document in documents:
        kind, name = document["kind"], document["metadata"]["name"]
        if kind not in WITHOUT_SCHEMA:
            assert f"passed for resource {kind.lower()}/{name}" in said, said


def by_name(documents, kind, name):
    [found] = [d for d in documents if d["kind"] == kind and d["metadata"]["name"].startswith(name)]
    return found


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize("folder", FOLDERS)
def test_names_in_manifests_lead_somewhere(tools, folder):
    documents = list(yaml.safe_load_all(rendered(tools, folder)))
    configuration = by_name(documents, "ConfigMap", "traccc-envoy")
    assert configuration["data"]["envoy.yaml"] == (DEPLOY / "envoy/envoy.yaml").read_text()
    for deployment, service in (("traccc-servers", "traccc-servers"), ("traccc-envoy", "traccc")):
        template = by_name(documents, "Deployment", deployment)["spec"]["template"]
        [service] = [d for d in documents if d["kind"] == "Service" and d["metadata"]["name"] == service]
        labels = template["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        [container] = template["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys()
        for probe in ("readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] in ports
        volumes = {volume["name"] for volume in template["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        # SIGTERM comes after preStop, and there is time left for it.
        [_, pause] = container["lifecycle"]["preStop"]["exec"]["command"]
        assert int(pause) + 40 <= template["spec"]["terminationGracePeriodSeconds"]
    used = by_name(documents, "Deployment", "traccc-envoy")["spec"]["template"]["spec"]["volumes"][0]
    assert used["configMap"]["name"] == configuration["metadata"]["name"]
    # Envoy's addresses are the headless service's.
    clusters = yaml.safe_load(configuration["data"]["envoy.yaml"])["static_resources"]["clusters"]
    headless = by_name(documents, "Service", "traccc-servers")
    assert headless["spec"]["clusterIP"] == "None"
    offered = {port["name"]: port["port"] for port in headless["spec"]["ports"]}
    for cluster in clusters:
        [endpoint] = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        address = endpoint["endpoint"]["address"]["socket_address"]
        assert address["address"] == "traccc-servers"
        assert address["port_value"] == offered[cluster["name"].removeprefix("traccc_")]


def test_the_server_of_the_manifests_accepts_their_arguments(tools):
    """`traccc serve` knows every argument that the overlay gives it."""
    patches = yaml.safe_load((KUBERNETES / "overlays/own-server/kustomization.yaml").read_text())["patches"]
    arguments = yaml.safe_load(patches[0]["patch"])[0]["value"]
    help_text = tools.run(tools.traccc, arguments[0], "--help")
    for argument in arguments[1:]:
        assert argument.split("=")[0] in help_text, argument
