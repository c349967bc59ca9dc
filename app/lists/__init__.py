"""Lists as people want them: their order, their columns, views that are saved, what is done with many rows, and the file.

A feature says what its list offers (`spec.ListSpec`), its page reads the state of a request (`service.ListService.state`) and shows it by
the macros of `templates/components/lists.html`. Which rows a list has, in which order and by which index, says the feature's repository.
"""
