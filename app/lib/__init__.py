"""The ground everything stands on. Nothing here knows a marketing word."""
