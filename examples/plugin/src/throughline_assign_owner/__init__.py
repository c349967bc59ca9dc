"""A step type for Throughline: gives each contact an owner."""
