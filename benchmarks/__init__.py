"""Benchmarks of simqueue, against engines that do the same work; run ``python -m benchmarks``."""
