"""The page of the canvas: its saving, panels, forms, results and the path of one run. A feature above workflows, runs and insights."""
