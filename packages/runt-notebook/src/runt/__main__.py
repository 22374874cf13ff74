"""`python -m runt`."""

import sys

if sys.argv[1:2] == ["agent"]:  # an agent comes up sooner without the command line around it
    from runtime_node import main

    sys.exit(main(sys.argv[2:]))

from .main import app

app()
