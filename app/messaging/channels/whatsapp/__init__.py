"""The channel WhatsApp.

`content` is what a template says and fills it, `whatsapp_message` what leaves; `meta` (Cloud API) and `twilio` are its providers.
"""
