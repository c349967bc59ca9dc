"""Addresses of triggers that other programs call: receiving what they send, their secrets, and what came lately.

    keys        the token of an address and its secrets, sealed     signatures  did the sender sign it, and when?
    mapping     what a trigger makes of a body                      receiving   a call, from its first byte to the run
    service     addresses, secrets and samples, for their owners

A call says nothing of who it is but the address: the token begins with the number of the workspace, and the rest is random.
docs/decisions/0065-several-ways-in.md has the rules.
"""
