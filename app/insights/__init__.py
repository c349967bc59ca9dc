"""Numbers: what each workflow did, and what the workspace looks like now. Read from roll-ups, never counted over history."""
