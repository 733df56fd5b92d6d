"""Benchmarks: the gate beside what it is measured against. Ratios only; see docs/performance.md."""
