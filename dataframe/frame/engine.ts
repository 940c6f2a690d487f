/**
 * What runs plans, which is most of the dataframe's code: loaded when a session starts or a frame first asks for an
 * answer, so that a program which only imports the verbs does not wait for it.
 */
type Engine = typeof import('./actions.js');

let engine: Engine | null = null;

export async function loadEngine(): Promise<Engine> {
  engine ??= await import('./actions.js');
  return engine;
}
