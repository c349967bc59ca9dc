"""What is kept, for how long and how much of it: one list of rules, the page that shows and changes them, the job that obeys them."""
