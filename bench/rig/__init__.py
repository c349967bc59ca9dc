"""What benchmarks stand on: a filled database, workers as processes, and numbers as medians with their spread."""

from app import installed_types

installed_types.install()  # in every process of a benchmark
