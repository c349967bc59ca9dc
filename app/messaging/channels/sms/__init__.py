"""The channel SMS.

`content` fills a template, `twilio` and `vonage` are its providers.
"""
