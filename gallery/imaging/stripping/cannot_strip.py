class CannotStrip(ValueError):
    """The file cannot be walked to its end, so nobody can say what is left in it: it must be made anew from pixels."""
