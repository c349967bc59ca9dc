"""What developers run: the checks of `./dev test`, a Chromium for the stories, servers that live as long as one command."""
