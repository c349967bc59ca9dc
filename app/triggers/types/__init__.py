"""Trigger types: one module each, found automatically. How a type looks is in `frontend-nodes/triggers/<type>/`.

They stand beside `app.nodes`, below the engine and all features: a type says what starts a run and does nothing itself.
"""
