export function importTask<F extends (...args: never[]) => unknown>(url: string, name: string): F {
  return (async (...args: never[]) => (await import(url))[name](...args)) as unknown as F;
}
