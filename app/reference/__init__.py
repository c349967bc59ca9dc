"""The API reference for people: an offline page over the OpenAPI document that the app makes of its own handlers."""
