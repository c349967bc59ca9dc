"""Benchmarks: `./dev bench NAME`. Ratios measured side by side in one run, never absolute figures."""
