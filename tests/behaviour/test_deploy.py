"""The files of deploy/: generated ones are complete, labels collide with none of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sanctum_exporter.catalogue import labels_by_name
from sanctum_exporter.web.scrapers import LONGEST_WAIT_SECONDS
from tests import recordings

ROOT = recordings.ROOT
DEPLOY = ROOT / "deploy"
MONITORING = DEPLOY / "kubernetes" / "monitoring"
RULES = DEPLOY / "kubernetes" / "rules"
TRAINER = DEPLOY / "kubernetes" / "trainer"
TARGET_LABELS = {"instance", "training_job", "rank"}


def documents(file: Path) -> list[Any]:
    """Return the YAML documents of a file."""
    return list(yaml.safe_load_all(file.read_text("utf-8")))


def relabelled(rules: list[dict[str, Any]]) -> set[str]:
    """Return the labels that relabelling sets."""
    return {rule.get("targetLabel") or rule.get("target_label", "") for rule in rules} - {""}


def pod() -> dict[str, Any]:
    """Return the specification of the example's pods."""
    spec: dict[str, Any] = documents(TRAINER / "job.yaml")[0]["spec"]["template"]["spec"]
    return spec


def test_prometheus_rule_holds_every_rule() -> None:
    """The operator gets the same groups, in the same words; it has a watchdog of its own."""
    groups = [
        group
        for file in sorted((ROOT / "rules").glob("*.yml"))
        if file.stem != "meta"
        for group in documents(file)[0]["groups"]
    ]
    (resource,) = documents(RULES / "prometheusrule.yaml")
    assert (resource["apiVersion"], resource["kind"]) == (
        "monitoring.coreos.com/v1",
        "PrometheusRule",
    )
    assert resource["spec"] == {"groups": groups}


def test_dashboards_are_config_maps_that_the_sidecar_finds() -> None:
    """Each dashboard is there to the letter, below the size that Kubernetes takes."""
    found: dict[str, str] = {}
    for resource in documents(MONITORING / "dashboards.yaml"):
        assert (resource["apiVersion"], resource["kind"]) == ("v1", "ConfigMap")
        assert resource["metadata"]["labels"] == {"grafana_dashboard": "1"}
        found |= resource["data"]
        assert sum(map(len, resource["data"].values())) < 1024 * 1024
    files = (ROOT / "grafana" / "dashboards").glob("*.json")
    assert found == {file.name: file.read_text("utf-8") for file in files}


@pytest.mark.parametrize("folder", [MONITORING, RULES, TRAINER], ids=lambda folder: folder.name)
def test_kustomization_names_the_files_that_are_there(folder: Path) -> None:
    """No manifest is forgotten, none is named that is not there."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    there = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == there


def test_pod_monitor_finds_the_sidecar() -> None:
    """The monitor selects the example's pods and scrapes the port that the sidecar listens on."""
    (monitor,) = documents(MONITORING / "podmonitor.yaml")
    (job,) = documents(TRAINER / "job.yaml")
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (sidecar,) = pod()["initContainers"]
    (port,) = sidecar["ports"]
    assert endpoint["port"] == port["name"]
    assert f"--web.listen-address=:{port['containerPort']}" in sidecar["args"]


def test_sidecar_shares_the_telemetry_and_ends_no_training() -> None:
    """It reads the volume that training writes, and is restarted by itself."""
    (sidecar,), (training,) = pod()["initContainers"], pod()["containers"]
    assert sidecar["restartPolicy"] == "Always"
    (reads,), (writes,) = sidecar["volumeMounts"], training["volumeMounts"]
    assert (reads["name"], reads["mountPath"]) == (writes["name"], writes["mountPath"])
    assert reads["readOnly"]
    assert reads["mountPath"] in sidecar["args"]
    assert sidecar["securityContext"]["readOnlyRootFilesystem"]
    assert pod()["securityContext"]["runAsNonRoot"]


def target_labels() -> Iterator[tuple[str, set[str]]]:
    """Yield what each kind of discovery puts on a target."""
    (endpoint,) = documents(MONITORING / "podmonitor.yaml")[0]["spec"]["podMetricsEndpoints"]
    yield "operator", relabelled(endpoint["relabelings"])
    (scrape,) = documents(DEPLOY / "scrape" / "kubernetes.yml")[0]["scrape_configs"]
    yield "kubernetes", relabelled(scrape["relabel_configs"])
    (example,) = documents(DEPLOY / "scrape" / "targets" / "example.yml")
    for target in example:
        yield "file", set(target["labels"])


def test_labels_of_targets_are_the_same_everywhere_and_none_of_ours() -> None:
    """Job and rank are found under the same names, and replace no label of a metric."""
    ours = frozenset[str]().union(*labels_by_name().values())
    for kind, labels in target_labels():
        assert labels >= TARGET_LABELS, kind
        assert not labels & ours, kind
        assert not labels & {"pod", "node"}, f"{kind}: another one would be another series"


@pytest.mark.parametrize(
    ("found", "instance"),
    [
        ("team/esper/0", "team/esper/0"),
        ("team/esper/", "team/esper"),
        ("team//", None),
        ("team//0", None),
    ],
    ids=["indexed job", "job", "no job", "index without a job"],
)
def test_a_pod_of_a_job_is_named_by_its_job_and_rank(found: str, instance: str | None) -> None:
    """Its successor has the same name; a pod of no job keeps its address."""
    (endpoint,) = documents(MONITORING / "podmonitor.yaml")[0]["spec"]["podMetricsEndpoints"]
    (scrape,) = documents(DEPLOY / "scrape" / "kubernetes.yml")[0]["scrape_configs"]
    for rules, target in (
        (endpoint["relabelings"], "targetLabel"),
        (scrape["relabel_configs"], "target_label"),
    ):
        (naming,) = (rule for rule in rules if rule.get(target) == "instance")
        assert naming["separator"] == "/"
        match = re.fullmatch(naming["regex"], found)
        assert (match and match[1]) == instance


def test_a_pod_waits_long_enough_for_the_last_scrape() -> None:
    """Kubernetes kills the sidecar after its wait, not in the middle of it."""
    assert pod()["terminationGracePeriodSeconds"] > LONGEST_WAIT_SECONDS + 5
