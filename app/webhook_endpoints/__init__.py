"""Webhook endpoints: addresses of other programs that hear what happens in a workspace.

    secrets     what signs events: the present secret and, for a day, the one before it
    envelope    a row of the outbox as a signed CloudEvent
    http_post   the one function that makes the call
    backoff     when a delivery is tried again, and what an answer means for its endpoint
    delivery    the pass of a worker that makes deliveries: each endpoint at its own pace
    service     endpoints, their log, test and re-send, for pages and API

The rows are written by `app.domain_events`. docs/decisions/0085-delivering-events.md has the rules.
"""
