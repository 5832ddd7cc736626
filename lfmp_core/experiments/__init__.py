"""Runs and records: RunSpec → Record, the store that keeps them, and the engine that makes them."""
