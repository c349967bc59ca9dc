"""Triggers that ask other programs for rows: each new row starts one run.

    upkeep      keeps `polls` as the live versions of workflows are     sources     asks a URL or a database, outside any transaction
    storing     what came: contacts, starts and the cursor, together    jobs        the pass of a worker over what is due

docs/decisions/0103-rows-are-asked-for.md has the rules.
"""
