"""Runs code that users write, JavaScript and Python, where it can do nothing but compute.

    answer = await pool.run("javascript", "return input.total * 2", {"input": {"total": 3}}, share=tenant_id, seconds=2, alone=False)

pool        the children of this process, and the queue before them: shares take turns; the only module for others
child       what a child does: it shuts itself in, then reads code and answers
javascript  one call in QuickJS, which is WebAssembly; a new engine for each
python      one call in Monty, a program of its own that its child starts; a new session for each
subprocess  shuts Monty in before it begins
"""
