"""Channels: one package each, with what is special about its addresses, its rendering and its sending."""
