"""Step types: one module each, found by being here. What an author sees is in `base`; `conditions` and `paths` are the
language of rules, `scope` what `compile` is handed, `registry` the list of types.
"""
