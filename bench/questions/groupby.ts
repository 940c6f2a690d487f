import { col, corr, len } from '../../index.js';
import type { Question } from './question.js';

/** The ten questions of duckdblabs/db-benchmark's group-by task. */
export const groupbyQuestions: readonly Question[] = [
  {
    id: 'q1',
    title: 'sum v1 by id1',
    sql: 'SELECT id1, sum(v1) AS v1 FROM x GROUP BY id1',
    volley: ({ x }) => x!.groupBy('id1').agg(col('v1').sum()),
  },
  {
    id: 'q2',
    title: 'sum v1 by id1, id2',
    sql: 'SELECT id1, id2, sum(v1) AS v1 FROM x GROUP BY id1, id2',
    volley: ({ x }) => x!.groupBy('id1', 'id2').agg(col('v1').sum()),
  },
  {
    id: 'q3',
    title: 'sum v1, mean v3 by id3',
    sql: 'SELECT id3, sum(v1) AS v1, avg(v3) AS v3 FROM x GROUP BY id3',
    volley: ({ x }) => x!.groupBy('id3').agg(col('v1').sum(), col('v3').mean()),
  },
  {
    id: 'q4',
    title: 'mean v1, v2, v3 by id4',
    sql: 'SELECT id4, avg(v1) AS v1, avg(v2) AS v2, avg(v3) AS v3 FROM x GROUP BY id4',
    volley: ({ x }) => x!.groupBy('id4').agg(col('v1').mean(), col('v2').mean(), col('v3').mean()),
  },
  {
    id: 'q5',
    title: 'sum v1, v2, v3 by id6',
    sql: 'SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM x GROUP BY id6',
    volley: ({ x }) => x!.groupBy('id6').agg(col('v1').sum(), col('v2').sum(), col('v3').sum()),
  },
  {
    id: 'q6',
    title: 'median, sd v3 by id4, id5',
    sql: 'SELECT id4, id5, median(v3) AS median_v3, stddev(v3) AS sd_v3 FROM x GROUP BY id4, id5',
    volley: ({ x }) =>
      x!.groupBy('id4', 'id5').agg(col('v3').median().alias('median_v3'), col('v3').std().alias('sd_v3')),
  },
  {
    id: 'q7',
    title: 'max v1 − min v2 by id3',
    sql: 'SELECT id3, max(v1) - min(v2) AS range_v1_v2 FROM x GROUP BY id3',
    volley: ({ x }) => x!.groupBy('id3').agg(col('v1').max().sub(col('v2').min()).alias('range_v1_v2')),
  },
  {
    id: 'q8',
    title: 'two largest v3 by id6',
    sql: 'SELECT id6, unnest(max(v3, 2)) AS v3 FROM x WHERE v3 IS NOT NULL GROUP BY id6',
    volley: ({ x }) => x!.filter(col('v3').isNotNull()).groupBy('id6').agg(col('v3').topK(2)).explode('v3'),
  },
  {
    id: 'q9',
    title: 'corr(v1, v2)² by id2, id4',
    sql: 'SELECT id2, id4, pow(corr(v1, v2), 2) AS r2 FROM x GROUP BY id2, id4',
    volley: ({ x }) => x!.groupBy('id2', 'id4').agg(corr('v1', 'v2').pow(2).alias('r2')),
  },
  {
    id: 'q10',
    title: 'sum v3, count by id1..id6',
    sql: 'SELECT id1, id2, id3, id4, id5, id6, sum(v3) AS v3, count(*) AS n FROM x GROUP BY id1, id2, id3, id4, id5, id6',
    volley: ({ x }) =>
      x!.groupBy('id1', 'id2', 'id3', 'id4', 'id5', 'id6').agg(col('v3').sum(), len().alias('n')),
  },
];
