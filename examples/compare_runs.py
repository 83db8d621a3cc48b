"""Compare runs, out of the tables that ``sanctum-exporter export`` wrote.

sanctum-exporter export ~/esper/telemetry -o tables
python compare_runs.py tables
"""

import sys

import duckdb

state = duckdb.read_parquet(f"{sys.argv[1]}/state.parquet/*/*.parquet", hive_partitioning=True)
state.aggregate("""
    run, group_id,
    max(current_episode) AS episodes,
    date_diff('second', min(timestamp), max(timestamp)) AS seconds,
    max(germination_count) AS germinated,
    max(fossilize_count) AS fossilized,
    max_by(blend_success_rate, line) AS blend_success,
    max(active_slots) AS most_active
""").order("blend_success DESC, run, group_id").show(max_rows=1000, max_width=1000)
