"""The metrics and labels that a PromQL expression names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import promql_parser as promql

TARGET_LABELS = frozenset({"job", "instance", "cluster", "namespace", "pod", "node", "rank"})
"""What tells one process from another: Prometheus puts them on every series, as it is told to."""


@dataclass
class Names:
    """What an expression names: labels by metric, those of its operators, and what they ignore."""

    labels_by_metric: dict[str, set[str]] = field(default_factory=dict)
    other_labels: set[str] = field(default_factory=set)
    ignored_labels: set[str] = field(default_factory=set)


def names(expression: str) -> Names:
    """Return every metric and label that an expression names."""
    found = Names()
    for node in nodes(promql.parse(expression)):
        if isinstance(node, promql.VectorSelector):
            matchers = list(node.matchers.matchers)
            name = node.name or next(m.value for m in matchers if m.name == "__name__")
            labels = {m.name for m in matchers} - {"__name__"}
            found.labels_by_metric.setdefault(name, set()).update(labels)
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            found.other_labels.update(node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier is not None:
            matching = node.modifier.matching
            if matching is not None and matching.type == promql.LabelModifierType.Exclude:
                found.ignored_labels.update(matching.labels)
            elif matching is not None:
                found.other_labels.update(matching.labels)
            found.other_labels.update(node.modifier.group_labels or ())
    return found


def result_labels(expression: str, labels_by_metric: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the labels that the result of an expression can have."""
    return _labels(promql.parse(expression), labels_by_metric)


def _has_series(node: object) -> bool:
    return any(isinstance(part, promql.VectorSelector) for part in nodes(node))


def _labels(node: object, labels_by_metric: dict[str, frozenset[str]]) -> frozenset[str]:
    if isinstance(node, promql.VectorSelector):
        return labels_by_metric[node.name or ""] | TARGET_LABELS
    if isinstance(node, promql.AggregateExpr):
        by = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
        if node.modifier is None or node.modifier.type == promql.AggModifierType.By:
            return by
        return _labels(node.expr, labels_by_metric) - by
    if isinstance(node, promql.BinaryExpr) and str(node.op) in ("and", "unless"):
        return _labels(node.lhs, labels_by_metric)
    parts = (_labels(part, labels_by_metric) for part in _parts(node))
    return frozenset[str]().union(*parts)


def listed_labels(expression: str) -> set[str]:
    """Return the labels that an expression keeps or joins by, "" for an aggregation of all."""
    found: set[str] = set()
    for node in nodes(promql.parse(expression)):
        if isinstance(node, promql.AggregateExpr):
            if node.modifier is None:
                found.add("")
            elif node.modifier.type == promql.AggModifierType.By:
                found.update(node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier is not None:
            matching = node.modifier.matching
            if matching is not None and matching.type == promql.LabelModifierType.Include:
                found.update(matching.labels)
    return found


def unmatched_labels(expression: str, labels_by_metric: dict[str, frozenset[str]]) -> set[str]:
    """Return the labels that one side of an operator has, the other has not, and none ignores."""
    found: set[str] = set()
    for node in nodes(promql.parse(expression)):
        if isinstance(node, promql.BinaryExpr) and str(node.op) != "or":
            sides = [_labels(side, labels_by_metric) for side in (node.lhs, node.rhs)]
            matching = node.modifier.matching if node.modifier is not None else None
            ignored = set(matching.labels) if matching is not None else set[str]()
            listed = matching is not None and matching.type == promql.LabelModifierType.Include
            if all(map(_has_series, (node.lhs, node.rhs))) and not listed:
                found |= (sides[0] ^ sides[1]) - ignored
    return found


def nodes(node: object) -> Iterator[object]:
    """Yield a node of a parsed expression and all within it."""
    yield node
    for part in _parts(node):
        yield from nodes(part)


def _parts(node: object) -> list[object]:
    if isinstance(node, promql.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, promql.Call):
        return list(node.args)
    if isinstance(node, promql.MatrixSelector):
        return [node.vector_selector]
    if isinstance(node, promql.AggregateExpr):
        return [node.expr, node.param] if node.param is not None else [node.expr]
    if isinstance(node, promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr):
        return [node.expr]
    if isinstance(node, promql.VectorSelector | promql.NumberLiteral | promql.StringLiteral):
        return []
    raise TypeError(f"unknown node of PromQL: {node!r}")
