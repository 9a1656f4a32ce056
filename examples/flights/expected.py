#!/usr/bin/env python3
"""The answer to flights.sql, computed without Millrace: plain Python, no dependencies.

Follows Flink's rule for late rows, record by record:

* the watermark is the greatest scheduled departure seen so far, less two hours;
* a window [start, end) has fired once the watermark has reached end - 1 ms;
* a row whose window has fired is late and is left out of that window's result.

A row whose `dep_delay` is not a whole number is bad: it is in no window and moves no watermark.

Run it in this folder: it writes expected-hourly.json, expected-daily.json and expected-account.json.
"""

import csv
import datetime
import json

DELAY_MS = 2 * 60 * 60 * 1000
HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
EPOCH = datetime.datetime(1970, 1, 1)


def milliseconds(row):
    """The scheduled departure as milliseconds since 1970, as the clock in New York shows it."""
    at = datetime.datetime(*(int(row[name]) for name in ("year", "month", "day", "hour", "minute")))
    return int((at - EPOCH).total_seconds()) * 1000


def text(ms):
    return (EPOCH + datetime.timedelta(milliseconds=ms)).strftime("%Y-%m-%d %H:%M:%S")


class Windows:
    """Tumbling windows of one size, by one column."""

    def __init__(self, size, column):
        self.size, self.column = size, column
        self.delays, self.late = {}, 0

    def add(self, row, at, delay, watermark):
        start = at - at % self.size
        if watermark >= start + self.size - 1:
            self.late += 1
        else:
            self.delays.setdefault((start, row[self.column]), []).append(delay)


def write(name, rows):
    with open(name, "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row) + "\n")


def main():
    hourly, daily = Windows(HOUR_MS, "carrier"), Windows(DAY_MS, "origin")
    read = bad = 0
    watermark = -(2**63)
    with open("flights-2013-01.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            read += 1
            try:
                delay = int(row["dep_delay"])
            except ValueError:
                bad += 1
                continue
            at = milliseconds(row)
            watermark = max(watermark, at - DELAY_MS)
            hourly.add(row, at, delay, watermark)
            daily.add(row, at, delay, watermark)

    write(
        "expected-hourly.json",
        (
            {
                "window_start": text(start),
                "carrier": carrier,
                "flights": len(delays),
                "mean_delay": sum(delays) / len(delays),
                "worst_delay": max(delays),
            }
            for (start, carrier), delays in sorted(hourly.delays.items())
        ),
    )
    write(
        "expected-daily.json",
        (
            {
                "window_start": text(start),
                "origin": origin,
                "flights": len(delays),
                "over_an_hour": sum(delay > 60 for delay in delays),
                "mean_delay": sum(delays) / len(delays),
                "worst_delay": max(delays),
            }
            for (start, origin), delays in sorted(daily.delays.items())
        ),
    )
    account = {
        "read": read,
        "bad": bad,
        "accepted": read - bad,
        "late_hourly": hourly.late,
        "late_daily": daily.late,
        "rows_hourly": len(hourly.delays),
        "rows_daily": len(daily.delays),
    }
    with open("expected-account.json", "w", encoding="utf-8") as out:
        json.dump(account, out, indent=2)
        out.write("\n")


if __name__ == "__main__":
    main()
