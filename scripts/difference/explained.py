"""Differences that are known and stay: what it is in a query, and why."""
KNOWN = []


def reason(query, found, wanted):
    """Why this difference is no mistake of Millrace's; None if that is not known."""
    return next((why for test, why in KNOWN if test(query, found, wanted)), None)
