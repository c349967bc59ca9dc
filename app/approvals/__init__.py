"""Questions to people: runs that stand before one, who may answer, and the answer, which counts once.

A step type says by `NodeType.asks` what may be answered and by whom. The run itself is the question: nothing else is stored of it.
"""
