import { VolleyError } from '../../core/base/errors.js';

/** A package that only some sources need, loaded when one does. @throws UNSUPPORTED with the command to type */
export async function optionalPackage<T>(load: () => Promise<T>, what: string, packages: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new VolleyError(
      'UNSUPPORTED',
      `${what} needs a package that is not installed here. Type: npm install ${packages}`,
      { packages },
      { cause },
    );
  }
}
