-- Departures from New York in January 2013: how late do flights leave, hour by hour and day by day?
--
--   cargo run --release -p millrace-server -- run examples/flights/flights.sql
--
-- The rows come in the order in which the aircraft left (a cancelled flight: when it should have), but event
-- time is the *scheduled* departure. A flight that leaves two hours late is therefore a row that comes two
-- hours late: the disorder is real, and so are the rows that come too late for their window. A cancelled
-- flight has no delay ('NA'): a bad row, which leaves with its place and reason and stops nothing.

CREATE TABLE flights (
  `year` STRING,
  `month` STRING,
  `day` STRING,
  dep_time STRING,
  sched_dep_time STRING,
  dep_delay INT,
  arr_time STRING,
  sched_arr_time STRING,
  arr_delay STRING,
  carrier STRING,
  flight INT,
  tailnum STRING,
  origin STRING,
  dest STRING,
  air_time STRING,
  distance INT,
  `hour` STRING,
  `minute` STRING,
  time_hour STRING,
  scheduled AS TO_TIMESTAMP(CONCAT(`year`, '-', `month`, '-', `day`, ' ', `hour`, ':', `minute`), 'yyyy-M-d H:m'),
  WATERMARK FOR scheduled AS scheduled - INTERVAL '2' HOUR
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/flights/flights-2013-01.csv',
  'format' = 'csv',
  'csv.ignore-first-line' = 'true'
);

-- The hour in which each carrier's flights should have left.
CREATE TABLE hourly (
  window_start TIMESTAMP(3),
  carrier STRING,
  flights BIGINT,
  mean_delay DOUBLE,
  worst_delay INT
) WITH (
  'connector' = 'print'
);

-- The day at each airport, for other programs to read.
CREATE TABLE daily (
  window_start TIMESTAMP(3),
  origin STRING,
  flights BIGINT,
  over_an_hour BIGINT,
  mean_delay DOUBLE,
  worst_delay INT
) WITH (
  'connector' = 'filesystem',
  'path' = 'target/flights/daily',
  'format' = 'json'
);

-- Both queries read the same file: it is read and decoded once.
EXECUTE STATEMENT SET
BEGIN

INSERT INTO hourly
SELECT window_start, carrier, COUNT(*), AVG(CAST(dep_delay AS DOUBLE)), MAX(dep_delay)
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(scheduled), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, carrier;

INSERT INTO daily
SELECT window_start, origin, COUNT(*), COUNT(*) FILTER (WHERE dep_delay > 60),
       AVG(CAST(dep_delay AS DOUBLE)), MAX(dep_delay)
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(scheduled), INTERVAL '1' DAY))
GROUP BY window_start, window_end, origin;

END;
