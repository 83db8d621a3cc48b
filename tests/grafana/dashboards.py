"""Dashboards as Grafana reads them: variables filled in, queries asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from grafana import FOLDER
from tests.grafana.prometheus import Prometheus

Panel = dict[str, Any]

ALL: Final = "$__all"
COLUMNS: Final = 24
_DESCENDING: Final = 2
"""How a variable says that its values are in descending alphabetical order."""
_REFERENCE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_REGEX_CHARACTERS: Final = re.compile(r"[$^*{}\[\]'+?.()|]")


def load(uid: str) -> dict[str, Any]:
    """Return a committed dashboard."""
    document: dict[str, Any] = json.loads((FOLDER / f"{uid}.json").read_text("utf-8"))
    return document


def panels(dashboard: Mapping[str, Any]) -> Iterator[Panel]:
    """Yield the panels of a dashboard, without its rows."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


@dataclass(frozen=True)
class View:
    """A dashboard with its variables chosen, at one time.

    Attributes:
        dashboard: the dashboard.
        values: chosen value of each variable, ``ALL`` for all, and several as a tuple.
        end: end of the time range, in seconds since the epoch.
        span_seconds: length of the time range.
        step_seconds: time between the points of a graph.
    """

    dashboard: Mapping[str, Any]
    values: Mapping[str, str | tuple[str, ...]]
    end: float
    span_seconds: int = 60
    step_seconds: int = 1

    def fill(self, text: str) -> str:
        """Return a text with its variables filled in, as Grafana's Prometheus source does."""
        return _REFERENCE.sub(lambda found: self._value(found[1] or found[2]), text)

    def ask(self, server: Prometheus, panel: Panel) -> tuple[Panel, dict[str, Any]]:
        """Return a panel with its variables filled in, and the answer to each of its queries."""
        answers = {}
        for target in panel.get("targets", []):
            expr = self.fill(target["expr"])
            if target["instant"]:
                answers[target["refId"]] = server.instant(expr, self.end)
            else:
                start = self.end - self.span_seconds
                answers[target["refId"]] = server.range(expr, start, self.end, self.step_seconds)
        filled: Panel = panel | {"title": self.fill(panel["title"])}
        return filled, answers

    def options(self, server: Prometheus, name: str) -> list[str]:
        """Return the values that a query variable offers."""
        variable = self._variable(name)
        query = variable["definition"]
        if query.startswith("query_result("):
            return self._results(server, query, variable["regex"])
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        if found is None:
            raise ValueError(f"variable {name}: not a label_values query: {query}")
        series, label = self.fill(found[1]), found[2]
        expr = f"group by ({label}) (last_over_time({series}[{self.span_seconds}s]))"
        results = server.instant(expr, self.end)["result"]
        values = (result["metric"].get(label) for result in results)
        descending = variable["sort"] == _DESCENDING
        return sorted(filter(None, values), reverse=descending)

    def _results(self, server: Prometheus, query: str, regex: str) -> list[str]:
        expr = self.fill(query.removeprefix("query_result(").removesuffix(")"))
        texts = []
        for result in server.instant(expr, self.end)["result"]:
            labels = ",".join(f'{name}="{value}"' for name, value in result["metric"].items())
            time, value = result["value"]
            texts.append(f"{{{labels}}} {value} {time * 1000:.0f}")
        matches = (re.search(regex.strip("/"), text) for text in texts)
        return list(dict.fromkeys(match[1] for match in matches if match))

    def repeated(self, server: Prometheus, panel: Panel) -> list[tuple[View, Panel]]:
        """Return a panel, or its copies side by side, each with the view that it is drawn in."""
        name = panel.get("repeat")
        if name is None:
            return [(self, panel)]
        options = self.options(server, name)
        if not options:
            return [(self, panel)]
        width = COLUMNS // len(options)
        return [
            (
                replace(self, values={**self.values, name: option}),
                panel
                | {"id": f"{panel['id']}-{option}"}
                | {"gridPos": panel["gridPos"] | {"x": index * width, "w": width}},
            )
            for index, option in enumerate(options)
        ]

    def _variable(self, name: str) -> Mapping[str, Any]:
        variables = self.dashboard["templating"]["list"]
        found: Mapping[str, Any] = next(v for v in variables if v["name"] == name)
        return found

    def _value(self, name: str) -> str:
        intervals = {"__rate_interval": 4 * self.step_seconds, "__range": self.span_seconds}
        if name in intervals:
            return f"{intervals[name]}s"
        variable = self._variable(name)
        value = self.values[name]
        if value == ALL:
            chosen: str = variable["allValue"]
            return chosen
        if isinstance(value, tuple):
            return f"({'|'.join(map(_escaped, value))})"
        if variable.get("multi") or variable.get("includeAll"):
            return _escaped(value)
        return value.replace("\\", "\\\\").replace('"', '\\"')


def _escaped(value: str) -> str:
    value = value.replace("\\", "\\\\\\\\")
    return _REGEX_CHARACTERS.sub(lambda found: f"\\\\{found[0]}", value)


def opened(uid: str, server: Prometheus, end: float, **chosen: str) -> View:
    """Return a dashboard as Grafana opens it: each variable that nobody chose has its default.

    Args:
        uid: which dashboard.
        server: where the options of variables come from.
        end: end of the time range.
        chosen: values of variables, as a link gives them.
    """
    view = View(load(uid), chosen, end)
    for variable in view.dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "datasource" or name in chosen:
            continue
        if variable["type"] == "custom":
            value = variable["current"]["value"]
        elif variable["includeAll"]:
            value = ALL
        else:
            value = next(iter(view.options(server, name)), "")
        view = replace(view, values={**view.values, name: value})
    return view


def view_of_group(job: str, instance: str, group_id: str, end: float) -> View:
    """Return sanctum-slots of one group at a moment."""
    values = {
        "job": job,
        "instance": instance,
        "run": "",
        "group_id": group_id,
        "groups": group_id,
    }
    return View(load("sanctum-slots"), values, end)
