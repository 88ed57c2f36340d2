"""``python -m lipwright``: the same as the command ``lipwright``."""

import sys

from lipwright.cli import main

sys.exit(main())
