"""What commands run, from beginning to end."""

from retinoscope.workflows.analysis_run import AnalysisRun, analyze, rebuild_report

__all__ = ["AnalysisRun", "analyze", "rebuild_report"]
