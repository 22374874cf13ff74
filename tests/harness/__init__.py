"""What tests across packages stand on: real processes, a network to cut, real pages, and waits that end."""
