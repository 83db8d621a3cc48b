"""The metrics and labels that a PromQL expression names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import promql_parser as promql

TARGET_LABELS = frozenset({"job", "instance"})


@dataclass
class Names:
    """What an expression names: labels by metric, and those of its operators."""

    labels_by_metric: dict[str, set[str]] = field(default_factory=dict)
    other_labels: set[str] = field(default_factory=set)


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
            if node.modifier.matching is not None:
                found.other_labels.update(node.modifier.matching.labels)
            found.other_labels.update(node.modifier.group_labels or ())
    return found


def result_labels(expression: str, labels_by_metric: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the labels that the result of an expression can have."""

    def labels(node: object) -> frozenset[str]:
        if isinstance(node, promql.VectorSelector):
            # A rule may continue its own series; those have the labels of its other parts.
            return labels_by_metric.get(node.name or "", frozenset()) | TARGET_LABELS
        if isinstance(node, promql.AggregateExpr):
            by = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
            if node.modifier is None or node.modifier.type == promql.AggModifierType.By:
                return by
            return labels(node.expr) - by
        if isinstance(node, promql.BinaryExpr) and str(node.op) in ("and", "unless"):
            return labels(node.lhs)
        return frozenset[str]().union(*map(labels, _parts(node)))

    return labels(promql.parse(expression))


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
