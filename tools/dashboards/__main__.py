"""Writes the dashboards into deploy/grafana."""

from pathlib import Path

from tools.dashboards.rendering import rendered

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"

FOLDER.mkdir(exist_ok=True)
for name, text in rendered().items():
    (FOLDER / name).write_text(text)
