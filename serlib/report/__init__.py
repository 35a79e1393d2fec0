"""The report: notebooks executed by papermill, as offline pages with an index of scores, thumbnails and facts."""

from serlib.report.execute import run_report
from serlib.report.publish import affordable, publish

__all__ = ["affordable", "publish", "run_report"]
