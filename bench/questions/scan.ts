import { col, type DataFrame, len } from '../../index.js';
import type { Question } from './question.js';

/** Files of the group-by table by the letter its questions begin with. */
const forms = { s: 'snappy', z: 'zstd', c: 'csv' } as const;
/** Selects about ten rows of 1e7; the row groups that hold none of them can be told by their statistics. */
const fewBelow = 0.0001;

/** The same five questions of the group-by table in each form, and three of a real file. */
export const scanQuestions: readonly Question[] = [
  ...Object.entries(forms).flatMap(([letter, name]) => questionsOver(letter, name)),
  {
    id: 'f1',
    title: 'flights: count, mean delay by origin',
    sql: 'SELECT origin, count(*) AS n, avg(delay) AS delay FROM flights GROUP BY origin',
    volley: ({ flights }) => flights!.groupBy('origin').agg(len().alias('n'), col('delay').mean()),
  },
  {
    id: 'f2',
    title: 'flights: all columns',
    sql: 'SELECT * FROM flights',
    volley: ({ flights }) => flights!,
  },
  {
    id: 'f3',
    title: 'flights: late ones by route',
    sql: 'SELECT origin, destination, count(*) AS n, sum(distance) AS distance FROM flights WHERE delay > 60 GROUP BY ALL',
    volley: ({ flights }) =>
      flights!
        .filter(col('delay').gt(60))
        .groupBy('origin', 'destination')
        .agg(len().alias('n'), col('distance').sum()),
  },
];

function questionsOver(letter: string, name: string): Question[] {
  const x = (tables: Readonly<Record<string, DataFrame>>) => tables[name]!;
  return [
    {
      id: `${letter}1`,
      title: `${name}: sum v1 by id1`,
      sql: `SELECT id1, sum(v1) AS v1 FROM ${name} GROUP BY id1`,
      volley: tables => x(tables).groupBy('id1').agg(col('v1').sum()),
    },
    {
      id: `${letter}2`,
      title: `${name}: sum v1 by id3`,
      sql: `SELECT id3, sum(v1) AS v1 FROM ${name} GROUP BY id3`,
      volley: tables => x(tables).groupBy('id3').agg(col('v1').sum()),
    },
    {
      id: `${letter}3`,
      title: `${name}: sum v1, v2, v3 by id6`,
      sql: `SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM ${name} GROUP BY id6`,
      volley: tables => x(tables).groupBy('id6').agg(col('v1').sum(), col('v2').sum(), col('v3').sum()),
    },
    {
      id: `${letter}4`,
      title: `${name}: all columns`,
      sql: `SELECT * FROM ${name}`,
      volley: x,
    },
    {
      id: `${letter}5`,
      title: `${name}: few rows, all columns`,
      sql: `SELECT * FROM ${name} WHERE v3 < ${fewBelow}`,
      volley: tables => x(tables).filter(col('v3').lt(fewBelow)),
    },
  ];
}
