/** A row number's own pseudo-random number: one in `n` rows has 0. */
const draw = (key: string, n: number) => `(hash(${key}) % ${n})`;

/** SQL of nested values of every kind, by row `i`: nulls and empties at each level. Maps are last. */
export const nestedSql: Readonly<Record<string, string>> = {
  ints: `CASE WHEN ${draw('i + 1', 5)} = 0 THEN NULL ELSE list_transform(range(${draw('i + 2', 4)}::INT), j -> CASE WHEN ${draw('i * 7 + j', 4)} = 0 THEN NULL ELSE i * 1000 + j END) END`,
  lists: `CASE WHEN ${draw('i + 3', 5)} = 0 THEN NULL ELSE list_transform(range(${draw('i + 4', 4)}::INT), j -> CASE WHEN ${draw('i * 11 + j', 4)} = 0 THEN NULL ELSE list_transform(range(${draw('i * 13 + j', 3)}::INT), k -> CASE WHEN ${draw('i * 17 + j * 5 + k', 4)} = 0 THEN NULL ELSE 't' || ((i + j * k) % 50) END) END) END`,
  deep: `CASE WHEN ${draw('i + 5', 6)} = 0 THEN NULL ELSE list_transform(range(${draw('i + 6', 3)}::INT), j -> list_transform(range(${draw('i * 3 + j', 3)}::INT), k -> CASE WHEN ${draw('i * 19 + j + k', 3)} = 0 THEN NULL ELSE list_transform(range(${draw('i + j + k', 3)}::INT), l -> ((i + l) % 30000)::SMALLINT) END)) END`,
  structs: `CASE WHEN ${draw('i + 7', 5)} = 0 THEN NULL ELSE list_transform(range(${draw('i + 8', 4)}::INT), j -> CASE WHEN ${draw('i * 23 + j', 4)} = 0 THEN NULL ELSE {'x': CASE WHEN ${draw('i * 29 + j', 3)} = 0 THEN NULL ELSE i + j END, 't': 'näme "' || (i % 40), 'l': CASE WHEN ${draw('i * 31 + j', 3)} = 0 THEN NULL ELSE range(${draw('i * 37 + j', 3)}::INT) END} END) END`,
  inside: `CASE WHEN ${draw('i + 9', 5)} = 0 THEN NULL ELSE {'l': CASE WHEN ${draw('i + 10', 3)} = 0 THEN NULL ELSE range(${draw('i + 11', 4)}::INT) END, 'flat': i, 's': CASE WHEN ${draw('i + 12', 3)} = 0 THEN NULL ELSE {'m': CASE WHEN ${draw('i + 13', 4)} = 0 THEN NULL ELSE list_transform(range(${draw('i + 14', 3)}::INT), j -> {'b': j % 2 = 0, 'i': i}) END} END} END`,
  map: `CASE WHEN ${draw('i + 15', 5)} = 0 THEN NULL ELSE map_from_entries(list_transform(range(${draw('i + 16', 4)}::INT), j -> {'k': 'key ' || j, 'v': CASE WHEN ${draw('i * 41 + j', 3)} = 0 THEN NULL ELSE i * j END})) END`,
  maps: `CASE WHEN ${draw('i + 17', 5)} = 0 THEN NULL ELSE list_transform(range(${draw('i + 18', 3)}::INT), j -> CASE WHEN ${draw('i * 43 + j', 3)} = 0 THEN NULL ELSE map_from_entries(list_transform(range(${draw('i * 47 + j', 3)}::INT), k -> {'k': k, 'v': CASE WHEN ${draw('i * 53 + j + k', 3)} = 0 THEN NULL ELSE [{'z': i + k, 'b': k = 1}, NULL] END})) END) END`,
};

/** What DuckDB makes of them in the form of cells; maps are lists of keys and values. */
export const nestedCells: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.keys(nestedSql).map(name => [name, `to_json(${name})::VARCHAR`])),
  map: 'to_json(map_entries(map))::VARCHAR',
  maps: 'to_json(list_transform(maps, m -> map_entries(m)))::VARCHAR',
};

export const nestedSelect = (rows: number) =>
  `SELECT ${Object.entries(nestedSql).map(([name, sql]) => `${sql} AS ${name}`)} FROM range(${rows}) u(i)`;
