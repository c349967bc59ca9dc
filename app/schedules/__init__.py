"""Triggers that start runs by the clock.

`upkeep` keeps a row for each trigger of a live version that has a timetable (`TriggerType.timetable`): it compares workspaces whose epoch
has moved, so every way of changing a workflow counts. `firing` takes the rows whose time has come: the row of the firing, which is unique
by the minute that clocks showed, the runs in the engine's inbox (or an enrolment, for an audience) and the next time are one transaction,
so no scheduler fires twice, and none is lost. `missed` says what becomes of times that have passed meanwhile.
"""
