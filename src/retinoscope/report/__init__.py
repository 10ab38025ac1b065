"""Results and figures -> one directory with one page."""

from retinoscope.report.run import AnalysisRun, analyze, rebuild_report

__all__ = ["AnalysisRun", "analyze", "rebuild_report"]
