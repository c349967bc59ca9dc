"""Code that people write into steps: whether a workspace allows it, and whether what stands there is code.

service     the switch of a workspace, with who turned it when
rule_repository  the same for workers, which ask without a request
checks      whether the code of a document can be read, asked of the children that run it
"""
