"""Generic building blocks. Nothing here knows HTTP or the domain."""
