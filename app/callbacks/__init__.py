"""What providers report about messages after they took them: delivered, opened, clicked, bounced, complaints.

    api                where providers call        receiving          a call, from its signature to the commit
    report_repository  whose message it is         consequences       what follows: events, the suppression list, doubts that end

A call says nothing of who it is but its address, and its signature where the provider has one. docs/decisions/0092 has the rules.
"""
