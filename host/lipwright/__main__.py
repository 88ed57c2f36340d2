"""``python -m lipwright`` is the same as ``lipwright``."""

from lipwright.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
