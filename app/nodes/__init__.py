"""Step types: one module each, found automatically. The interface for authors is in `app.flow.node_type`."""
