import type { Question } from './question.js';

/** The five questions of duckdblabs/db-benchmark's join task: every column of both sides but the right key. */
export const joinQuestions: readonly Question[] = [
  {
    id: 'q1',
    title: 'small inner on id1',
    sql: 'SELECT x.*, small.id4 AS id4_right, v2 FROM x JOIN small USING (id1)',
    volley: ({ x, small }) => x!.join(small!, { on: 'id1', how: 'inner' }),
  },
  {
    id: 'q2',
    title: 'medium inner on id2',
    sql: mediumColumns('JOIN medium USING (id2)', 'id1, id4, id5'),
    volley: ({ x, medium }) => x!.join(medium!, { on: 'id2', how: 'inner' }),
  },
  {
    id: 'q3',
    title: 'medium left on id2',
    sql: mediumColumns('LEFT JOIN medium USING (id2)', 'id1, id4, id5'),
    volley: ({ x, medium }) => x!.join(medium!, { on: 'id2', how: 'left' }),
  },
  {
    id: 'q4',
    title: 'medium inner on id5 (string)',
    sql: mediumColumns('JOIN medium USING (id5)', 'id1, id2, id4'),
    volley: ({ x, medium }) => x!.join(medium!, { on: 'id5', how: 'inner' }),
  },
  {
    id: 'q5',
    title: 'big inner on id3',
    sql: `SELECT x.*, ${right('big', 'id1, id2, id4, id5, id6')}, v2 FROM x JOIN big USING (id3)`,
    volley: ({ x, big }) => x!.join(big!, { on: 'id3', how: 'inner' }),
  },
];

function mediumColumns(join: string, columns: string): string {
  return `SELECT x.*, ${right('medium', columns)}, v2 FROM x ${join}`;
}

/** The right side's columns under the names that Volley's suffix gives them. */
function right(table: string, columns: string): string {
  return columns
    .split(', ')
    .map(name => `${table}.${name} AS ${name}_right`)
    .join(', ');
}
