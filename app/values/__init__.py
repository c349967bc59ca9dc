"""Pure rules of values, applied to pages, API, files, steps and events alike.

`contact_fields` cleans what a contact may hold into the form that is stored. `names` is the rule of attributes and topics.
`field_kinds` judges what kind of value a field holds. `zone_names` and `languages` know what people call a time zone and a language.
"""
