"""Templates of messages: what may be saved, the editor with its preview, and a test to one address.

The package is not called `templates`, because `app/templates` holds the HTML of the pages.
`mail_view` shows the HTML of a mail in a page, `send_test` sends one rendered template to
one address. How a part is filled is the business of `app.messaging.channels`.
"""
