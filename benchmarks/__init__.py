"""Measuring the chat from the outside: `python -m benchmarks` (see docs/performance.md)."""
