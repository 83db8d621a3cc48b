"""docs/api.md: the documents of ``/api/v1``, field by field, from the types that make them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from inspect import cleandoc
from typing import Any, Final, get_args, get_origin

import msgspec

from sanctum_exporter.readings import (
    GroupReading,
    RunInfo,
    RunLife,
    SeedLifecycleStats,
    SlotSnapshot,
)
from sanctum_exporter.view.document import (
    Exporter,
    GroupView,
    Overview,
    RunSummary,
    RunView,
    encode,
    overview,
    run_view,
)
from sanctum_exporter.view.history import History, Series
from sanctum_exporter.view.judgement import Judgement
from sanctum_exporter.web.api import RUN_PATH, RUNS_PATH
from sanctum_exporter.web.freshness import FRESH_SECONDS, MOST_SHARE

_STRUCTS: Final = (RunSummary, GroupView, Judgement, Series, Exporter)
_NOW: Final = 1_800_000_000.0
_PLAIN: Final = {str: "string", float: "number", int: "integer", type(None): "null"}


def api_page() -> str:
    """Return docs/api.md."""
    return f"""# API

Generated from `src/sanctum_exporter/view/` by `make generate`.

What the page and `top` show, for scripts: JSON over GET, on the address of the metrics and with the
same TLS and passwords.

| address | answers with |
| --- | --- |
| `{RUNS_PATH}` | every run in a line |
| `{RUN_PATH}` | the run with the newest event, with its panels; 404 where there is none yet |
| `{RUN_PATH}?run=NAME` | the run that the list calls so in `run`; 404 where there is none |

<!-- not run: needs an exporter that runs -->
```sh
curl -s http://127.0.0.1:10500{RUN_PATH} | jq -r '.run.detail'
```

## What is promised

Within `v1` no field goes, and none changes its name, its type or its meaning; new fields, states
and styles may come, so pass over what you do not know. What breaks that is a `v2`, beside `v1` for
a release. Texts for people (`detail`, `lines`, `name` and `value` of a judgement) may be worded
anew.

Times are seconds since the epoch, 0 for none yet; durations are in seconds; ratios are 0 to 1.

Every answer has an `ETag`, which stays the same while nothing has happened: ask again with
`If-None-Match`, and what you have already is answered by `304` without a body. An answer may be
{FRESH_SECONDS} s old, and older where making it costs more than {MOST_SHARE:.0%} of a core.
An error is `{{"error": "…"}}`, with the status that says so.

## {RUNS_PATH}

{_fields(Overview)}

```json
{_example(overview(_exporter(), _groups(), _NOW))}
```

## {RUN_PATH}

{_fields(RunView)}

```json
{_example(run_view(_exporter(), _groups(), _histories(), _NOW))}
```

{_sections()}
"""


def _sections() -> str:
    return "\n\n".join(f"## {struct.__name__}\n\n{_fields(struct)}" for struct in _STRUCTS)


def _fields(struct: type[msgspec.Struct]) -> str:
    """Return a table of the fields of a document.

    Raises:
        KeyError: if one of them is not in the docstring.
    """
    meanings = _meanings(struct)
    rows = [
        f"| `{field.name}` | {_type(field.type)} | {meanings[field.name]} |"
        for field in msgspec.structs.fields(struct)
    ]
    return "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows])


def _meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    _, _, attributes = cleandoc(struct.__doc__ or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    return {name: _sentence(text) for name, text in found}


def _sentence(text: str) -> str:
    """Return what a docstring says in the words of JSON."""
    return re.sub(r"\bNone\b", "null", " ".join(text.split()).replace("``", "`"))


def _type(kind: Any) -> str:
    """Return a type in the words of JSON."""
    holder = {list: "list of", dict: "object of"}.get(get_origin(kind) or kind)
    if holder:
        return f"{holder} {_type(get_args(kind)[-1])}"
    if kind in _STRUCTS:
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if kind in _PLAIN:
        return _PLAIN[kind]
    arguments = get_args(kind)
    if not arguments:
        return "[text, style]" if hasattr(kind, "_fields") else "object"
    if isinstance(arguments[0], str):
        return "string"
    return " or ".join(_type(argument) for argument in arguments)


def _exporter() -> Exporter:
    return Exporter("1.0.0", "watch runs")


def _groups() -> list[GroupReading]:
    counts = {"DORMANT": 8, "GERMINATED": 1, "TRAINING": 2, "BLENDING": 0, "HOLDING": 0}
    seeds = SeedLifecycleStats(30, 6, 14, 4, 12, 3.0, 0.6, 1.4, 0.7, 17.5, fossilize_trend="rising")
    slots = SlotSnapshot(12, 4, {**counts, "FOSSILIZED": 1}, 4, 3.5, 10, seeds)
    info = RunInfo("ppo_42_100ep", "cifar_baseline", "shaped", 100, _NOW - 600)
    life = RunLife("running", 5400.0, 12.0, 300, under_way=True, midway=True)
    return [GroupReading("default", slots, info, _NOW - 2, life, "telemetry_2027-01-15_075000")]


def _histories() -> dict[str, Series]:
    history, (group,) = History(), _groups()
    # Two moments, so that a column can be told from a number.
    history.note([replace(group, last_event_timestamp=_NOW - 7)], _NOW - 5)
    history.note([group], _NOW)
    return {group.group_id: history.series(group.run, group.group_id)}


def _example(document: Overview | RunView) -> str:
    """Return a document as people read it: short lists and objects in a line."""
    text = json.dumps(json.loads(encode(document)), indent=2, ensure_ascii=False)
    short = re.compile(r"[\[{]\n[^\[\]{}]{0,90}?\n *[\]}]")
    while (found := short.sub(lambda match: re.sub(r"\s*\n\s*", " ", match[0]), text)) != text:
        text = found
    return text
