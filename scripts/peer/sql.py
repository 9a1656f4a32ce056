"""The queries for the batch engines, which have no windows over time: the fastest form known of each. Hopping windows
are made of panes, as Millrace makes them; S3b is the last state of its changes."""

BIN = {
    "duckdb": lambda time, seconds: f"time_bucket(INTERVAL '{seconds} seconds', {time})",
    "datafusion": lambda time, seconds: f"date_bin(INTERVAL '{seconds} seconds', {time})",
    "clickhouse": lambda time, seconds: f"toStartOfInterval({time}, INTERVAL {seconds} SECOND)",
}
LATER = {
    "duckdb": lambda time, seconds: f"{time} + INTERVAL '{seconds} seconds'",
    "datafusion": lambda time, seconds: f"{time} + INTERVAL '{seconds} seconds'",
    "clickhouse": lambda time, seconds: f"{time} + INTERVAL {seconds} SECOND",
}


def slices(engine, time, seconds, most):
    """The beginning of a window, and what the panes `panes` are joined with so that each is in `most` windows."""
    if engine == "clickhouse":
        # A DateTime has no time before 1970.
        return f"toDateTime64({time}, 0, 'UTC') - toIntervalSecond(k)", f"(SELECT number * {seconds} AS k FROM numbers({most})) AS steps"
    steps = ", ".join(f"(INTERVAL '{own * seconds} seconds')" for own in range(most))
    return f"{time} - k", f"(VALUES {steps}) AS steps(k)"


def minutes(engine):
    return f"""SELECT {BIN[engine]('ts', 60)} AS w, trader, symbol, COUNT(*) AS n, SUM(qty) AS q, AVG(price) AS p
      FROM t GROUP BY w, trader, symbol"""


def hops(engine):
    start, steps = slices(engine, "pane", 5, 12)
    return f"""WITH panes AS (
        SELECT {BIN[engine]('ts', 5)} AS pane, symbol, COUNT(*) AS n, SUM(qty) AS q, SUM(price) AS p
        FROM t GROUP BY pane, symbol),
      slices AS (SELECT {start} AS w, symbol, n, q, p FROM panes CROSS JOIN {steps})
      SELECT w, symbol, SUM(n) AS n1, SUM(q) AS q1, SUM(p) / SUM(n) AS p1 FROM slices GROUP BY w, symbol"""


def hot_items(engine):
    start, steps = slices(engine, "pane", 2, 5)
    return f"""WITH panes AS (
        SELECT auction, {BIN[engine]('date_time', 2)} AS pane, COUNT(*) AS n FROM bid GROUP BY auction, pane),
      slices AS (SELECT auction, {start} AS w, n FROM panes CROSS JOIN {steps}),
      counts AS (SELECT auction, w, SUM(n) AS num FROM slices GROUP BY auction, w),
      most AS (SELECT w AS mw, MAX(num) AS maxn FROM counts GROUP BY w)
      SELECT auction, num FROM counts JOIN most ON w = mw WHERE num >= maxn"""


def highest_bid(engine):
    return f"""WITH most AS (
        SELECT MAX(price) AS maxprice, {BIN[engine]('date_time', 10)} AS w FROM bid GROUP BY w)
      SELECT auction, price, bidder, date_time, extra FROM bid JOIN most ON price = maxprice
      WHERE date_time BETWEEN w AND {LATER[engine]('w', 10)}"""


def new_sellers(engine):
    return f"""WITH p AS (
        SELECT id, name, {BIN[engine]('date_time', 10)} AS pw FROM person GROUP BY id, name, pw),
      a AS (SELECT seller, {BIN[engine]('date_time', 10)} AS aw FROM auction GROUP BY seller, aw)
      SELECT id, name, pw FROM p JOIN a ON id = seller AND pw = aw"""


QUERIES = {
    "S0": lambda _: "SELECT symbol, price, qty FROM t WHERE price > 500",
    "S2": lambda _: """SELECT symbol, COUNT(*) AS n, AVG(price) AS a, MIN(price) AS l, MAX(price) AS g, SUM(qty) AS q
      FROM t GROUP BY symbol""",
    "S3a": minutes,
    "S3b": minutes,
    "S4": hops,
    "q1": lambda _: "SELECT auction, bidder, 0.908 * price AS price1, date_time, extra FROM bid",
    "q2": lambda _: "SELECT auction, price FROM bid WHERE auction % 123 = 0",
    "q5": hot_items,
    "q7": highest_bid,
    "q8": new_sellers,
}


def text(engine, query):
    return QUERIES[query](engine)


def column(name):
    import polars
    return polars.col(name)


def polars_minutes(tables):
    import polars
    return tables["t"].group_by(column("ts").dt.truncate("1m"), "trader", "symbol").agg(
        polars.len(), column("qty").sum(), column("price").mean())


def polars_slices(panes, time, every_ms, most):
    """Each pane in all windows that count it."""
    import polars
    steps = polars.LazyFrame({"k": [own * every_ms for own in range(most)]})
    return panes.join(steps, how="cross").with_columns(column(time) - polars.duration(milliseconds=column("k"))).drop("k")


def polars_hops(tables):
    import polars
    panes = tables["t"].group_by(column("ts").dt.truncate("5s"), "symbol").agg(
        polars.len().alias("n").cast(polars.Int64), column("qty").sum(), column("price").sum())
    windows = polars_slices(panes, "ts", 5000, 12).group_by("ts", "symbol").agg(
        column("n").sum(), column("qty").sum(), column("price").sum())
    return windows.with_columns(column("price") / column("n"))


def polars_hot_items(tables):
    import polars
    panes = tables["bid"].group_by("auction", column("date_time").dt.truncate("2s")).agg(polars.len().alias("n"))
    counts = polars_slices(panes, "date_time", 2000, 5).group_by("auction", "date_time").agg(column("n").sum())
    most = counts.group_by("date_time").agg(column("n").max().alias("most"))
    hot = counts.join(most, on="date_time").filter(column("n") >= column("most"))
    return hot.select("auction", column("n").cast(polars.Int64))


def polars_highest_bid(tables):
    import polars
    bid = tables["bid"]
    most = bid.group_by(column("date_time").dt.truncate("10s").alias("w")).agg(column("price").max())
    inside = column("date_time").is_between(column("w"), column("w") + polars.duration(seconds=10))
    return bid.join(most, on="price").filter(inside).select("auction", "price", "bidder", "date_time", "extra")


def polars_new_sellers(tables):
    window = column("date_time").dt.truncate("10s").alias("w")
    persons = tables["person"].select("id", "name", window).unique()
    sellers = tables["auction"].select("seller", window).unique()
    return persons.join(sellers, left_on=["id", "w"], right_on=["seller", "w"]).select("id", "name", "w")


def polars_groups(tables):
    import polars
    price = column("price")
    return tables["t"].group_by("symbol").agg(
        polars.len(), price.mean().alias("a"), price.min().alias("l"), price.max().alias("g"), column("qty").sum())


POLARS = {
    "S0": lambda tables: tables["t"].filter(column("price") > 500).select("symbol", "price", "qty"),
    "S2": polars_groups,
    "S3a": polars_minutes,
    "S3b": polars_minutes,
    "S4": polars_hops,
    "q1": lambda tables: tables["bid"].select(
        "auction", "bidder", (0.908 * column("price")).alias("price"), "date_time", "extra"),
    "q2": lambda tables: tables["bid"].filter(column("auction") % 123 == 0).select("auction", "price"),
    "q5": polars_hot_items,
    "q7": polars_highest_bid,
    "q8": polars_new_sellers,
}
