"""Templates of messages: what may be saved, the editor with its preview, and filling one for a contact.

The package is not called `templates`, because `app/templates` holds the HTML of the pages.
`rendering` fills a template for one contact, `plain_text` turns HTML into text and back, `mail_view` shows the HTML of a mail in a page,
`send_test` sends one rendered template to one address.
"""
