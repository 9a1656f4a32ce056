CREATE TABLE t (id INT) WITH ('connector' = 'stdin', 'format' = 'json');
SELECT id BETWEEN ARRAY[1] AND 2 FROM t;
