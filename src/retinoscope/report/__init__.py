"""Results and figures -> one directory with one page."""

from retinoscope.report.analyze import AnalysisRun, analyze, rebuild_report

__all__ = ["AnalysisRun", "analyze", "rebuild_report"]
