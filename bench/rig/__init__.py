"""What benchmarks stand on: a filled database, workers as processes, and numbers as medians with their spread."""
