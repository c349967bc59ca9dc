"""Throughline: a self-hosted visual marketing-workflow builder."""
