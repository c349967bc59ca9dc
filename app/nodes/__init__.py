"""Step types: one module each, found by being here. What an author sees is in `app.flow.node_type`."""
