"""Measurements of speed and memory. `make bench` runs `python -m benchmarks` against the peers."""
