"""The ground everything stands on. Nothing here knows HTTP or a marketing word."""
