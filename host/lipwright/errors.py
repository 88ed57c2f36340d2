"""The one error that a user sees."""


class LipwrightError(Exception):
    """Something the user can mend; its text is one clear sentence that says what to do.

    The command line prints it without a traceback and exits with code 2.
    """
