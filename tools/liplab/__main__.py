"""``python -m liplab``: the same as the command ``liplab``."""

import sys

from liplab.cli import main

sys.exit(main())
