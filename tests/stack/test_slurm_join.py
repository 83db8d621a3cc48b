"""What docs/operating.md tells to ask about Slurm's jobs has an answer in a real Prometheus."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.documents import blocks
from tests.stack.storage import StackTool

pytestmark = pytest.mark.stack

SERIES = [
    'sanctum_total_slots{group_id="A",instance="gpu7/esper-42",job="sanctum"}',
    'sanctum_total_slots{group_id="B",instance="gpu7/esper-42",job="sanctum"}',
    'sanctum_total_slots{group_id="default",instance="elsewhere",job="sanctum"}',
    'slurm_job_info{training="gpu7/esper-42",job_id="42",user="ada",instance="gpu7:9100",job="node"}',
]


def test_a_run_is_joined_to_its_job(stack_tool: StackTool, tmp_path: Path) -> None:
    """Each group of the job's training says whose it is; trainings outside Slurm are left out."""
    (query,) = (b.code for b in blocks() if b.kind == "promql" and "slurm_job_info" in b.code)
    labels = 'instance="gpu7/esper-42",job_id="42",user="ada",job="sanctum"'
    case = {
        "input_series": [
            {"series": series, "values": f"{value}x3"}
            for series, value in zip(SERIES, (12, 9, 6, 1), strict=True)
        ],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": "2m",
                "exp_samples": [
                    {"labels": f'{{group_id="A",{labels}}}', "value": 12},
                    {"labels": f'{{group_id="B",{labels}}}', "value": 9},
                ],
            }
        ],
    }
    file = tmp_path / "join.yml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}), "utf-8")
    command = [str(stack_tool("promtool")), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
