"""Domain events: what happens in the product, told to programs outside it.

`types` lists them, each with the schema of its data; `outbox_repository` writes them down for the endpoints that want them, in the
transaction of what happened. `app.webhook_endpoints` delivers them. These events are not those of `app.events`, which start workflows.
docs/decisions/0084-events-for-other-programs.md has the rules.
"""
