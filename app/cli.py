"""Composition root of the commands: `./dev COMMAND`."""
