/**
 * What runs plans, which is most of the dataframe's code: loaded when a session starts or a frame first asks for an
 * answer, so that a program which only imports the verbs does not wait for it.
 */
type Engine = typeof import('./actions.js') &
  typeof import('../distribute/run.js') &
  typeof import('../distribute/sink.js') &
  typeof import('../distribute/sink-postgres.js');

let engine: Engine | null = null;

/** Loaded once: a later call waits for nothing but its promise. */
export async function loadEngine(): Promise<Engine> {
  if (engine !== null) return engine;
  const parts = await Promise.all([
    import('./actions.js'),
    import('../distribute/run.js'),
    import('../distribute/sink.js'),
    import('../distribute/sink-postgres.js'),
  ]);
  engine = Object.assign({}, ...parts) as Engine;
  return engine;
}
